"""Bring one file from its source into a partial file: patient, and going on where it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from containers.contract.item import sha256_of
from infra.settings import settings
from infra.weights_catalogue import Weights, WeightsError, WeightsRefused
from infra.weights_source import Interrupted, Remote, WeightsSource

ATTEMPTS = 5
"""Failures in a row, without a byte between them, before a file is given up."""
Heard = Callable[[str, int, int | None], None]
"""Told of a file: bytes that are here, bytes in all."""


def transfer(source: WeightsSource, weights: Weights, file: str, part: Path, pin: str | None, heard: Heard) -> Remote:
    """The file of these weights into `part`, checked; WeightsError if its source cannot give it.

    A part that was there before is gone on with; if the whole is wrong then, all of it is fetched again.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists()
    remote = _patiently(source, weights, file, part, pin, heard)
    wrong = _wrong(remote, part, pin)
    if wrong and resumed:
        part.unlink()
        remote = _patiently(source, weights, file, part, pin, heard)
        wrong = _wrong(remote, part, pin)
    if wrong:
        part.unlink()
        raise WeightsError(f"{weights.name}/{file} from {remote.page} is refused: {wrong}")
    return remote


def _patiently(source: WeightsSource, weights: Weights, file: str, part: Path, pin: str | None, heard: Heard) -> Remote:
    failures, reached = 0, 0
    while True:
        try:
            remote = source.look(weights, file)
            _check_offer(weights, file, remote, pin)
            if not (pin or remote.sha256 or remote.git_blob):
                part.unlink(missing_ok=True)  # nothing could tell whether old and new bytes belong together
            _read_on(source, remote, part, lambda here, whole: heard(file, here, whole))
            return remote
        except Interrupted as error:
            size = part.stat().st_size if part.exists() else 0
            failures, reached = (1, size) if size > reached else (failures + 1, reached)
            if failures == ATTEMPTS:
                where = f"it goes on at {size / 1e6:.1f} MB" if size else "where the source can be reached"
                raise WeightsError(f"{weights.name}/{file}: {error}; run the same command again, {where}") from error
            time.sleep(settings().retry_seconds * 2 ** (failures - 1))


def _check_offer(weights: Weights, file: str, remote: Remote, pin: str | None) -> None:
    """Refuse before anything is downloaded what cannot be right in the end."""
    if pin and remote.sha256 and remote.sha256 != pin:
        raise WeightsError(
            f"{weights.name}/{file}: {remote.page} now offers other bytes (SHA-256 {remote.sha256}) than the pinned "
            f"ones ({pin}); nothing was fetched. Find out there why they changed before you pin the new ones"
        )


def _read_on(source: WeightsSource, remote: Remote, part: Path, heard: Callable[[int, int | None], None]) -> None:
    """Append to the part until the file is whole."""
    here = part.stat().st_size if part.exists() else 0
    if here and here == remote.size:
        return
    if remote.size and here > remote.size:
        part.unlink()
        here = 0
    _check_space(part, (remote.size or 0) - here)
    with source.read(remote, here) as (begins, announced, blocks):
        if begins > here:
            raise Interrupted(f"the server began at byte {begins} when asked to go on at {here}")
        size = remote.size or announced
        with open(part, "r+b" if part.exists() else "wb", buffering=0) as stream:  # a kill loses nothing that came
            stream.truncate(begins)
            stream.seek(begins)
            for block in blocks:
                stream.write(block)
                if size is not None and stream.tell() > size:
                    raise WeightsError(f"{remote.page} sends more than the {size} bytes it had announced; given up")
                heard(stream.tell(), size)
            os.fsync(stream.fileno())
            here = stream.tell()
    if size is not None and here < size:
        raise Interrupted(f"the connection ended after {here} of {size} bytes")


def _check_space(part: Path, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted > free:
        raise WeightsRefused(f"{part.parent} has {free / 1e9:.1f} GB free, {part.stem} needs {wanted / 1e9:.1f} GB")


def _wrong(remote: Remote, part: Path, pin: str | None) -> str:
    """Why these bytes are not the file's; empty if they are, as far as anybody has said what it holds."""
    sha256 = sha256_of(part)
    wanted = pin or remote.sha256
    if wanted and sha256 != wanted:
        return f"SHA-256 {sha256} is not the {'pinned' if pin else 'announced'} {wanted}"
    if not wanted and remote.git_blob and git_blob_of(part) != remote.git_blob:
        return f"it is not the file that the hub's commit names ({remote.git_blob})"
    return ""


def git_blob_of(path: Path) -> str:
    """Git's name for a file's bytes; SHA-1 is what git uses."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
