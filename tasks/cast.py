"""Cast: which character a speaker of the series may be, judged by references.

Three bands: accept (needs no question), ask (a person decides), leave_out (a
stranger). A stranger must not become a character: what is near to nobody, or
as near to two, is asked or left out. Scores are cosines to the mean of a
character's reference vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.domain import HeardEpisode, Reference, Speaker, Suggestion, Vectors
from tasks.linking import one_model

Band = Literal["accept", "ask", "leave_out"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Thresholds of one embedding model, as cosines.

    `accept`: score plus half the lead over the second best, at least, to need no question (noise lowers
    scores more than leads); for little speech it is lower by `short` / seconds, since strangers too score
    lower then. `margin`: lead at least. `share`: of a speaker's clips
    that are nearest to the same character, at least. `ask`: below this score it is a stranger.
    `stranger`: what people who never met score; second best where the cast is small.
    """

    accept: float
    short: float
    margin: float
    ask: float
    stranger: float
    share: float = 0.6

    def accept_at(self, seconds: float) -> float:
        """What `seconds` of speech must reach."""
        return self.accept - self.short / max(seconds, 1.0)


RULES = {
    "resemblyzer": Rule(accept=0.88, short=0.09, margin=0.05, ask=0.65, stranger=0.65),
    "stub": Rule(accept=0.9, short=0.0, margin=0.1, ask=0.6, stranger=0.5),
}
"""By the first word of the model's name. Resemblyzer's: 242 LibriSpeech voices, clean and with music 18 dB
below, casts of 3 to 60: 1 % of strangers pass at any length; of clean characters 3 % are asked about from 3 s on,
of those with music 12 %."""
ASK_ABOUT_ALL = Rule(accept=float("inf"), short=0.0, margin=0.0, ask=-1.0, stranger=-1.0)
"""A model nobody calibrated: every speaker is asked about."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One clip's nearest character; fields as Suggestion's."""

    character: str | None
    score: float
    margin: float
    band: Band


def rule_for(model: str) -> Rule:
    """The rule of an embedding model by its name; a model nobody calibrated asks about everybody."""
    return RULES.get(model.partition(" ")[0], ASK_ABOUT_ALL)


def galleries_of(references: Sequence[Reference]) -> dict[str, Vectors]:
    """All reference vectors of each character. Raises ModelsDiffer."""
    one_model(reference.model for reference in references)
    galleries: dict[str, list[Vectors]] = {}
    for reference in references:
        if len(reference.vectors):
            galleries.setdefault(reference.character, []).append(reference.vectors)
    return {character: np.concatenate(vectors) for character, vectors in sorted(galleries.items())}


def identify(
    vectors: Vectors, seconds: Sequence[float], galleries: Mapping[str, Vectors], rule: Rule
) -> tuple[Match, ...]:
    """The nearest character of each vector (a row, a clip of so many seconds)."""
    characters, scores = _scores(vectors, galleries)
    return tuple(match(characters, row, each, rule) for row, each in zip(scores, seconds, strict=True))


def suggest(
    speakers: Sequence[Speaker],
    episodes: Sequence[HeardEpisode],
    references: Sequence[Reference],
    rule: Rule | None = None,
) -> tuple[Suggestion, ...]:
    """One suggestion a speaker, in their order. Without `rule`, the one of the vectors' model.

    Raises ModelsDiffer.
    """
    model = one_model([each.model for each in episodes if each.clips] + [each.model for each in references])
    rule = rule or rule_for(model or "")
    galleries = galleries_of(references)
    heard = {
        clip.id: (vector, clip.duration)
        for episode in episodes
        for clip, vector in zip(episode.clips, episode.vectors, strict=True)
    }
    return tuple(_suggestion(speaker, heard, galleries, rule) for speaker in speakers)


def _suggestion(
    speaker: Speaker,
    heard: Mapping[str, tuple[Vectors, float]],
    galleries: Mapping[str, Vectors],
    rule: Rule,
) -> Suggestion:
    clips = [heard[clip] for clip in speaker.clips if clip in heard]
    if not clips:
        return Suggestion(speaker=speaker.id, character=None, score=0.0, margin=0.0, band="leave_out")
    vectors, seconds = np.stack([vector for vector, _ in clips]), np.array([duration for _, duration in clips])
    characters, scores = _scores(np.stack([core(vectors, seconds), *vectors]), galleries)
    found = match(characters, scores[0], float(seconds.sum()), rule)
    band = found.band
    if band == "accept" and found.character is not None:
        nearest = scores[1:].argmax(axis=1) == characters.index(found.character)
        band = "accept" if float(seconds[nearest].sum() / seconds.sum()) >= rule.share else "ask"
    return Suggestion(speaker=speaker.id, character=found.character, score=found.score, margin=found.margin, band=band)


def core(vectors: Vectors, weights: NDArray[np.float64]) -> Vectors:
    """The unit mean of most of the vectors, without the fifth farthest from the plain mean: float32 (dimension,)."""
    mean = _unit(np.average(vectors, axis=0, weights=weights))
    if len(vectors) < 3:
        return mean
    near = vectors @ mean
    kept = near >= np.quantile(near, 0.2)
    return _unit(np.average(vectors[kept], axis=0, weights=weights[kept]))


def _unit(vector: NDArray[np.floating]) -> Vectors:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def _scores(vectors: Vectors, galleries: Mapping[str, Vectors]) -> tuple[list[str], NDArray[np.float64]]:
    """Characters with references, and the cosine of each vector to each: float64 (vectors, characters)."""
    characters = sorted(character for character, known in galleries.items() if len(known))
    if not characters:
        return [], np.zeros((len(vectors), 0))
    means = np.stack([_unit(np.mean(galleries[character], axis=0)) for character in characters])
    return characters, np.asarray(vectors @ means.T, np.float64)


def match(characters: Sequence[str], scores: NDArray[np.float64], seconds: float, rule: Rule) -> Match:
    """The nearest of `characters`, given a score for each (NaN: nothing is known of that one), for so much speech."""
    known = sorted(
        ((float(each), name) for each, name in zip(scores, characters, strict=True) if not math.isnan(each)),
        reverse=True,
    )
    if not known:
        return Match(character=None, score=0.0, margin=0.0, band="ask")
    score, nearest = known[0]
    margin = score - max(known[1][0] if len(known) > 1 else -1.0, rule.stranger)
    if score < rule.ask:
        band: Band = "leave_out"
    else:
        band = "accept" if margin >= rule.margin and score + margin / 2 >= rule.accept_at(seconds) else "ask"
    return Match(character=nearest, score=round(score, 4), margin=round(margin, 4), band=band)
