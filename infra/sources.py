"""Where episodes and references come from: files of this machine or of a bucket, listed and hashed."""

from __future__ import annotations

import glob
import hashlib
import os
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from containers.contract.item import sha256_of
from infra.store import Store


@dataclass(frozen=True, kw_only=True)
class BucketFile:
    """A user's file at s3://bucket/key; `stamp`: size and ETag, which change with its bytes ("" if not listed)."""

    address: str
    stamp: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        return PurePosixPath(self.address).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.address).stem

    def __str__(self) -> str:
        return self.address

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key."""
        bucket, _, key = self.address.removeprefix("s3://").partition("/")
        return bucket, key


Place = Path | BucketFile
"""A file of the user's; both kinds have name, stem and an address as str."""

VIDEO = "mkv mp4 m4v mov avi webm ts m2ts mts mpg mpeg vob wmv flv ogv mxf"
AUDIO = "mka m4a mp3 flac wav ogg opus aac ac3 eac3 dts wma"
MEDIA = frozenset(f".{ending}" for ending in f"{VIDEO} {AUDIO}".split())
"""Endings that are taken from a folder; a glob or a file named outright is taken as it is."""


def files_of(patterns: tuple[str, ...], base: Path) -> tuple[Place, ...]:
    """The files that folders, globs and paths name, here or in buckets, sorted, each once; hidden ones are left out.

    A name finds its file however either composes its letters: a Mac writes ガ as two, a keyboard as one.
    """
    found: set[Path] = set()
    far: set[BucketFile] = set()
    for pattern in patterns:
        if pattern.startswith("s3://"):
            from infra.bucket_sources import files_in_bucket  # boto3 takes a quarter of a second to import

            far |= set(files_in_bucket(pattern, MEDIA))
            continue
        forms = dict.fromkeys((pattern, *(unicodedata.normalize(form, pattern) for form in ("NFC", "NFD"))))
        found |= next(filter(None, (_local(each, base) for each in forms)), set())
    there: list[Place] = [*(each for each in found if each.is_file()), *far]
    return tuple(sorted((each for each in there if not each.name.startswith(".")), key=_order))


def _local(pattern: str, base: Path) -> set[Path]:
    path = base / Path(pattern).expanduser()
    if path.is_dir():
        return {each for each in path.iterdir() if each.suffix.lower() in MEDIA}
    return {path} if path.is_file() else {base / each for each in _matching(pattern, base)}


def globs_below(pattern: str, base: Path) -> tuple[str, ...]:
    """Globs for the media in subfolders of a folder, which naming the folder does not take; none for anything else."""
    folder = base / Path(pattern).expanduser()
    if pattern.startswith("s3://") or not folder.is_dir():
        return ()
    deeper = (each for each in folder.glob("*/**/*") if each.suffix.lower() in MEDIA and each.is_file())
    endings = {each.suffix for each in deeper if not each.name.startswith(".")}
    return tuple(f"{pattern.rstrip('/')}/**/*{ending}" for ending in sorted(endings))


def _order(place: Place) -> tuple[str, ...]:
    return place.parts if isinstance(place, Path) else tuple(place.address.split("/"))


def place_of(text: str) -> Place:
    """The place that a path or an s3:// address names."""
    return BucketFile(address=text) if text.startswith("s3://") else Path(text)


@contextmanager
def here(place: Place, sha256: str) -> Iterator[Path]:
    """A file of this machine with a source's bytes, as long as this lasts."""
    if isinstance(place, Path):
        yield place
        return
    from infra.bucket_sources import brought

    with brought(place, sha256) as path:
        yield path


def _matching(pattern: str, base: Path) -> list[str]:
    """What a glob matches below `base`; brackets stand for themselves where they match nothing as a glob."""
    wanted = str(Path(pattern).expanduser())
    literal = wanted.replace("[", "[[]")
    return glob.glob(wanted, root_dir=base, recursive=True) or glob.glob(literal, root_dir=base, recursive=True)


def sha256_known(path: Place, store: Store) -> str:
    """SHA-256 of a file, remembered by its place, size and time, so that a season is read once."""
    if isinstance(path, BucketFile):
        from infra.bucket_sources import sha256_in_bucket

        return sha256_in_bucket(path, store)
    about = path.stat()
    stamp = f"{about.st_size} {about.st_mtime_ns} {about.st_ino}"
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    memory = store.work / "hashes" / name
    digest = remembered(memory, stamp)
    if digest is None:
        digest = sha256_of(path)
        remember(memory, stamp, digest)
    return digest


def remembered(memory: Path, stamp: str) -> str | None:
    """The hash that was noted for a file, if it was for this stamp."""
    if not memory.exists():
        return None
    known, _, digest = memory.read_text("utf-8").rpartition(" ")
    return digest if known == stamp else None


def remember(memory: Path, stamp: str, digest: str) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f"{memory.name}.{uuid.uuid4().hex}.partial")
    partial.write_text(f"{stamp} {digest}", "utf-8")
    os.replace(partial, memory)
