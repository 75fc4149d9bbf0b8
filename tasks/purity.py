"""Purity: does a clip sound like the character its speaker is labelled as, more than like anybody else?

Vectors in, figures out; what to do about them is decided in `dataset`. A
character's gallery is its references and the clips that surely are its own;
a clip is never compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.domain import Vectors

Figures = NDArray[np.float64]
NONE = np.float64("nan")
"""Where there is nothing to compare with."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """For each clip (row): cosines to galleries. `own`: to the character it is labelled as; `purity`: own
    minus the best other known person's; `rival`: to the nearest speaker nobody has labelled. NaN for none.

    `scores`: to every character, float64 (clips, characters), the clip's own without itself.
    """

    characters: tuple[str, ...]
    scores: Figures
    own: Figures
    purity: Figures
    rival: Figures


def compare(
    vectors: Vectors,
    persons: Sequence[str | None],
    references: Mapping[str, Vectors],
    characters: Sequence[str],
    *,
    sure: float,
) -> Likeness:
    """How like the clips are to each character.

    `persons`: for each clip the person its speaker is labelled as: a character, or any other name for a
    stranger; a name that starts with `?` is a speaker without a label. None: in no gallery. Galleries
    are made twice, the second time of the clips whose purity was at least `sure` the first time.
    """
    names = np.array([person or "" for person in persons], object)
    people = tuple(sorted({name for name in names if name} | set(references) | set(characters))) or ("?",)
    position = {name: index for index, name in enumerate(people)}
    whose = np.array([position.get(name, -1) for name in names], int)
    unknown = np.array([name.startswith("?") for name in people], bool)
    inside = whose >= 0
    for _ in range(2):
        scores = _scores(vectors, whose, inside, people, references)
        own, purity = _own(scores, whose), _purity(scores, whose, unknown)
        inside = (whose >= 0) & ~(purity < sure)
    columns = [position[character] for character in characters]
    rivals = scores[:, unknown].copy()
    rivals[whose[:, None] == np.flatnonzero(unknown)[None]] = NONE
    return Likeness(
        characters=tuple(characters), scores=scores[:, columns], own=own, purity=purity, rival=_best(rivals)
    )


def _scores(
    vectors: Vectors,
    whose: NDArray[np.int_],
    inside: NDArray[np.bool_],
    people: Sequence[str],
    references: Mapping[str, Vectors],
) -> Figures:
    """Cosine of every clip to every person's gallery, float64 (clips, people); NaN for an empty gallery.

    References count as much as all clips together, so that a wrong label cannot turn a gallery around.
    """
    everything = vectors.astype(np.float64)
    scores = np.full((len(vectors), len(people)), NONE)
    for index, name in enumerate(people):
        known = references.get(name)
        anchor = _unit(known.astype(np.float64).mean(axis=0)) if known is not None and len(known) else None
        members = inside & (whose == index)
        total = everything[members].sum(axis=0)
        if anchor is not None or members.any():
            scores[:, index] = everything @ _gallery(anchor, total)
        if members.any():
            rest = _gallery(anchor, total - everything[members])
            alone = anchor is None and members.sum() == 1
            scores[members, index] = NONE if alone else (everything[members] * rest).sum(axis=1)
    return scores


def _gallery(anchor: Figures | None, total: Figures) -> Figures:
    clips = _unit(total)
    return clips if anchor is None else _unit(clips + anchor)


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
