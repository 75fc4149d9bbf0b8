"""A hub and its store of large files on two ports of this machine, as the public hub answers (tests only).

Large files are redirected to the store, with their SHA-256 in `X-Linked-Etag`; small ones come from the hub itself,
named by git's hash. Failures are ordered by the test.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD, STRANGER = "hf_goodtokengoodtokengood", "hf_strangerstrangerstranger"
COMMIT = "c0ffee" * 6 + "c0de"
SIGNATURE = "sIgNaTuRe"


@dataclass(frozen=True)
class Asked:
    """One request, as a server saw it."""

    server: str
    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class Hub:
    """`files`: (repository, path) -> bytes; of repository `web`, at `store`/web. Orders for failures are used up."""

    endpoint: str = ""
    store: str = ""
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    """Bytes after which the next bodies break off."""
    wrong: dict[bytes, bytes] = field(default_factory=dict)
    """Bodies that the store gives in place of others."""
    ranges: bool = True
    block_seconds: float = 0.0
    """Wait after each 64 kB of a body."""
    failing: int = 0
    """How many of the next requests are answered with 503."""
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    """Bytes of bodies."""

    def bodies(self) -> list[Asked]:
        return [each for each in self.asked if each.method == "GET"]


def git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(path: str) -> bool:
    return not path.endswith((".json", ".yaml", ".txt"))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    name: str

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        said = self.headers
        self.hub.asked.append(Asked(self.name, self.command, self.path, said.get("Range"), said.get("Authorization")))
        if self.hub.failing:
            self.hub.failing -= 1
            self._end(503)
        elif self.name == "store":
            self._from_store()
        else:
            self._from_hub()

    def _from_hub(self) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if not found:
            return self._end(404)
        repository, revision, path = found.groups()
        if repository in self.hub.renamed:
            return self._end(307, Location=f"/{self.hub.renamed[repository]}/resolve/{revision}/{path}")
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if repository in self.hub.gated and token != GOOD:
            return self._end(403 if token else 401, **{"X-Error-Code": "GatedRepo"})
        data = self.hub.files.get((repository, path))
        if data is None:
            return self._end(404, **{"X-Error-Code": "EntryNotFound"})
        commit = COMMIT if revision == "main" else revision
        if not is_large(path):
            return self._body(data, **{"ETag": f'"{git_blob(data)}"', "X-Repo-Commit": commit})
        sha256 = hashlib.sha256(data).hexdigest()
        return self._end(
            302,
            Location=f"{self.hub.store}/{sha256}?X-Signature={SIGNATURE}",
            **{"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(data)), "X-Repo-Commit": commit},
        )

    def _from_store(self) -> None:
        if self.path.startswith("/web/"):
            data = self.hub.files.get(("web", self.path.removeprefix("/web/")))
            return self._end(404) if data is None else self._body(data)
        sha256 = self.path.strip("/").partition("?")[0]
        for data in self.hub.files.values():
            if hashlib.sha256(data).hexdigest() == sha256:
                return self._body(data)
        return self._end(404)

    def _body(self, data: bytes, **headers: str) -> None:
        data = self.hub.wrong.get(data, data)
        start, code = 0, 200
        if self.hub.ranges and (asked := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")):
            start, code = int(asked[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data) - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        until = start + self.hub.cut.pop(0) if self.hub.cut else len(data)
        for at in range(start, min(until, len(data)), 1 << 16):
            block = data[at : min(at + (1 << 16), until)]
            try:
                self.wfile.write(block)
            except OSError:
                break
            self.hub.sent += len(block)
            time.sleep(self.hub.block_seconds)
        self.close_connection = until < len(data)

    def _end(self, code: int, **headers: str) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub on free ports, until the end of the block."""
    hub = Hub()
    servers = []
    for name in ("hub", "store"):
        handler = type(f"{name.title()}Handler", (_Handler,), {"hub": hub, "name": name})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.store = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
