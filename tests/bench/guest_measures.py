"""What could tell a guest from a character: figures of every speaker whom references accept.

A guest is a speaker of whom another person than the accepted character says most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tasks.domain import HeardEpisode, Reference, Speaker, Suggestion
from tasks.labelling.decisions import derive
from tasks.speakers import linking
from tasks.speakers.agglomeration import Groups
from tasks.speakers.embedding_models import rule_of
from tasks.speakers.parting import who_is_who

Figures = NDArray[np.float64]
LEAST_SECONDS, LEAST_SHARE = 5.0, 0.05
"""Below which nobody is asked by default (`questions` of series.yaml): of the character's speech the share."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A speaker whom references accept as `character`; `truly`: who says most of it. Nearness is linking's: cosine
    between over cosine within.

    `near_references`, `near_main` (the accepted speaker of that character with most speech), `near_settled` (references
    and all other accepted speakers of it); NaN of the main one itself. `spread`: likeness to the references, beside
    that of each of them to the others, in their standard deviations. `disagreement`: the least of the references' mean
    cosines. `tight`: by how much more alike its clips are than like the references. `near_unknown`: the nearest
    speaker who is accepted as nobody. `share`: of the accepted speech of the character. `strength`: score and half
    the lead, which `accept` is compared with.
    """

    season: str
    character: str
    truly: str
    seconds: float
    clips: int
    episodes: int
    share: float
    main: bool
    strength: float
    near_references: float
    near_main: float
    near_settled: float
    spread: float
    disagreement: float
    tight: float
    near_unknown: float

    @property
    def guest(self) -> bool:
        return self.truly != self.character

    @property
    def asked(self) -> bool:
        """Whether a doubt about it would be a question."""
        return self.seconds >= LEAST_SECONDS and self.share >= LEAST_SHARE / (1 + LEAST_SHARE)


def accepted(
    season: str,
    heard: Sequence[HeardEpisode],
    references: Sequence[Reference],
    whose: Mapping[str, str],
) -> Iterator[Accepted]:
    """Of a season in which nobody was asked, those in doubt too; `whose`: clip -> who speaks."""
    speakers, suggestions = who_is_who(linking.link(heard), (), heard, derive([]), references)
    known: dict[str, list[Figures]] = {}
    for each in references:
        known.setdefault(each.character, []).extend(row.astype(np.float64) for row in each.vectors)
    yield from _Season(season, heard, speakers, suggestions, whose, {n: np.stack(v) for n, v in known.items()}).all()


class _Season:
    def __init__(
        self,
        name: str,
        heard: Sequence[HeardEpisode],
        speakers: Sequence[Speaker],
        suggestions: Sequence[Suggestion],
        whose: Mapping[str, str],
        references: Mapping[str, Figures],
    ) -> None:
        self.name, self.whose, self.references = name, whose, references
        self.speakers = {each.id: each for each in speakers}
        rows = {c.id: v for e in heard for c, v in zip(e.clips, e.vectors, strict=True)}
        self.length = {clip.id: clip.duration for episode in heard for clip in episode.clips}
        self.vectors = {each.id: np.stack([rows[clip] for clip in each.clips]).astype(np.float64) for each in speakers}
        self.accepted = {each.speaker: each for each in suggestions if each.band == "accept" or each.beside}
        self.within = rule_of(linking.all_clips(heard), heard[0].model).within

    def all(self) -> Iterator[Accepted]:
        for id, found in self.accepted.items():
            yield self._of(self.speakers[id], found)

    def _of(self, speaker: Speaker, found: Suggestion) -> Accepted:
        character, own = str(found.character), self.vectors[speaker.id]
        same = [id for id, each in self.accepted.items() if each.character == character and id != speaker.id]
        main = max([speaker.id, *same], key=lambda id: self.speakers[id].seconds)
        known = self.references[character]
        seconds: Counter[str] = Counter()
        for clip in speaker.clips:
            seconds[self.whose[clip]] += round(1000 * self.length[clip])
        middle = _unit(known.mean(axis=0))
        others = np.array([known[row] @ _unit(known.sum(axis=0) - known[row]) for row in range(len(known))])
        unknown = [self._near(own, self.vectors[id]) for id in self.speakers if id not in self.accepted]
        return Accepted(
            season=self.name,
            character=character,
            truly=seconds.most_common(1)[0][0],
            seconds=speaker.seconds,
            clips=len(own),
            episodes=len(speaker.episodes),
            share=speaker.seconds / sum(self.speakers[id].seconds for id in [speaker.id, *same]),
            main=main == speaker.id,
            strength=found.score + found.margin / 2,
            near_references=self._near(own, known),
            near_main=self._near(own, self.vectors[main]) if main != speaker.id else np.nan,
            near_settled=self._near(own, np.concatenate([known, *[self.vectors[id] for id in same]])),
            spread=float(((own @ middle).mean() - others.mean()) / max(others.std(), 0.02)),
            disagreement=float((own @ known.T).mean(axis=0).min()),
            tight=_alike(own) - float((own @ known.T).mean()),
            near_unknown=max(unknown, default=np.nan),
        )

    def _near(self, one: Figures, other: Figures) -> float:
        totals, counts = np.stack([one.sum(axis=0), other.sum(axis=0)]), np.array([len(one), len(other)], np.float64)
        return float(Groups(totals, counts, self.within).near(0, np.array([1]))[0])


def _unit(vector: Figures) -> Figures:
    return np.asarray(vector / np.linalg.norm(vector))


def _alike(own: Figures) -> float:
    """Mean cosine within."""
    total, count = own.sum(axis=0), len(own)
    return float((total @ total - count) / (count * (count - 1))) if count > 1 else float("nan")


Rule = Callable[[Accepted], bool]
MEASURES = ("strength", "near_references", "near_main", "near_settled", "spread", "disagreement", "tight",
            "near_unknown", "seconds", "clips", "episodes", "share")  # fmt: skip


def separation(rows: Sequence[Accepted], measure: str) -> float:
    """How often a guest's figure is lower than a character's (area under the curve; 0.5: it tells nothing)."""
    guests, own = ([getattr(each, measure) for each in rows if each.guest == which] for which in (True, False))
    one, other = np.array(guests, float), np.array(own, float)
    highest = np.nanmax([*one, *other])
    one, other = np.nan_to_num(one, nan=highest), np.nan_to_num(other, nan=highest)
    return float((one[:, None] < other).mean() + (one[:, None] == other).mean() / 2)


def _below(measure: str, least: float, each: Accepted) -> bool:
    return bool(getattr(each, measure) < least)


def rules() -> dict[str, Rule]:
    """By name: who would be in doubt."""
    found: dict[str, Rule] = {}
    for measure in ("near_references", "near_main"):
        for least in (0.86, 0.88, 0.92):
            found[f"{measure} < {least}"] = partial(_below, measure, least)
    found["near_settled < 0.9, not main"] = lambda each: each.near_settled < 0.9 and not each.main
    found["strength < 0.92, not main"] = lambda each: each.strength < 0.92 and not each.main
    found["not main"] = lambda each: not each.main
    return found
