"""Verdicts: what a clip must be to train on, and the row that says what was decided about it.

What measurements alone can tell is told here; whose voice it is, in `dataset`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.domain import EpisodeClip, Measurements, Segment

Verdict = Literal["kept", "dropped", "doubt"]
Reason = Literal[
    "good", "identified", "rejected", "short", "long", "recurring", "overlap", "silent", "clipped", "music",
    "not_speech", "singing", "unvoiced", "telephone", "upsampled", "noisy", "cut_word", "mixed", "other_voice",
    "unsure", "duplicate", "enough",
]  # fmt: skip
Preset = Literal["strict", "balanced", "all"]
Finding = tuple[Verdict, Reason, str]
"""Verdict, reason, and the reason in a sentence with its figure."""
CHANGE_SECONDS = 1.2
"""Overlap told to be no longer than this is the cutter's to judge: no clip reaches into it but up to where the
voices rest, and two who speak at once do not both rest (containers/light/rests_in_overlap.py)."""
SOURCE_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000)


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a clip must be to train on; a figure that could not be measured drops no clip.

    Names as in Measurements, in their units. `min_consistency`, `min_purity`, `min_likeness` are cosines:
    below `min_purity` a clip is another person's; from there to `sure_purity`, less like its character than
    `min_likeness`, or with fewer than `min_gallery` references and other clips to compare it with, it is in doubt.
    `max_overlap`: seconds of overlap, by diarization, longer than a change of speakers takes;
    `max_second_voice`: the same by sound and vector (`purity.second_voice`).
    Rough voices and whispers have no pitch: from `sure_speech` (a
    probability) on, `min_voiced_share` is not asked. What is quieter than `min_over_music_db` and sounds in the
    pauses is music if at least `tonal_pauses` of them have a pitch; without pauses, from `max_polyphony` on.
    `max_edge_db`: of an end beside the speech; it must stand out of the clip's own pauses as well.
    `max_repeats`: how often one recording of a line is kept.
    """

    min_seconds: float = 1.0
    max_seconds: float = 15.0
    max_overlap: float = 0.15
    max_second_voice: float = -0.005
    min_loudness_lufs: float = -52.0
    min_snr_db: float = 8.0
    min_over_music_db: float = 17.0
    tonal_pauses: float = 0.35
    max_polyphony: float = 0.3
    min_background_db: float = -3.0
    max_clipped_share: float = 0.01
    min_bandwidth_hz: float = 5500.0
    max_telephone_probability: float = 0.6
    min_speech_probability: float = 0.4
    max_singing_probability: float = 0.5
    min_voiced_share: float = 0.15
    sure_speech: float = 0.6
    max_edge_db: float = -10.0
    min_consistency: float = 0.5
    min_purity: float = 0.0
    sure_purity: float = 0.1
    min_likeness: float = 0.6
    min_gallery: float = 2
    max_repeats: float = 1


PRESETS: dict[Preset, Thresholds] = {
    "strict": Thresholds(
        max_overlap=0.05, max_second_voice=-0.0125, min_snr_db=18.0, min_over_music_db=22.0, max_polyphony=0.2,
        min_background_db=6.0, max_clipped_share=0.001, min_bandwidth_hz=7000.0, max_telephone_probability=0.5,
        min_speech_probability=0.6, max_singing_probability=0.3, min_voiced_share=0.25, sure_speech=0.8,
        max_edge_db=-14.0, min_consistency=0.6, sure_purity=0.14, min_likeness=0.66, min_gallery=3,
    ),
    "balanced": Thresholds(),
    "all": Thresholds(
        max_overlap=math.inf, max_second_voice=math.inf, min_loudness_lufs=-math.inf, min_snr_db=-math.inf,
        min_over_music_db=-math.inf, max_polyphony=1.0, min_background_db=-math.inf, max_clipped_share=1.0,
        min_bandwidth_hz=0.0, max_telephone_probability=1.0, min_speech_probability=0.0, max_singing_probability=1.0,
        min_voiced_share=0.0, max_edge_db=math.inf, min_consistency=-1.0, sure_purity=0.0, min_likeness=-1.0,
        min_gallery=0, max_repeats=math.inf,
    ),
}  # fmt: skip
"""`all` still leaves out other people's clips; the cosines are on Resemblyzer's scale, where strangers score 0.55."""

