"""Where decoded sound belongs in time.

A decoder gives frames with time stamps. Frames follow each other without a
seam unless the stamps say clearly, and for more than one frame, that sound is
missing (then silence holds its place) or comes twice (then it is dropped).
Sample clocks decide inside the tolerance: stamps are rounded and jitter.
"""

from __future__ import annotations

from dataclasses import dataclass

TOLERANCE = 0.1
"""Seconds that stamps may be off before they count; swresample's `min_hard_comp` has the same."""

TOLERANCE_AFTER_ERROR = 0.01
"""The same after a frame that could not be decoded: then a gap is expected."""

JUMP = 10.0
"""Seconds from which a step is a new clock in formats whose clock may jump (MPEG-TS), and a step back
is one in any; FFmpeg's `dts_delta_threshold` has the same."""


MOST_MISSING = 1800.0
"""Seconds of silence that stamps can ask for in all; beyond that they are damaged, not the sound."""

_MOST_UNKNOWN = 60.0
"""The same for one hole where the container does not say how long it is."""


@dataclass(kw_only=True)
class Timeline:
    """Places frames; all times in seconds.

    `zero`: stamp that becomes 0. `end`: where the container says that it ends, if it does.
    `clock_may_jump`: the format allows a new clock in the middle. `position`: sound placed so far.
    `shift`: added to stamps since the last new clock. `missing`: silence put in after the first sound.
    """

    zero: float = 0.0
    end: float | None = None
    clock_may_jump: bool = False
    position: float = 0.0
    shift: float = 0.0
    missing: float = 0.0
    _begun: bool = False

    def place(self, start: float | None, duration: float, following: float | None, after_error: bool = False) -> float:
        """Seconds of silence to put before a frame, or (negative) of its beginning to drop.

        `following` is the next frame's stamp: one stamp alone is no evidence for a jump.
        """
        gap = self._gap(start, duration, following, after_error)
        if self._begun:
            self.missing += max(0.0, gap)
        self._begun = True
        self.position += gap + duration
        return gap

    def _gap(self, start: float | None, duration: float, following: float | None, after_error: bool) -> float:
        if start is None:
            return 0.0
        gap = start - self.zero + self.shift - self.position
        tolerance = TOLERANCE_AFTER_ERROR if after_error else TOLERANCE
        if abs(gap) <= (tolerance if self._begun else 0.0):
            return 0.0
        if following is not None and abs(following - start - duration) > TOLERANCE:
            return 0.0
        new_clock = abs(gap) > JUMP and self._begun and (self.clock_may_jump or gap < 0)
        if new_clock or gap > self._room():
            self.shift -= gap
            return 0.0
        return max(gap, -duration)

    def _room(self) -> float:
        room = _MOST_UNKNOWN if self.end is None else max(0.0, self.end + JUMP - self.position)
        return min(room, MOST_MISSING - self.missing)
