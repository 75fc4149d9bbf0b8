"""The data set of a character: which clips are kept, and why the others are not.

Decides from measurements and vectors; no audio is touched here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tasks.domain import HeardEpisode, Measurements, Reference, Speaker
from tasks.labels import Labels

Verdict = Literal["kept", "dropped", "doubt"]
Reason = Literal[
    "good", "rejected", "short", "long", "overlap", "clipped", "noisy", "music", "not_speech", "unvoiced",
    "mixed", "other_voice", "unsure", "identified", "enough",
]  # fmt: skip
Preset = Literal["strict", "balanced", "all"]


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a clip must be to train on; a clip without a figure is not dropped for it."""

    min_seconds: float = 1.0
    max_seconds: float = 15.0


PRESETS: dict[Preset, Thresholds] = {"balanced": Thresholds()}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A clip that may be the character's, and what was decided about it.

    `purity`: similarity to the character's own gallery minus the best other person's; None without
    anything to compare. `detail`: the reason in a sentence with its figure.
    """

    clip: str
    episode: str
    start: float
    end: float
    speaker: str
    character: str
    verdict: Verdict
    reason: Reason
    detail: str
    purity: float | None
    measurements: Measurements

    @property
    def duration(self) -> float:
        return self.end - self.start


def judge(
    episodes: Sequence[HeardEpisode],
    speakers: Sequence[Speaker],
    labels: Labels,
    references: Sequence[Reference] = (),
    thresholds: Thresholds | None = None,
) -> tuple[Row, ...]:
    """A row for every clip of every speaker labelled with a character, sorted by character and clip.

    A clip of an unlabelled speaker gets a row only if it is clearly one character's. Raises ModelsDiffer.
    """
    raise NotImplementedError


def select(rows: Sequence[Row], target_minutes: float = 25.0) -> tuple[Row, ...]:
    """The same rows; where a character has more than `target_minutes` kept, the rest becomes dropped: enough."""
    raise NotImplementedError


def manifest(
    rows: Sequence[Row], engines: Mapping[str, str], texts: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of `manifest.jsonl`, as docs/output.md says; `engines`: stage -> engine."""
    raise NotImplementedError
