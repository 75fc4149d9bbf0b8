"""Where Prefect keeps its own files, if its usual place cannot be written: a read-only home, a user without one.

Prefect only warns then, and its temporary server waits for minutes for a database that never comes.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path


def prefect_home(environment: Mapping[str, str], scratch: Path) -> Path | None:
    """The folder that PREFECT_HOME has to name; None where somebody chose it, or the usual one can be written."""
    if environment.get("PREFECT_HOME"):
        return None
    try:
        usual = Path("~/.prefect").expanduser()
        usual.mkdir(parents=True, exist_ok=True)
        if os.access(usual, os.W_OK | os.X_OK):
            return None
    except (OSError, RuntimeError):
        pass
    return _of_this_user(scratch)


def _of_this_user(scratch: Path) -> Path:
    """The same folder each time, unless somebody else made one of that name, or a link, before."""
    folder = scratch / f"voicecast-prefect-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
        return folder
    return Path(tempfile.mkdtemp(prefix="voicecast-prefect-", dir=scratch))
