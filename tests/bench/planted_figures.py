"""What the verdicts made of planted clips, counted by kind, with the interval that so few clips leave open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RIGHT: dict[str, tuple[str, ...]] = {
    "wrong_speaker": ("other_voice", "unsure"),
    "overlap": ("overlap", "mixed"),
    "music": ("music",),
    "noise": ("noisy",),
    "clipping": ("clipped",),
    "telephone": ("telephone",),
    "upsampled": ("upsampled", "telephone"),
    "song": ("singing",),
    "silence": ("silent", "not_speech"),
    "no_voice": ("not_speech", "music"),
    "cut_word": ("cut_word",),
    "duplicate": ("duplicate",),
}
"""The reasons that name what was planted."""


CLEAN, CUT_AT_SOURCE = "clean", "cut_at_source"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was decided about one clip.

    `known`: put to a person with references. `clip`: the same in each rotation for a clean clip; `said`: the verdict
    with its figures.
    """

    kind: str
    degree: str
    speaker: str
    known: bool
    clip: str
    verdict: str
    reason: str
    said: str

    @property
    def kept(self) -> bool:
        return self.verdict == "kept"


def figures(outcomes: Sequence[Outcome], details: bool = False) -> dict[str, Any]:
    """Found, and for the right reason, by kind; clean clips lost."""
    report: dict[str, Any] = {kind: _planted([each for each in outcomes if each.kind == kind]) for kind in RIGHT}
    cut = [each for each in outcomes if each.kind == CUT_AT_SOURCE]
    report[CUT_AT_SOURCE] = {"clips": len(cut), "reasons": _reasons(cut)}
    clean = [each for each in outcomes if each.kind == CLEAN]
    report["clean_of_persons_with_references"] = _clean([each for each in clean if each.known])
    report["clean_of_readers_of_one_recording"] = _clean([each for each in clean if not each.known])
    if details:
        report["missed"] = [
            f"{each.kind} {each.degree} as {each.speaker}: {each.said}"
            for each in outcomes
            if each.kind in RIGHT and each.reason not in RIGHT[each.kind]
        ]
        report["lost"] = [f"{each.clip} of {each.speaker}: {each.said}" for each in clean if not each.kept]
    return report


def _planted(clips: Sequence[Outcome]) -> dict[str, Any]:
    found = [each for each in clips if not each.kept]
    right = sum(each.reason in RIGHT[each.kind] for each in found)
    return {
        "planted": len(clips),
        "found": len(found),
        "found_95": interval(len(found), len(clips)),
        "put_to_a_person_with_references": sum(each.known for each in clips),
        "found_of_these": sum(each.known for each in found),
        "right_reason": right,
        "reasons": _reasons(clips),
    }


def _clean(clips: Sequence[Outcome]) -> dict[str, Any]:
    """The interval counts a clip once, in however many rotations it was judged: its fates are much the same."""
    lost = [each for each in clips if not each.kept]
    distinct = len({each.clip for each in clips})
    return {
        "judged": len(clips),
        "clips": distinct,
        "lost": len(lost),
        "of_these_in_doubt": sum(each.verdict == "doubt" for each in lost),
        "lost_of_judged": {
            place or "as it is": (
                sum(each.degree == place for each in lost),
                sum(each.degree == place for each in clips),
            )
            for place in sorted({each.degree for each in clips})
        },
        "lost_95": interval(len(lost) * distinct / max(len(clips), 1), distinct),
        "reasons": _reasons(lost),
    }


def _reasons(clips: Sequence[Outcome]) -> dict[str, int]:
    return dict(Counter(each.reason for each in clips).most_common())


def interval(count: float, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, count / of
    middle = share + z**2 / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    low, high = ((middle + sign * half) / (1 + z**2 / of) for sign in (-1, 1))
    return round(low, 3), round(high, 3)
