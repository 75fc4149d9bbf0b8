"""The store in a bucket of an S3-compatible server.

A PUT appears whole or not at all; the SHA-256 of what was put goes along as
metadata and is compared on every read. Files are read through the cache of
this machine. Layout, rights and settings: docs/store.md.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

from containers.contract.item import sha256_of
from infra.settings import settings
from infra.store.bucket_client import GONE, REFUSED, client, code_of, encryption, told
from infra.store.cache import ATTEMPTS, FileCache, file_cache
from infra.store.leases import Leases
from infra.store.port import AT_ONCE, Digest, Missing, StoreBusy, StoreError, key_parts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 16 * 2**20
TRANSFER = TransferConfig(multipart_threshold=2 * PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4)
BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
"""What boto3 does not try again by itself: an answer that has begun."""
PAGE = 1000
LINK_TYPE = "application/octet-stream"


class BucketStore:
    """A store at s3://bucket/prefix."""

    def __init__(self, address: str, cache: FileCache | None = None) -> None:
        self._bucket, prefix = split_address(address)
        self.address = f"s3://{self._bucket}/{prefix}".rstrip("/")
        self._prefix = f"{prefix}/" if prefix else ""
        endpoint = settings().s3_endpoint
        self._client: S3Client = client(endpoint)
        self._linking: S3Client = client(settings().s3_link_endpoint or endpoint)
        self._leases = Leases(client(endpoint, quick=True), self._bucket, f"{self._prefix}locks/")
        self._cache = cache or file_cache()
        place = hashlib.sha256(f"{endpoint} {self.address}".encode()).hexdigest()[:16]
        self.work = settings().cache_dir.expanduser().absolute() / "work" / place
        self.work.mkdir(parents=True, exist_ok=True)

    def read(self, key: str) -> bytes:
        with told(self._bucket, self._at(key)):
            for attempt in range(ATTEMPTS):
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=self._at(key))
                    data = answer["Body"].read()
                except BROKE_OFF:
                    time.sleep(attempt / 4)
                    continue
                wanted = answer["Metadata"].get("sha256")
                if wanted in (None, hashlib.sha256(data).hexdigest()):
                    return data
                time.sleep(attempt / 4)
        raise StoreBusy(f"{self.address}/{key} did not arrive whole {ATTEMPTS} times; try again")

    def write(self, key: str, data: bytes) -> None:
        with told(self._bucket, self._at(key)):
            self._put(key, data)

    def create(self, key: str, data: bytes) -> bool:
        if not self._leases.conditional:
            with self.locked(f"create {key}"):
                if self.size(key) is not None:
                    return False
                self.write(key, data)
                return True
        writer = uuid.uuid4().hex
        with told(self._bucket, self._at(key)):
            while True:
                try:
                    self._put(key, data, writer=writer, IfNoneMatch="*")
                    return True
                except ClientError as error:
                    if code_of(error) not in REFUSED:
                        raise
                # What was refused may be a second sending of our own, whose first answer was lost.
                about = self._about(key)
                if about is not None:
                    return bool(about["Metadata"].get("writer") == writer)

    def put(self, key: str, path: Path) -> None:
        sha256, size = sha256_of(path), path.stat().st_size
        if size < TRANSFER.multipart_threshold:
            self.write(key, path.read_bytes())
        else:
            self._upload(key, path, sha256, size)
        self._cache.add(sha256, path)

    def _upload(self, key: str, path: Path, sha256: str, size: int) -> None:
        extra = {"Metadata": {"sha256": sha256}, **encryption()}
        with told(self._bucket, self._at(key)):
            try:
                self._client.upload_file(str(path), self._bucket, self._at(key), ExtraArgs=extra, Config=TRANSFER)
            except S3UploadFailedError as error:
                raise error.__cause__ or error.__context__ or error from None
        if self.size(key) != size:
            raise StoreBusy(f"{self.address}/{key} did not arrive whole; try again")

    def put_all(self, files: Mapping[str, Path]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.put, files.keys(), files.values()))

    def path(self, key: str, sha256: str | None = None) -> Path:
        if sha256:
            return self._fetched(key, sha256)
        with told(self._bucket, self._at(key)):
            about = self._about(key)
        if about is None:
            raise self._missing(key)
        wanted = about["Metadata"].get("sha256")
        if wanted:
            return self._fetched(key, wanted)
        with self._cache.partial() as partial:
            self._download(key, partial)
            return self._cache.add(sha256_of(partial), partial)

    def _fetched(self, key: str, sha256: str) -> Path:
        return self._cache.find(sha256) or self._cache.fetch(sha256, lambda partial: self._download(key, partial))

    @contextmanager
    def using(self, key: str, sha256: str | None = None) -> Iterator[Path]:
        with self._cache.held(self.path(key, sha256)) as path:
            yield path

    def size(self, key: str) -> int | None:
        with told(self._bucket, self._at(key)):
            about = self._about(key)
        return None if about is None else int(about["ContentLength"])

    def digest(self, key: str) -> Digest:
        data = self.read(key)
        return Digest(sha256=hashlib.sha256(data).hexdigest(), size=len(data), head=data[:16])

    def sizes(self, prefix: str) -> dict[str, int]:
        return dict(sorted(self._listed(prefix)))

    def holds(self, files: Mapping[str, int]) -> bool:
        if len(files) < 3:
            return all(self.size(key) == size for key, size in files.items())
        folder = os.path.commonpath([str(Path(key).parent) for key in files])
        wanted = dict(files)
        for looked_at, (key, size) in enumerate(self._listed(folder)):
            if wanted.get(key) == size:
                del wanted[key]
            if not wanted or looked_at > 10 * len(files) + 2000:
                break
        return all(self.size(key) == size for key, size in wanted.items())

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(self.sizes(prefix))

    def delete(self, key: str) -> None:
        with told(self._bucket, self._at(key)):
            self._client.delete_object(Bucket=self._bucket, Key=self._at(key))

    def clear(self, prefix: str) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.delete, self.keys(prefix)))

    def locked(self, name: str) -> AbstractContextManager[None]:
        return self._leases.held(name)

    def link_get(self, key: str, seconds: int) -> str:
        return self._link("get_object", seconds, Key=self._at(key))

    def link_put(self, key: str, seconds: int) -> str:
        return self._link("put_object", seconds, Key=self._at(key), ContentType=LINK_TYPE)

    def _link(self, operation: str, seconds: int, **place: str) -> str:
        with told(self._bucket):
            said = {"Bucket": self._bucket, **place}
            return self._linking.generate_presigned_url(operation, Params=said, ExpiresIn=seconds)

    def _put(self, key: str, data: bytes, *, writer: str = "", **condition: str) -> None:
        metadata = {"sha256": hashlib.sha256(data).hexdigest(), **({"writer": writer} if writer else {})}
        said: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": self._at(key),
            "Body": data,
            "ContentMD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            "Metadata": metadata,
            **encryption(),
            **condition,
        }
        self._client.put_object(**said)

    def _about(self, key: str) -> Any:
        """What HEAD says; None if there is nothing."""
        try:
            return self._client.head_object(Bucket=self._bucket, Key=self._at(key))
        except ClientError as error:
            if code_of(error) in GONE:
                return None
            raise

    def _download(self, key: str, partial: Path) -> None:
        with told(self._bucket, self._at(key)):
            download(self._client, self._bucket, self._at(key), partial)

    def _listed(self, prefix: str) -> Iterator[tuple[str, int]]:
        below = self._at(prefix) + "/" if prefix.strip("./") else self._prefix
        with told(self._bucket, below):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=below, PaginationConfig={"PageSize": PAGE}):
                for each in page.get("Contents", ()):
                    yield each["Key"].removeprefix(self._prefix), each["Size"]

    def _at(self, key: str) -> str:
        whole = self._prefix + "/".join(key_parts(key))
        try:
            whole.encode()
        except UnicodeEncodeError as error:
            raise StoreError(f"{key!r} is no key of a bucket: not UTF-8") from error
        return whole

    def _missing(self, key: str) -> Missing:
        return Missing(f"the store {self.address} has no {key}")


def split_address(address: str) -> tuple[str, str]:
    """Bucket and prefix of s3://bucket/prefix; StoreError for what is no such address."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    if not bucket or (prefix and ".." in prefix.split("/")):
        raise StoreError(f"{address} is no bucket; write s3://bucket or s3://bucket/prefix")
    return bucket, prefix


def download(client: S3Client, bucket: str, key: str, target: Path) -> None:
    """An object into a file; tried again where the answer breaks off."""
    for attempt in range(ATTEMPTS):
        try:
            answer = client.get_object(Bucket=bucket, Key=key)
            with open(target, "wb") as stream:
                for block in answer["Body"].iter_chunks(2**20):
                    stream.write(block)
            return
        except BROKE_OFF:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(attempt / 4)
