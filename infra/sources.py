"""Where episodes and references come from: files of this machine, listed and hashed."""

from __future__ import annotations

import glob
import hashlib
import os
import uuid
from pathlib import Path

from containers.contract.item import sha256_of
from infra.store import Store, StoreError

VIDEO = "mkv mp4 m4v mov avi webm ts m2ts mts mpg mpeg vob wmv flv ogv mxf"
AUDIO = "mka m4a mp3 flac wav ogg opus aac ac3 eac3 dts wma"
MEDIA = frozenset(f".{ending}" for ending in f"{VIDEO} {AUDIO}".split())
"""Endings that are taken from a folder; a glob or a file named outright is taken as it is."""


def files_of(patterns: tuple[str, ...], base: Path) -> tuple[Path, ...]:
    """The files that folders, globs and paths name, sorted, each once; hidden files are left out."""
    found: set[Path] = set()
    for pattern in patterns:
        if pattern.startswith("s3://"):
            raise StoreError(f"{pattern}: buckets are not supported by this version; give a folder or a glob")
        path = base / Path(pattern).expanduser()
        if path.is_dir():
            found |= {each for each in path.iterdir() if each.suffix.lower() in MEDIA}
        elif path.is_file():
            found.add(path)
        else:
            found |= {base / each for each in _matching(pattern, base)}
    return tuple(sorted(each for each in found if each.is_file() and not each.name.startswith(".")))


def _matching(pattern: str, base: Path) -> list[str]:
    """What a glob matches below `base`; brackets stand for themselves where they match nothing as a glob."""
    wanted = str(Path(pattern).expanduser())
    literal = wanted.replace("[", "[[]")
    return glob.glob(wanted, root_dir=base, recursive=True) or glob.glob(literal, root_dir=base, recursive=True)


def sha256_known(path: Path, store: Store) -> str:
    """SHA-256 of a file, remembered by its place, size and time, so that a season is read once."""
    about = path.stat()
    stamp = f"{about.st_size} {about.st_mtime_ns} {about.st_ino}"
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    memory = store.work / "hashes" / name
    if memory.exists():
        known, _, digest = memory.read_text("utf-8").rpartition(" ")
        if known == stamp:
            return digest
    digest = sha256_of(path)
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f"{name}.{uuid.uuid4().hex}.partial")
    partial.write_text(f"{stamp} {digest}", "utf-8")
    os.replace(partial, memory)
    return digest
