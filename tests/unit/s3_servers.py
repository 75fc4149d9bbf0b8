"""S3 servers for tests, over the wire: moto's (breadth, conditional writes) and s3rver (expiring links, no conditions).

And a way to them that breaks: a TCP proxy that cuts connections, or answers that the server is busy.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

S3RVER = "s3rver@3.7.1"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server and keys that it takes."""

    endpoint: str
    key: str
    secret: str

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {
            "VOICECAST_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def new_bucket(self) -> str:
        """Its name."""
        name = f"voices-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    @cache  # noqa: B019 (servers live as long as the tests)
    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )


@contextmanager
def moto_server(address: str = "127.0.0.1") -> Iterator[Server]:
    """`address`: the one of this machine that others reach it at."""
    port = free_port()
    listen = address if address == "127.0.0.1" else "0.0.0.0"
    with _running([sys.executable, "-m", "moto.server", "-H", listen, "-p", str(port)], port):
        yield Server(endpoint=f"http://{address}:{port}", key="moto", secret="moto-secret")


@contextmanager
def s3rver(folder: Path) -> Iterator[Server]:
    """Skips the test where npm cannot bring it."""
    home = Path(tempfile.gettempdir()) / f"voicecast-{S3RVER}-{os.getuid()}"
    if not shutil.which("npm"):
        pytest.skip("s3rver needs npm")
    if not (home / "ready").exists():
        home.mkdir(exist_ok=True)
        done = subprocess.run(["npm", "install", "--silent", S3RVER], cwd=home, check=False, timeout=120)
        if done.returncode:
            pytest.skip("npm could not install s3rver")
        (home / "ready").touch()
    port, program = free_port(), home / "node_modules" / "s3rver" / "bin" / "s3rver.js"
    with _running(["node", str(program), "-d", str(folder), "-a", "127.0.0.1", "-p", str(port)], port):
        yield Server(endpoint=f"http://127.0.0.1:{port}", key="S3RVER", secret="S3RVER")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < until, f"{command} does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Fault = Callable[[bytes], int | None]
"""Sees the first bytes of a request; gives the bytes after which to cut its connection (below 0: of the answer)."""


@dataclass
class Proxy:
    """A way to a server, connection by connection; `busy` counts down requests answered by 503, `fault` cuts others."""

    server: Server
    busy: int = 0
    fault: Fault = lambda _: None
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            first = client.recv(65536)
            self.seen.append(first.split(b"\r\n")[0].decode())
            if self.busy > 0:
                self.busy -= 1
                client.sendall(BUSY)
                return
            cut = self.fault(first)
            with socket.create_connection(("127.0.0.1", self.server.port)) as server:
                server.sendall(first)
                up = threading.Thread(
                    target=_pump, args=(client, server, cut if cut and cut > 0 else None), daemon=True
                )
                up.start()
                _pump(server, client, -cut if cut and cut < 0 else None)


def _pump(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    passed = 0
    with suppress(OSError):
        while data := source.recv(65536):
            passed += len(data)
            if most is not None and passed > most:
                break
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
