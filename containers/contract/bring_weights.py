"""Weights by links, into a folder that an engine then reads: what runs before an engine far from the house.

    python -m containers.contract.bring_weights FOLDER LINKS

LINKS is the file of `remote`, with {"weights": {"NAME/FILE": GET}, "weights_sha256": {"NAME/FILE": SHA-256}}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .errors import EngineError
from .links import Links
from .parcel import is_inside


def bring(folder: Path, links: Links) -> None:
    """Fetch every file; EngineError for one that cannot be had or is another one than was pinned."""
    for name, sha256 in sorted(links.look("weights_sha256").items()):
        if not is_inside(name):
            raise EngineError(f"{name[:80]!r} is no name for a file of weights")
        links.get(folder / name, "weights", name, sha256=sha256)


if __name__ == "__main__":
    try:
        bring(Path(sys.argv[1]), Links(Path(sys.argv[2])))
    except EngineError as problem:
        sys.exit(f"weights do not come: {problem}")
