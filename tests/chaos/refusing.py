"""A way to an S3 server that takes no writes for a while, as a bucket does that is full or whose keys may only read."""

from __future__ import annotations

import http.client
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.unit.s3_servers import Server

REFUSALS = (
    (403, "AccessDenied", "Access Denied."),
    (507, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold."),
    (403, "QuotaExceeded", "The quota of the bucket is exceeded."),
)
"""What AWS and others answer without the right to write, MinIO with a full disk, Ceph with a full bucket."""
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Refusing(ThreadingHTTPServer):
    """Passes requests on to a server, one by one; writes are refused while `refuses`. `refused` counts them.

    `seconds`: within which of the first write they begin to be refused, for one second, for four, or to the end.
    """

    daemon_threads = True

    def __init__(self, server: Server, chance: random.Random, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.server_port_behind = server.port
        self.how = chance.choice(REFUSALS)
        self._after_s, self._for_s = chance.uniform(0, seconds), chance.choice((1.0, 4.0, 600.0))
        self._opened: float | None = None
        self.refused = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def refuses(self) -> bool:
        self._opened = self._opened or time.monotonic()
        return 0 <= time.monotonic() - self._opened - self._after_s < self._for_s


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Refusing

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command in ("PUT", "POST", "DELETE") and self.server.refuses:
            self.server.refused += 1
            status, code, words = self.server.how
            said = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()
            self._answer(status, [("Content-Type", "application/xml")], said)
            return
        behind = http.client.HTTPConnection("127.0.0.1", self.server.server_port_behind, timeout=60)
        try:
            behind.request(self.command, self.path, body, dict(self.headers.items()))
            answer = behind.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read(), answer.getheader("Content-Length"))
        finally:
            behind.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", (length or "0") if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...
