"""Locks over machines: a lease is an object of the bucket that its holder renews.

Where the server has conditional writes (AWS, MinIO, R2, Ceph), a lease is taken,
renewed and given up by them alone. Where it ignores them, every candidate puts
a flag of its own and then lists all flags: of two, the one who put last sees
the other, so that never both go in (it needs a listing that shows what was
written before, which all but old servers give). Whether a lease has run out
is read off the server's clock, never this machine's.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from infra.store.bucket_client import GONE, REFUSED, code_of, encryption, server_time, told
from infra.store.port import StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger("voicecast.store")

LEASE_SECONDS = 60.0
"""How long a lease outlives its holder. The server's times are whole seconds: short ones would be stolen too soon."""
RENEWALS = 4
"""Renewals in that time."""
LONGEST_WAIT = 2.0


@dataclass(kw_only=True)
class Lease:
    """One holding of a lock, known by its token; `seconds` it lives without renewal."""

    seconds: float
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    turn: int = 0
    etag: str = ""

    def body(self, *, free: bool = False) -> bytes:
        """Never twice the same, so that every state has an ETag of its own."""
        self.turn += 1
        said = {
            "owner": None if free else self.token,
            "seconds": self.seconds,
            "of": f"{socket.gethostname()}:{os.getpid()}",
            "turn": [self.token, self.turn],
        }
        return json.dumps(said).encode()


class Way(Protocol):
    """How leases are held on one kind of server; `key`: the lock's, whole."""

    def take(self, key: str, lease: Lease) -> str | None:
        """None if it is taken; else who holds it."""

    def renew(self, key: str, lease: Lease) -> bool:
        """False if it is another's by now."""

    def release(self, key: str, lease: Lease) -> None: ...


class Conditional:
    """One object a lock, written only if it is as it was last seen."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def take(self, key: str, lease: Lease) -> str | None:
        if self._put(key, lease, IfNoneMatch="*"):
            return None
        with told(self._bucket, key):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
                said = json.loads(answer["Body"].read())
            except ClientError as error:
                if code_of(error) in GONE:
                    return "nobody"
                raise
        age = (server_time(answer) - answer["LastModified"]).total_seconds()
        if said["owner"] == lease.token:  # the answer to our own write was lost, and it was sent again
            lease.etag = answer["ETag"]
            return None
        if said["owner"] is not None and age <= said["seconds"]:
            return str(said["of"])
        return None if self._put(key, lease, IfMatch=answer["ETag"]) else "another"

    def renew(self, key: str, lease: Lease) -> bool:
        return self._put(key, lease, IfMatch=lease.etag) or self._is_ours(key, lease)

    def release(self, key: str, lease: Lease) -> None:
        self._put(key, lease, free=True, IfMatch=lease.etag)

    def _put(self, key: str, lease: Lease, *, free: bool = False, **condition: str) -> bool:
        with told(self._bucket, key):
            try:
                place: dict[str, Any] = {"Bucket": self._bucket, "Key": key, **encryption(), **condition}
                lease.etag = self._client.put_object(**place, Body=lease.body(free=free))["ETag"]
            except ClientError as error:
                if code_of(error) in (*REFUSED, *GONE):
                    return False
                raise
            return True

    def _is_ours(self, key: str, lease: Lease) -> bool:
        with told(self._bucket, key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            if json.loads(answer["Body"].read())["owner"] != lease.token:
                return False
            lease.etag = answer["ETag"]
            return True


class Flags:
    """One object a candidate, below the lock's key."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def take(self, key: str, lease: Lease) -> str | None:
        other = self._other(key, lease)
        if other:
            return other
        self._put(key, lease)
        other = self._other(key, lease)
        if other:
            self.release(key, lease)
        return other

    def renew(self, key: str, lease: Lease) -> bool:
        self._put(key, lease)
        return True

    def release(self, key: str, lease: Lease) -> None:
        with told(self._bucket, key):
            self._client.delete_object(Bucket=self._bucket, Key=f"{key}/{lease.token}")

    def _put(self, key: str, lease: Lease) -> None:
        with told(self._bucket, key):
            place: dict[str, Any] = {"Bucket": self._bucket, "Key": f"{key}/{lease.token}"}
            self._client.put_object(**place, Body=lease.body(), **encryption())

    def _other(self, key: str, lease: Lease) -> str | None:
        with told(self._bucket, key):
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{key}/")
        now = server_time(answer)
        for each in answer.get("Contents", ()):
            name = each["Key"].rpartition("/")[2]
            if name == lease.token:
                continue
            if (now - each["LastModified"]).total_seconds() <= lease.seconds:
                return f"holder {name[:8]}"
            with told(self._bucket, key):
                self._client.delete_object(Bucket=self._bucket, Key=each["Key"])
        return None


class Leases:
    """The locks of a bucket, below a prefix."""

    def __init__(self, client: S3Client, bucket: str, prefix: str, seconds: float = LEASE_SECONDS) -> None:
        self._client, self._bucket, self._prefix, self._seconds = client, bucket, prefix, seconds

    @cached_property
    def conditional(self) -> bool:
        """Whether the server keeps to conditions of a write; asked once."""
        key = f"{self._prefix}probe-{uuid.uuid4().hex}"
        place: dict[str, Any] = {"Bucket": self._bucket, "Key": key, **encryption()}
        with told(self._bucket, key):
            self._client.put_object(**place, Body=b"1")
            try:
                return self._refuses({**place, "IfNoneMatch": "*"}) and self._refuses({**place, "IfMatch": '"0"'})
            finally:
                self._client.delete_object(Bucket=self._bucket, Key=key)

    def _refuses(self, place: dict[str, Any]) -> bool:
        try:
            self._client.put_object(**place, Body=b"2")
        except ClientError as error:
            if code_of(error) in REFUSED:
                return True
            if code_of(error) not in ("NotImplemented", "InvalidArgument", "InvalidRequest"):
                raise
        return False

    @cached_property
    def _way(self) -> Way:
        return (Conditional if self.conditional else Flags)(self._client, self._bucket)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Wait for a lock, and hold it; a holder that could not renew it in time says so in the log."""
        key = self._prefix + hashlib.sha256(name.encode()).hexdigest()[:32]
        lease = Lease(seconds=self._seconds)
        self._wait(key, lease, name)
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(key, lease, name, ended), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()
            with suppress(StoreError):  # it runs out by itself
                self._way.release(key, lease)

    def _wait(self, key: str, lease: Lease, name: str) -> None:
        pause, told_at = 0.05, time.monotonic() + 10
        while holder := self._way.take(key, lease):
            if time.monotonic() > told_at:
                log.info("waiting for %s, which %s works on", name, holder)
                told_at = float("inf")
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(LONGEST_WAIT, pause * 1.5)

    def _keep(self, key: str, lease: Lease, name: str, ended: threading.Event) -> None:
        renewed = time.monotonic()
        while not ended.wait(lease.seconds / RENEWALS):
            try:
                if not self._way.renew(key, lease):
                    log.warning("the lock on %s is another's by now; what is made may be made twice", name)
                    return
                renewed = time.monotonic()
            except StoreError as error:
                late = time.monotonic() - renewed
                log.warning("the lock on %s was not renewed for %.0f s: %s", name, late, error)
