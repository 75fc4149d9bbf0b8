"""Verdicts: what a clip must be to train on, and the row that says what was decided about it.

What measurements alone can tell is told here; whose voice it is, in `dataset`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.domain import EpisodeClip, Measurements, Segment

Verdict = Literal["kept", "dropped", "doubt"]
Reason = Literal[
    "good", "identified", "rejected", "short", "long", "overlap", "clipped", "noisy", "music", "not_speech",
    "unvoiced", "mixed", "other_voice", "unsure", "enough",
]  # fmt: skip
Preset = Literal["strict", "balanced", "all"]
Finding = tuple[Verdict, Reason, str]
"""Verdict, reason, and the reason in a sentence with its figure."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a clip must be to train on; a figure that could not be measured drops no clip.

    Names as in Measurements, in their units. `min_consistency`, `min_purity`, `min_likeness` are cosines:
    below `min_purity` a clip is another person's; from there to `sure_purity`, or less like its character
    than `min_likeness`, it is in doubt; `max_overlap`: seconds in which somebody else speaks too. Rough
    voices and whispers have no pitch: from `sure_speech` (a probability) on, `min_voiced_share` is not asked.
    """

    min_seconds: float = 1.0
    max_seconds: float = 15.0
    max_overlap: float = 0.15
    min_snr_db: float = 8.0
    min_background_db: float = -3.0
    max_clipped_share: float = 0.01
    min_speech_probability: float = 0.4
    min_voiced_share: float = 0.15
    sure_speech: float = 0.6
    min_consistency: float = 0.5
    min_purity: float = 0.0
    sure_purity: float = 0.1
    min_likeness: float = 0.6


PRESETS: dict[Preset, Thresholds] = {
    "strict": Thresholds(
        max_overlap=0.05, min_snr_db=18.0, min_background_db=6.0, max_clipped_share=0.001,
        min_speech_probability=0.6, min_voiced_share=0.25, sure_speech=0.8,
        min_consistency=0.6, sure_purity=0.14, min_likeness=0.66,
    ),
    "balanced": Thresholds(),
    "all": Thresholds(
        max_overlap=math.inf, min_snr_db=-math.inf, min_background_db=-math.inf, max_clipped_share=1.0,
        min_speech_probability=0.0, min_voiced_share=0.0, min_consistency=-1.0, sure_purity=0.0, min_likeness=-1.0,
    ),
}  # fmt: skip
"""`all` still leaves out other people's clips; the cosines are on Resemblyzer's scale, where strangers score 0.55."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A clip that may be the character's, and what was decided about it.

    `purity`: likeness to the character's gallery minus the best other known person's; None without
    anybody to compare with. `detail`: the reason in a sentence with its figure.
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
    consistency: float
    measurements: Measurements

    @property
    def duration(self) -> float:
        return self.end - self.start


def flaw(clip: EpisodeClip, overlap: Sequence[Segment], rejected: Collection[str], least: Thresholds) -> Finding | None:
    """Why a clip is of no use to anybody, whoever speaks; None if it is."""
    shared = sum(max(0.0, min(clip.end, each.end) - max(clip.start, each.start)) for each in overlap)
    seconds = clip.duration
    seen = clip.measurements
    checks: tuple[tuple[Reason, bool, str], ...] = (
        ("rejected", clip.id in rejected, "a person rejected this clip"),
        ("short", seconds < least.min_seconds, f"{seconds:.2f} s is shorter than {least.min_seconds} s"),
        ("long", seconds > least.max_seconds + 0.01, f"{seconds:.2f} s is more than {least.max_seconds} s"),
        ("overlap", shared > least.max_overlap, f"somebody else speaks too for {shared:.2f} s"),
        ("clipped", seen.clipped_share > least.max_clipped_share, f"{seen.clipped_share:.1%} of it is clipped"),
        ("not_speech", seen.speech_probability < least.min_speech_probability,
         f"speech probability {seen.speech_probability:.2f}"),
        ("unvoiced", seen.voiced_share < least.min_voiced_share and seen.speech_probability < least.sure_speech,
         f"only {seen.voiced_share:.0%} of it is voiced"),
        ("noisy", _below(seen.snr_db, least.min_snr_db), f"{seen.snr_db} dB above its own pauses"),
        ("music", _below(seen.background_db, least.min_background_db), f"{seen.background_db} dB above the background"),
        ("mixed", clip.consistency < least.min_consistency, f"parts of it differ in voice ({clip.consistency:.2f})"),
    )  # fmt: skip
    return next((("dropped", reason, detail) for reason, failed, detail in checks if failed), None)


def _below(figure: float | None, least: float) -> bool:
    return figure is not None and figure < least
