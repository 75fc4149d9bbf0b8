"""Linking: the speakers of all episodes become speakers of the series.

Diarization names people within one episode (SPEAKER_00); here the same voice
in other episodes gets one identity (S001) that stays. Who that is in the
story is decided in `cast` and by a human, not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.domain import HeardEpisode, Speaker


class ModelsDiffer(ValueError):
    """Vectors of two embedding models met; their cosines mean nothing."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"vectors of {one!r} cannot be compared with vectors of {other!r}; "
            "embed all episodes and references with one engine"
        )


@dataclass(frozen=True, kw_only=True)
class LinkRule:
    """When two groups of clips are one voice; cosines between mean vectors.

    `join`: groups at least this near are one speaker. `split`: a local speaker falls into parts
    that are less near to each other than this.
    """

    join: float
    split: float


def link(
    episodes: Sequence[HeardEpisode], previous: Sequence[Speaker] = (), rule: LinkRule | None = None
) -> tuple[Speaker, ...]:
    """Speakers of the series, sorted by id; every clip of `episodes` belongs to exactly one.

    A clip that `previous` knows keeps its speaker; new clips join one or open the next id. An id is
    never given twice, so a speaker whose clips are all gone stays, empty. Without `rule`, the one of
    the episodes' model. Raises ModelsDiffer.
    """
    raise NotImplementedError
