"""The words of the house as types: what flows and tasks speak about.

What a stage measures is imported from the contract and has no twin here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from containers.contract.stages import Measurements, Segment, Turn

__all__ = [
    "NOBODY",
    "Episode",
    "EpisodeClip",
    "HeardEpisode",
    "Measurements",
    "Moved",
    "Reference",
    "Segment",
    "Speaker",
    "Suggestion",
    "Turn",
    "Vectors",
]

NOBODY = "nobody"
"""The label of a speaker who is no character of the series file: a walk-on, a crowd, a song."""

Vectors = NDArray[np.float32]
"""Embeddings, one unit vector a row: float32 (rows, dimension)."""


@dataclass(frozen=True, kw_only=True, order=True)
class Episode:
    """An episode of a series: `key` such as s01e02, the file it came from, and that file's SHA-256."""

    key: str
    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class EpisodeClip:
    """A clip cut from an episode before anybody knows whose voice it is.

    `id` is `<episode>/<start in ms, 8 digits>`, unique in the series; `speaker` is the machine's
    name within the episode (SPEAKER_00); `consistency` as EmbedResult says it.
    """

    id: str
    episode: str
    start: float
    end: float
    speaker: str
    sha256: str
    consistency: float
    measurements: Measurements

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class HeardEpisode:
    """What the machine heard in one episode: clips, and one vector for each (`vectors[i]` of `clips[i]`).

    `turns`: as diarization gave them, overlapping ones too; who talks at the same time is not one person.
    """

    episode: str
    clips: tuple[EpisodeClip, ...]
    model: str
    vectors: Vectors
    overlap: tuple[Segment, ...] = ()
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Known speech of a character: one vector for each stretch of it.

    `episode`: where it was heard, if it is speech of the series that a person labelled; None: a file of the user's.
    """

    character: str
    model: str
    vectors: Vectors
    episode: str | None = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Why a clip is no longer its first speaker's: a person marked it, or the clip `like` that it sounds like."""

    speaker: str
    like: str


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Somebody heard in one or more episodes, linked into one; `id` (S001 ...) stays for ever.

    `absent`: clips of episodes that are not at hand now; they are the speaker's again when those come back.
    `moved`: clips that are here because a person said they are not another speaker's. `apart`: the accepted speaker
    that it was set apart from, until a person says who it is.
    """

    id: str
    clips: tuple[str, ...]
    episodes: tuple[str, ...]
    seconds: float
    absent: tuple[str, ...] = ()
    moved: dict[str, Moved] = field(default_factory=dict)
    apart: str | None = None


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Who a speaker may be, from references: the nearest character, its score, and by how much it
    beats the second. `band`: accept (needs no question), ask (a person decides), leave_out (a stranger).

    `chance`: about how likely it is the character, 0 where the question begins to 1 where it needs none; 1 where
    nothing is known. `named`: whom the subtitles name during most of the speaker's lines that have a name ("" is
    somebody who is no character of the series file). `beside`: the character's main speaker, where this one is accepted
    by references and asked about since it sounds too little like that.
    """

    speaker: str
    character: str | None
    score: float
    margin: float
    band: str
    chance: float = 1.0
    named: str | None = None
    beside: str | None = None
