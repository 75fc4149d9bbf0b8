"""Files by presigned links, which lie in a mounted file that their owner renews.

A link is looked up anew for every attempt, so that one that has run out is
replaced as soon as the file is. No message holds a link: it is a credential.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO

from .errors import EngineError

PATIENCE_S = 600.0
"""How long a transfer is tried before its file is given up; VOICECAST_LINK_PATIENCE_S says otherwise."""
FORM = "application/octet-stream"
"""The content type that links to put are made for."""


class LinkError(EngineError):
    """A file could not be fetched or sent."""


class Links:
    """The links of a start; a path of keys, such as `("items", "0000", "out")`, names one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._patience_s = float(os.environ.get("VOICECAST_LINK_PATIENCE_S", PATIENCE_S))

    def look(self, *keys: str) -> Any:
        """What the file holds under these keys now; None if nothing."""
        found: Any = json.loads(gzip.decompress(self._file.read_bytes()))
        for key in keys:
            found = (found or {}).get(key)
        return found

    def get(self, target: Path, *keys: str, sha256: str | None = None) -> None:
        """Fetch a file; LinkError if it cannot be had, or is not the one that was meant."""
        partial = target.with_name(f".{target.name}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)

        def fetch(link: str) -> None:
            with urllib.request.urlopen(link, timeout=60) as answer, open(partial, "wb") as file:
                found = _copied(answer, file)
            if sha256 and found != sha256:
                raise _OtherFile

        try:
            self._try(fetch, keys)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def put(self, source: Path, *keys: str) -> None:
        """Send a file; LinkError if nobody takes it."""
        size = source.stat().st_size

        def send(link: str) -> None:
            with open(source, "rb") as file:
                headers = {"Content-Type": FORM, "Content-Length": str(size)}
                body: Any = file if size else b""
                request = urllib.request.Request(link, data=body, method="PUT", headers=headers)
                with urllib.request.urlopen(request, timeout=60):
                    pass

        self._try(send, keys)

    def _try(self, do: Any, keys: tuple[str, ...]) -> None:
        """One that the store does not have, or has otherwise, is tried three times; all else as long as patience."""
        until, wait_s, refused = time.monotonic() + self._patience_s, 0.2, 0
        while True:
            try:
                do(self.look(*keys) or "")
                return
            except _OtherFile:
                cause, refused = "what arrives is not the file that was meant", refused + 1
            except urllib.error.HTTPError as error:
                cause, refused = f"the store answers {error.code}", refused + (error.code == 404)
            except (OSError, HTTPException, ValueError) as error:
                cause = _without_link(error)
            if refused >= 3 or time.monotonic() + wait_s > until:
                raise LinkError(f"{'/'.join(keys)}: {cause}")
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, 15.0)


class _OtherFile(Exception):
    pass


def _without_link(error: Exception) -> str:
    """Of an error what cannot hold a link: messages about addresses repeat them."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    said = reason.strerror if isinstance(reason, OSError) else None
    return f"{type(reason).__name__}{f': {said}' if said else ''}"


def _copied(stream: Any, file: BinaryIO) -> str:
    digest = hashlib.sha256()
    expected = stream.headers.get("Content-Length")
    size = 0
    while block := stream.read(1 << 20):
        digest.update(block)
        file.write(block)
        size += len(block)
    if expected is not None and size != int(expected):
        raise OSError("the connection broke")
    return digest.hexdigest()
