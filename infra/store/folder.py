"""A store in a folder of this machine, or of a disk that machines share."""

from __future__ import annotations

import errno
import fcntl
import filecmp
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from containers.contract.item import sha256_of
from infra.store.port import Digest, Missing, StoreError, key_parts


class LocalStore:
    """A store in a folder of this machine (or of a shared disk)."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()
        self.work = self.root / ".work"
        self.address = self.root.as_uri()
        try:
            self.work.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, key: str) -> bytes:
        try:
            return self._at(key).read_bytes()
        except FileNotFoundError as error:
            raise Missing(f"the store {self.root} has no {key}") from error

    def write(self, key: str, data: bytes) -> None:
        with self._place_for(key) as (target, partial):
            if self.size(key) == len(data) and target.read_bytes() == data:
                return  # what is there already keeps its time
            _fill(partial, data)
            os.replace(partial, target)

    def create(self, key: str, data: bytes) -> bool:
        with self._place_for(key) as (target, partial):
            _fill(partial, data)
            try:
                os.link(partial, target)
            except FileExistsError:
                return False
            return True

    def put(self, key: str, path: Path) -> None:
        with self._place_for(key) as (target, partial):
            if self.size(key) == path.stat().st_size and filecmp.cmp(path, target, shallow=False):
                path.unlink()
                return
            try:
                os.replace(path, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(path, partial)
                os.replace(partial, target)
                path.unlink()

    def put_all(self, files: Mapping[str, Path]) -> None:
        for key, path in files.items():
            self.put(key, path)

    def path(self, key: str, sha256: str | None = None) -> Path:  # noqa: ARG002 (the file is here in any case)
        path = self._at(key)
        if not path.is_file():
            raise Missing(f"the store {self.root} has no {key}")
        return path

    @contextmanager
    def using(self, key: str, sha256: str | None = None) -> Iterator[Path]:
        yield self.path(key, sha256)

    def size(self, key: str) -> int | None:
        try:
            return self._at(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def digest(self, key: str) -> Digest:
        path = self.path(key)
        with open(path, "rb") as stream:
            head = stream.read(16)
        return Digest(sha256=sha256_of(path), size=path.stat().st_size, head=head)

    def sizes(self, prefix: str) -> dict[str, int]:
        return {key: size for key in self.keys(prefix) if (size := self.size(key)) is not None}

    def holds(self, files: Mapping[str, int]) -> bool:
        return all(self.size(key) == size for key, size in files.items())

    def keys(self, prefix: str) -> Iterator[str]:
        folder = self._at(prefix.rstrip("/"))
        found = [path for path in folder.rglob("*") if path.is_file()]
        return iter(sorted(path.relative_to(self.root).as_posix() for path in found))

    def delete(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self._at(key).unlink()

    def clear(self, prefix: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self._at(prefix.rstrip("/")))

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        path = self.work / "locks" / hashlib.sha256(name.encode()).hexdigest()[:32]
        with ExitStack() as held:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = held.enter_context(open(path, "w"))
            except OSError as error:
                raise self._unwritable(error) from error
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def link_get(self, key: str, seconds: int) -> str:  # noqa: ARG002 (a folder has no links)
        raise self._unlinked(key)

    def link_put(self, key: str, seconds: int) -> str:  # noqa: ARG002
        raise self._unlinked(key)

    def _unlinked(self, key: str) -> StoreError:
        return StoreError(
            f"{key} of the store {self.root} cannot be reached from other machines; "
            "engines that run elsewhere need a bucket: --store s3://bucket/prefix (docs/store.md)"
        )

    def _at(self, key: str) -> Path:
        return self.root.joinpath(*key_parts(key))

    @contextmanager
    def _place_for(self, key: str) -> Iterator[tuple[Path, Path]]:
        """Where a key's file goes, and a free name beside it to write to first."""
        target = self._at(key)
        partial = self.work / f"{uuid.uuid4().hex}.partial"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            yield target, partial
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            partial.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(f"the store {self.root} cannot be written ({error.strerror}); choose another with --store")


def _fill(path: Path, data: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
