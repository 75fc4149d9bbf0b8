"""What engines left on this machine for things whose store copies are erased: states, dead starts, cached files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence

from infra.items import sweep
from infra.store import Store


def erase_leftovers(store: Store, jobs: Sequence[str]) -> None:
    """Erase the states of these jobs (by name), what no living process holds, and copies of a bucket's files here."""
    for place in ("starts", "done"):
        if (store.work / place).is_dir():
            sweep(store.work / place)
    endings = tuple("-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8] for name in jobs)
    states = store.work / "state"
    for each in states.iterdir() if states.is_dir() else ():
        if each.name.endswith(endings):
            shutil.rmtree(each, ignore_errors=True)
    if store.address.startswith("s3://"):
        from infra.store.cache import file_cache

        file_cache().clear()
