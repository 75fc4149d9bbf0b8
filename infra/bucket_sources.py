"""Episodes and references in a bucket: listed by folder, glob or name, and read once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from containers.contract.item import sha256_of
from infra.settings import settings
from infra.sources import BucketFile, remember, remembered
from infra.store import Store, StoreError, find_json, write_json
from infra.store.bucket import download, split_address
from infra.store.bucket_client import client, told
from infra.store.cache import file_cache

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GLOB = re.compile(r"[*?\[]")


def files_in_bucket(pattern: str, endings: frozenset[str]) -> list[BucketFile]:
    """What s3://bucket/... names: a file, a glob over whole keys, or a folder, of which files with these endings."""
    bucket, wanted = split_address(pattern)
    start = GLOB.split(wanted, maxsplit=1)[0]
    found = list(_listed(bucket, start))
    for glob in (wanted, wanted.replace("[", "[[]")):
        matches = _regex(glob)
        globbed = [each for each in found if matches.fullmatch(each.place[1])]
        if globbed:
            return globbed
    folder = f"{wanted}/" if wanted else ""
    inside = [each for each in found if each.place[1].removeprefix(folder) == each.name and each.place[1] != each.name]
    inside = inside if folder else [each for each in found if each.place[1] == each.name]
    return [each for each in inside if PurePosixPath(each.name).suffix.lower() in endings]


def _listed(bucket: str, prefix: str) -> Iterator[BucketFile]:
    s3: S3Client = client(settings().s3_endpoint)
    with told(bucket, prefix):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                stamp = f"{each['Size']} {each['ETag']}"
                yield BucketFile(address=f"s3://{bucket}/{each['Key']}", stamp=stamp)


def _regex(pattern: str) -> re.Pattern[str]:
    """A glob in which * stays within a folder and ** does not.

    >>> bool(_regex("a/*.mkv").fullmatch("a/1.mkv")), bool(_regex("a/*.mkv").fullmatch("a/b/1.mkv"))
    (True, False)
    >>> bool(_regex("a/**/*.mkv").fullmatch("a/1.mkv")), bool(_regex("a/e[12].mkv").fullmatch("a/e2.mkv"))
    (True, True)
    """
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\])", pattern)
    return re.compile("".join(words.get(part) or _class(part) for part in parts))


def _class(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        negated, letters = part[1] == "!", part[1:-1].removeprefix("!")
        return ("[^" if negated else "[") + re.sub(r"([\\^\[\]])", r"\\\1", letters) + "]"
    return re.escape(part)


def sha256_in_bucket(file: BucketFile, store: Store) -> str:
    """SHA-256 of a file, remembered in the store by size and ETag: one machine reads it once, for all."""
    name = hashlib.sha256(file.address.encode()).hexdigest()[:32]
    memory, key = store.work / "hashes" / name, f"sources/{name}.json"
    known = remembered(memory, file.stamp)
    if known is None:
        known = _remembered(store, key, file) or _read_once(file, store, key)
        remember(memory, file.stamp, known)
    return known


def _read_once(file: BucketFile, store: Store, key: str) -> str:
    with store.locked(f"source {file.address}"):
        known = _remembered(store, key, file)
        if known:
            return known
        bucket, of = file.place
        with file_cache().partial() as partial, told(bucket, of):
            download(client(settings().s3_endpoint), bucket, of, partial)
            sha256 = sha256_of(partial)
            file_cache().add(sha256, partial)
        write_json(store, key, {"address": file.address, "stamp": file.stamp, "sha256": sha256})
        return sha256


def _remembered(store: Store, key: str, file: BucketFile) -> str | None:
    said = find_json(store, key)
    return str(said["sha256"]) if said and file.stamp and said["stamp"] == file.stamp else None


@contextmanager
def brought(file: BucketFile, sha256: str) -> Iterator[Path]:
    """A file of this machine with these bytes, as long as this lasts; StoreError if they are not in the bucket."""
    bucket, key = file.place

    def fetch(partial: Path) -> None:
        with told(bucket, key):
            download(client(settings().s3_endpoint), bucket, key, partial)
        if sha256_of(partial) != sha256:
            raise StoreError(f"{file} has changed since it was listed; run the same command again")

    path = file_cache().find(sha256) or file_cache().fetch(sha256, fetch)
    with file_cache().held(path) as held:
        yield held
