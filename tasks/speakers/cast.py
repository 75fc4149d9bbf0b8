"""Cast: which character a speaker of the series may be, judged by references.

Three bands: accept (needs no question), ask (a person decides), leave_out (a
stranger). A stranger must not become a character: what is near to nobody, or
as near to two, is asked or left out. Scores are cosines to the mean of a
character's reference vectors, or of the nearest of their ways of speaking.
What subtitles and cast lists say helps or hinders; it never decides against
the voice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from tasks.domain import HeardEpisode, Reference, Speaker, Suggestion, Vectors
from tasks.speakers.embedding_models import one_model
from tasks.speakers.hearsay import Hint

Band = Literal["accept", "ask", "leave_out"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Thresholds of one embedding model, as cosines.

    `accept`: score plus half the lead over the second best, at least, to need no question (noise lowers
    scores more than leads); for little speech it is lower by `short` / seconds, since strangers too score
    lower then. `margin`: lead at least. `share`: of a speaker's clips
    that are nearest to the same character, at least. `ask`: below this score it is a stranger.
    `stranger`: what people who never met score; second best where the cast is small. `ways`: mean cosine below
    which references of a character are two ways of speaking; None: never.
    """

    accept: float
    short: float
    margin: float
    ask: float
    stranger: float
    share: float = 0.6
    ways: float | None = None

    def accept_at(self, seconds: float) -> float:
        """What `seconds` of speech must reach."""
        return self.accept - self.short / max(seconds, 1.0)

    def chance(self, score: float, margin: float, seconds: float) -> float:
        """Where a score lies between a stranger's and one that needs no question: 0 to 1; 1 without a scale."""
        if math.isinf(self.accept):
            return 1.0
        enough = self.accept_at(seconds)
        low = min(self.ask, enough - 0.01)
        share = (score + margin / 2 - low) / (enough - low)
        return round(min(max(share, 0.0), 1.0), 4)