Tag = Literal["breath", "narrow"]
"""What a kept clip has that is worth knowing: an audible breath; sound that ends far below what its file could hold."""
_BREATH_SECONDS = 0.15
_EDGE_OVER_PAUSES_DB = 6.0
_NARROW_HZ = 10000.0
_LOUD_BACKGROUND_DB = 18.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """A clip that may be the character's, and what was decided about it.

    `purity`: likeness to the character's gallery minus the best other known person's; None without
    anybody to compare with. `second_voice`: see `purity.second_voice`. `detail`: the reason in a sentence
    with its figure.
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
    second_voice: float | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def duration(self) -> float:
        return self.end - self.start


def flaw(
    clip: EpisodeClip,
    overlap: Sequence[Segment],
    rejected: Collection[str],
    least: Thresholds,
    recurring: Mapping[str, str],
) -> Finding | None:
    """Why a clip is of no use to anybody, whoever speaks; None if it is."""
    shared = sum(
        max(0.0, min(clip.end, each.end) - max(clip.start, each.start))
        for each in overlap
        if each.end - each.start > CHANGE_SECONDS
    )
    seconds = clip.duration
    seen = clip.measurements
    checks: tuple[tuple[Reason, bool, str], ...] = (
        ("rejected", clip.id in rejected, "a person rejected this clip"),
        ("short", seconds < least.min_seconds, f"{seconds:.2f} s is shorter than {least.min_seconds} s"),
        ("long", seconds > least.max_seconds + 0.01, f"{seconds:.2f} s is more than {least.max_seconds} s"),
        ("recurring", clip.id in recurring and least.max_repeats < math.inf, recurring.get(clip.id, "")),
        ("overlap", shared > least.max_overlap, f"somebody else speaks too for {shared:.2f} s"),
        ("silent", _silent(seen, least), f"loudness {seen.loudness_lufs} LUFS" if seen.loudness_lufs else "silence"),
        ("clipped", seen.clipped_share > least.max_clipped_share, f"{seen.clipped_share:.1%} of it is clipped"),
        ("music", _music(seen, least), _music_said(seen)),
        ("not_speech", seen.speech_probability < least.min_speech_probability,
         f"speech probability {seen.speech_probability:.2f}"),
        ("noisy", _below(seen.snr_db, least.min_snr_db), f"{seen.snr_db} dB above its own pauses"),
        ("singing", _above(seen.singing_probability, least.max_singing_probability),
         f"sung with probability {seen.singing_probability}"),
        ("unvoiced", seen.voiced_share < least.min_voiced_share and seen.speech_probability < least.sure_speech,
         f"only {seen.voiced_share:.0%} of it is voiced"),
        ("telephone", _above(seen.telephone_probability, least.max_telephone_probability),
         f"sounds as by telephone (probability {seen.telephone_probability}), up to {seen.bandwidth_hz} Hz"),
        ("upsampled", _below(seen.bandwidth_hz, least.min_bandwidth_hz), upsampled_said(seen.bandwidth_hz or 0.0)),
        ("music", _below(seen.background_db, least.min_background_db), f"{seen.background_db} dB above the background"),
        ("mixed", clip.consistency < least.min_consistency, f"parts of it differ in voice ({clip.consistency:.2f})"),
    )  # fmt: skip
    return next((("dropped", reason, detail) for reason, failed, detail in checks if failed), None)


def cut_word(seen: Measurements, least: Thresholds) -> Finding | None:
    """Whether an end lies within a word: asked of clips that are no other person's, and nothing else is wrong with."""
    edge = seen.edge_db
    if edge is None or edge <= least.max_edge_db or _below(seen.snr_db, _EDGE_OVER_PAUSES_DB - edge):
        return None
    return "dropped", "cut_word", f"an end is at {edge} dB beside the speech's level, not in a pause"


def over_loud_background(seen: Measurements) -> bool:
    """Whether a separation had so much to take away that two pitches at once may be what it left of music."""
    return _below(seen.background_db, _LOUD_BACKGROUND_DB)


def tags(seen: Measurements) -> tuple[Tag, ...]:
    """What else a person may want to know of a clip that is kept."""
    found: list[Tag] = []
    if (seen.breath_seconds or 0.0) >= _BREATH_SECONDS:
        found.append("breath")
    if _below(seen.bandwidth_hz, _NARROW_HZ):
        found.append("narrow")
    return tuple(found)


def upsampled_said(bandwidth_hz: float) -> str:
    """How far the sound reaches, and the sample rate it once had: the lowest usual one that holds it."""
    source = next((rate for rate in SOURCE_RATES_HZ if bandwidth_hz <= rate / 2 * 1.02), None)
    once = f", as of sound that once had {source / 1000:g} kHz" if source and bandwidth_hz > 0.85 * source / 2 else ""
    return f"nothing above {bandwidth_hz:.0f} Hz{once}"


def _silent(seen: Measurements, least: Thresholds) -> bool:
    quietest = least.min_loudness_lufs
    return quietest > -math.inf if seen.loudness_lufs is None else seen.loudness_lufs < quietest


def _music(seen: Measurements, least: Thresholds) -> bool:
    """Something with a pitch goes on through the voice's pauses; or, without pauses, under the voice itself."""
    if seen.pause_tonality is None or seen.snr_db is None:
        return _above(seen.polyphony, least.max_polyphony)
    return seen.snr_db < least.min_over_music_db and seen.pause_tonality >= least.tonal_pauses


def _music_said(seen: Measurements) -> str:
    if seen.pause_tonality is None or seen.snr_db is None:
        return f"two pitches or more in {seen.polyphony or 0.0:.0%} of its loud moments"
    return f"{seen.snr_db} dB above its pauses, in {seen.pause_tonality:.0%} of which something with a pitch sounds"


def _below(figure: float | None, least: float) -> bool:
    return figure is not None and figure < least


def _above(figure: float | None, most: float) -> bool:
    return figure is not None and figure > most
