"""How the process gets its memory from the system: kept while it works, given back when much is free."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""mallopt(3)."""
_KEPT_BYTES = 64 << 20


def keep_freed() -> None:
    """Keep up to 64 MB of freed memory for the next arrays, where the C library is glibc; elsewhere nothing changes.

    A block of sound goes through arrays of a few MB, and glibc returns each to the system as soon as it is freed. To
    get it back with all its pages zeroed took a quarter of separation's CPU time.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
