"""What stub can be told for a whole start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Options:
    """`sleep_s`: seconds that every item takes longer; does not change results."""

    sleep_s: float = 0.0

    def __post_init__(self) -> None:
        if not self.sleep_s >= 0:
            raise ValueError(f"sleep_s must not be below 0, got {self.sleep_s}")