RULES = {
    "resemblyzer": Rule(accept=0.88, short=0.09, margin=0.05, ask=0.65, stranger=0.65, ways=0.62),
    "stub": Rule(accept=0.9, short=0.0, margin=0.1, ask=0.6, stranger=0.5),
}
"""By the first word of the model's name. Resemblyzer's: 242 LibriSpeech voices, clean and with music 18 dB
below, casts of 3 to 60: 1 % of strangers pass at any length; of clean characters 3 % are asked about from 3 s on,
of those with music 12 %."""
EXAMPLES = 200
"""References of a character in which ways of speaking are looked for, spread over all of them."""
NAMED = 0.04
"""By how much less voice is enough where the subtitles name the same character; set without material to tune it on."""
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


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Unit vectors that stand for characters, one or more each: float32 (examples, dimension), grouped by character."""

    characters: tuple[str, ...]
    rows: Vectors
    first: tuple[int, ...]

    def scores(self, vectors: Vectors) -> NDArray[np.float64]:
        """The cosine of each vector to the nearest example of each character: float64 (vectors, characters)."""
        if not self.characters:
            return np.zeros((len(vectors), 0))
        scores: NDArray[np.float64] = np.maximum.reduceat(vectors @ self.rows.T, self.first, axis=1).astype(np.float64)
        return scores


def examples_of(galleries: Mapping[str, Vectors], rule: Rule) -> Examples:
    """What stands for each character that has references."""
    rows: list[Vectors] = []
    first: list[int] = []
    characters = tuple(sorted(character for character, known in galleries.items() if len(known)))
    for character in characters:
        first.append(len(rows))
        rows += _ways(galleries[character], rule.ways)
    return Examples(
        characters=characters, rows=np.stack(rows) if rows else np.zeros((0, 1), np.float32), first=tuple(first)
    )


def _ways(vectors: Vectors, apart: float | None) -> list[Vectors]:
    """The mean of the vectors, or of each group of them that is a way of speaking: a fifth of them at least."""
    whole = [_unit(np.mean(vectors, axis=0))]
    if apart is None or len(vectors) < 6:
        return whole
    vectors = vectors[np.unique(np.linspace(0, len(vectors) - 1, EXAMPLES).astype(int))]
    distance = np.clip(1 - vectors.astype(np.float64) @ vectors.T, 0, None)[np.triu_indices(len(vectors), 1)]
    groups = fcluster(linkage(distance, "average"), 1 - apart, "distance")
    large = [group for group in np.unique(groups) if (groups == group).sum() >= max(3, len(vectors) / 5)]
    return [_unit(np.mean(vectors[groups == group], axis=0)) for group in large] if len(large) > 1 else whole


def suggest(
    speakers: Sequence[Speaker],
    episodes: Sequence[HeardEpisode],
    references: Sequence[Reference],
    rule: Rule | None = None,
    hints: Mapping[str, Hint] | None = None,
) -> tuple[Suggestion, ...]:
    """One suggestion a speaker, in their order. Without `rule`, the one of the vectors' model; `hints`: by speaker.

    Raises ModelsDiffer.
    """
    model = one_model([each.model for each in episodes if each.clips] + [each.model for each in references])
    rule = rule or rule_for(model or "")
    examples = examples_of(galleries_of(references), rule)
    heard = {
        clip.id: (vector, clip.duration)
        for episode in episodes
        for clip, vector in zip(episode.clips, episode.vectors, strict=True)
    }
    return tuple(_suggestion(each, heard, examples, rule, (hints or {}).get(each.id, Hint())) for each in speakers)


def _suggestion(
    speaker: Speaker, heard: Mapping[str, tuple[Vectors, float]], examples: Examples, rule: Rule, hint: Hint
) -> Suggestion:
    clips = [heard[clip] for clip in speaker.clips if clip in heard]
    if not clips:
        return Suggestion(speaker=speaker.id, character=None, score=0.0, margin=0.0, band="leave_out")
    vectors, seconds = np.stack([vector for vector, _ in clips]), np.array([duration for _, duration in clips])
    scores = examples.scores(np.stack([core(vectors, seconds), *vectors]))
    found = _with_hint(examples.characters, scores[0], float(seconds.sum()), rule, hint)
    band = found.band
    if band == "accept" and found.character is not None:
        nearest = scores[1:].argmax(axis=1) == examples.characters.index(found.character)
        band = "accept" if float(seconds[nearest].sum() / seconds.sum()) >= rule.share else "ask"
    return Suggestion(
        speaker=speaker.id,
        character=found.character,
        score=found.score,
        margin=found.margin,
        band=band,
        chance=1.0 if found.character in (None, hint.name) else rule.chance(found.score, found.margin, seconds.sum()),
        named=hint.name,
    )


def _with_hint(characters: Sequence[str], scores: NDArray[np.float64], seconds: float, rule: Rule, hint: Hint) -> Match:
    """The voice's match, helped or hindered by what subtitles and cast lists say.

    A name that agrees lowers what is enough by NAMED; one that does not makes a question, and so does a character
    who is on no cast list. Who is on none is no rival, either. A name without a voice to compare is a question.
    """
    found, name = match(characters, scores, seconds, rule), hint.name
    if hint.possible is not None and found.character in hint.possible:
        rivals = np.array([each in hint.possible for each in characters])
        scores = np.where(rivals, scores, np.nan)
        found = match(characters, scores, seconds, rule)
    elif hint.possible is not None and found.band == "accept":
        found = replace(found, band="ask")
    if name and name == found.character and found.band == "ask":
        return match(characters, scores, seconds, replace(rule, accept=rule.accept - NAMED))
    if name and name != found.character:
        at = characters.index(name) if name in characters else None
        score = float(scores[at]) if at is not None else math.nan
        if math.isnan(score) or score >= rule.ask:
            return Match(character=name, score=0.0 if math.isnan(score) else round(score, 4), margin=0.0, band="ask")
    if name is not None and name != found.character and found.band == "accept":
        return replace(found, band="ask")
    return found


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
