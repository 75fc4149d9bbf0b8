"""Purity: does a clip sound like the character its speaker is labelled as, more than like anybody else?

Vectors in, figures out; what to do about them is decided in `dataset`. A
character's gallery is its references and the clips that surely are its own;
a clip is never compared with itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.domain import Vectors

Figures = NDArray[np.float64]
NONE = np.float64("nan")
"""Where there is nothing to compare with."""
_SOMEBODY_ELSE = 0.85
"""Two galleries nearer than this may be one person's."""
_AS_LIKE = 0.05
"""Clips whose likeness to each other is this near to the usual one are one voice."""
_MOST_GAIN = 0.1
_PER_LOG_ODD = 0.025
_UNKNOWN = 0.29
"""Taken for the probability of a second voice where the sound cannot tell: a large gallery's vectors alone must say
0.022."""
_QUARTILE = 0.25
"""Not the median: two voices among a person's clips would raise it."""
_ONE_VOICE, _MOST_USUAL = -2.5, 4.0
"""Log-odds of a second voice that the detector usually gives one (lower quartile of clips of people it had not heard),
and how much more may be a voice's own."""
_FEW = 8
"""Clips of which a gallery's word on a mixture counts half: of few clips it is as far from a clean one by chance."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """For each clip (row): cosines to galleries. `own`: to the character it is labelled as; `purity`: own
    minus the best other known person's; `rival`: to the nearest speaker nobody has labelled; `mixture`: how much
    nearer the clip is to a mixture of its character with another person than to its character. NaN for none.
    `known`: how many references and sure clips, without itself, `own` is made of.

    `scores`: to every character, float64 (clips, characters), the clip's own without itself.
    """

    characters: tuple[str, ...]
    scores: Figures
    own: Figures
    purity: Figures
    rival: Figures
    mixture: Figures
    known: NDArray[np.int_]


def compare(
    vectors: Vectors,
    persons: Sequence[str | None],
    references: Mapping[str, Vectors],
    characters: Sequence[str],
    *,
    episodes: Sequence[str],
    sure: float,
) -> Likeness:
    """How like the clips are to each character.

    `persons`: for each clip the person its speaker is labelled as: a character, or any other name for a
    stranger; a name that starts with `?` is a speaker without a label. None: in no gallery. Galleries
    are made twice, the second time of the clips whose purity was at least `sure` the first time.
    `episodes`: the episode of each clip; the second voice of a mixture is sought among the people heard there, since
    of a whole season's people somebody always fits by chance.
    """
    names = np.array([person or "" for person in persons], object)
    people = tuple(sorted({name for name in names if name} | set(references) | set(characters))) or ("?",)
    position = {name: index for index, name in enumerate(people)}
    whose = np.array([position.get(name, -1) for name in names], int)
    unknown = np.array([name.startswith("?") for name in people], bool)
    inside = whose >= 0
    anchors = _anchors(people, references, vectors.shape[1])
    for _ in range(2):
        galleries = _galleries(vectors, whose, inside, anchors)
        scores = _scores(vectors, whose, inside, anchors, galleries)
        own, purity = _own(scores, whose), _purity(scores, whose, unknown)
        counts = np.array([len(references.get(name, ())) for name in people])
        counts += np.bincount(whose[inside], minlength=len(people))
        known = np.where(whose < 0, 0, counts[whose] - inside)
        inside = _surely(whose, own, purity, sure, anchors)
    columns = [position[character] for character in characters]
    rivals = scores[:, unknown].copy()
    rivals[whose[:, None] == np.flatnonzero(unknown)[None]] = NONE
    return Likeness(
        characters=tuple(characters),
        scores=scores[:, columns],
        own=own,
        purity=purity,
        rival=_best(rivals),
        mixture=_mixture(scores, whose, galleries @ galleries.T, _heard_there(whose, episodes, len(people))),
        known=known,
    )


def _surely(whose: NDArray[np.int_], own: Figures, purity: Figures, sure: float, anchors: Figures) -> NDArray[np.bool_]:
    """Clips that make the galleries: surely their person's. And the surer half of one without references who would lose
    most, as one of two roles of an actor does, if they are as like each other as clips of one voice are here.

    Not all of them: those least sure are the clips that a wrong label or two voices brought in, and a gallery of many
    people's clips is near to everybody.
    """
    inside = (whose >= 0) & ~(purity < sure)
    usual = np.nanmedian(own) if np.isfinite(own).any() else NONE
    for person in np.flatnonzero(np.isnan(anchors[:, 0])):
        theirs = whose == person
        if 2 * (inside & theirs).sum() < theirs.sum():
            surer = theirs & (purity >= np.nanmedian(purity[theirs]))
            if np.nanmedian(own[surer]) > usual - _AS_LIKE:
                inside |= surer
    return inside


def _scores(
    vectors: Vectors, whose: NDArray[np.int_], inside: NDArray[np.bool_], anchors: Figures, galleries: Figures
) -> Figures:
    """Cosine of every clip to every person's gallery, float64 (clips, people), a clip's own without it."""
    everything = vectors.astype(np.float64)
    scores: Figures = everything @ galleries.T
    for index, anchor in enumerate(anchors):
        members = inside & (whose == index)
        if members.any():
            rest = _gallery(anchor, everything[members].sum(axis=0) - everything[members])
            alone = np.isnan(anchor[0]) and members.sum() == 1
            scores[members, index] = NONE if alone else (everything[members] * rest).sum(axis=1)
    return scores


def _galleries(vectors: Vectors, whose: NDArray[np.int_], inside: NDArray[np.bool_], anchors: Figures) -> Figures:
    """The unit vector of each person, float64 (people, dimension); NaN where nothing is known.

    References count as much as all clips together, so that a wrong label cannot turn a gallery around.
    """
    found = anchors.copy()
    for index, anchor in enumerate(anchors):
        members = inside & (whose == index)
        if members.any():
            found[index] = _gallery(anchor, vectors[members].astype(np.float64).sum(axis=0))
    return found


def _anchors(people: Sequence[str], references: Mapping[str, Vectors], dimension: int) -> Figures:
    found = np.full((len(people), dimension), NONE)
    for index, name in enumerate(people):
        known = references.get(name)
        if known is not None and len(known):
            found[index] = _unit(known.astype(np.float64).mean(axis=0))
    return found


def second_voice(mixture: float, probability: float | None, known: int, usual: float = 0.0) -> float | None:
    """How surely a clip holds a second voice, from its vector and its sound together; None if neither is known.

    The gain in cosine of a mixture of two galleries over one (at most 0.1), the less the fewer clips are `known` of
    its character, and the log-odds of the engine's detector, less what is `usual` for that voice. What it finds and
    loses by threshold: `tests/bench/second_voice.py`.
    """
    if probability is None and math.isnan(mixture):
        return None
    gain = 0.0 if math.isnan(mixture) else min(mixture, _MOST_GAIN)
    sound = _log_odds(_UNKNOWN) if probability is None else _log_odds(probability) - usual
    return round(gain * known / (known + _FEW) + _PER_LOG_ODD * sound, 4)


def usual_second_voice(probabilities: Sequence[float]) -> float:
    """By how many log-odds more than others' a voice's own clips sound like two, from the detector's word on them.

    A rough or acted voice does in most of its clips, and most of anybody's clips hold one voice. Of few clips it is
    less sure.
    """
    if not probabilities:
        return 0.0
    usual = float(np.quantile([_log_odds(each) for each in probabilities], _QUARTILE))
    more = min(max(usual - _ONE_VOICE, 0.0), _MOST_USUAL)
    return more * len(probabilities) / (len(probabilities) + _FEW)


def _log_odds(probability: float) -> float:
    sure = min(max(probability, 1e-3), 1 - 1e-3)
    return math.log(sure / (1 - sure))


def _heard_there(whose: NDArray[np.int_], episodes: Sequence[str], people: int) -> NDArray[np.bool_]:
    """Who is heard in the episode of each clip: bool (clips, people)."""
    names, number = np.unique(np.asarray(episodes), return_inverse=True)
    heard = np.zeros((len(names), people), bool)
    heard[number[whose >= 0], whose[whose >= 0]] = True
    return heard[number]


def _mixture(scores: Figures, whose: NDArray[np.int_], between: Figures, heard_there: NDArray[np.bool_]) -> Figures:
    """By how much the best mixture of its own gallery with another's is nearer to a clip than its own alone.

    Only another that is heard in the same episode and is clearly somebody else, and only where both have a share
    above nothing.
    """
    own = _own(scores, whose)[:, None]
    apart = np.where(between < _SOMEBODY_ELSE, between, NONE)[whose]
    rest = 1 - apart**2
    first, second = own - scores * apart, scores - own * apart
    length = np.sqrt(np.maximum((own**2 + scores**2 - 2 * own * scores * apart) / rest, 0.0))
    gains = np.where((first > 0) & (second > 0), length - own, np.where(np.isnan(second), NONE, 0.0))
    gains[np.arange(len(scores)), whose] = NONE
    gains[whose < 0] = NONE
    gains[~heard_there] = NONE
    return _best(gains)


def _gallery(anchor: Figures, total: Figures) -> Figures:
    clips = _unit(total)
    return clips if np.isnan(anchor[0]) else _unit(clips + anchor)


def _unit(vectors: Figures) -> Figures:
    lengths: Figures = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    unit: Figures = vectors / lengths
    return unit


def _own(scores: Figures, whose: NDArray[np.int_]) -> Figures:
    own: Figures = np.where(whose < 0, NONE, scores[np.arange(len(scores)), whose])
    return own


def _purity(scores: Figures, whose: NDArray[np.int_], unknown: NDArray[np.bool_]) -> Figures:
    others = scores.copy()
    others[np.arange(len(scores)), whose] = NONE
    others[:, unknown] = NONE
    purity: Figures = _own(scores, whose) - _best(others)
    return purity


def _best(scores: Figures) -> Figures:
    """The highest figure of each row that is a number; NaN where none is."""
    filled = np.where(np.isnan(scores), -np.inf, scores)
    best: Figures = filled.max(axis=1, initial=-np.inf)
    return np.where(np.isinf(best), NONE, best)
