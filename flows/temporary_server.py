"""A Prefect server for one command where none is set up: started for its first flow, ended with the process.

Prefect would start one by itself, but loads the server's code into the flow's own process for that, and has the server
import every collection that is installed to register its block types: three and two CPU-seconds for nothing, since
nobody opens this server's pages. Nor does anybody wait to see a task's state there, so states are written by the
hundred and not one by one. Otherwise it is the same program with the same settings and the same database.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import httpx
import prefect
from prefect import get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    get_current_settings,
    temporary_settings,
)

from containers.contract.errors import EngineError
from tasks.server import TEMPORARY

PATIENCE_SECONDS = 10.0
"""How long a server that is set up may take to answer; one that is being started anew is there by then."""
ATTEMPTS = 3
"""A port that is free may be taken by another program before the server has it."""
_SERVER = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
"""As Prefect's own temporary server has it (prefect.server.api.server.SubprocessASGIServer), but for blocks (whose
memo alone would import every collection) and for states of tasks."""


@contextmanager
def prefect_server() -> Iterator[None]:
    """Inside, flows find a server: the user's, or a temporary one. EngineError if it does not answer, or not start."""
    if address := PREFECT_API_URL.value():
        check_answers(address)
    if address or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        yield
        return
    with temporary_settings({PREFECT_API_URL: _temporary()}):
        yield


def check_answers(address: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """EngineError where nobody answers: Prefect itself would ask for minutes without a word. Any answer will do, since
    what a server has against us it says itself."""
    until = time.monotonic() + patience_seconds
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        while isinstance(problem := _problem(until), httpx.TransportError):
            if time.monotonic() >= until:
                raise EngineError(
                    f"the Prefect server at {address} does not answer ({problem or type(problem).__name__}); start it, "
                    "or name another with PREFECT_API_URL. Without one (`unset PREFECT_API_URL`, and where a profile "
                    "names it `prefect config unset PREFECT_API_URL`) a temporary server is started for each command"
                ) from problem
            time.sleep(0.5)


def _problem(until: float) -> Exception | None:
    with get_client(sync_client=True, httpx_settings={"timeout": max(1.0, until - time.monotonic())}) as client:
        return client.api_healthcheck()


@cache
def _temporary() -> str:
    """Address of this process's temporary server, which is ended last, after Prefect has sent it what is left."""
    check_loopback()
    for _ in range(ATTEMPTS):
        port = _free_port()
        address = f"http://127.0.0.1:{port}/api"
        server = _started(port)
        atexit.register(_end, server)
        if _answers(server, address):
            TEMPORARY.add(address)
            return address
        _end(server)
    seconds = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    raise EngineError(
        f"Prefect's temporary server did not start within {seconds} s; give it longer with "
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS, or name a server of your own with PREFECT_API_URL"
    )


def check_loopback() -> None:
    """EngineError where this machine cannot reach itself, as in a network namespace of its own: no server answers."""
    with socket.socket() as listening:
        try:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            socket.create_connection(listening.getsockname(), timeout=5).close()
        except OSError as error:
            raise EngineError(
                f"127.0.0.1, this machine's own address, cannot be reached ({error.strerror or error}); "
                "Prefect's temporary server needs it: bring it up (ip link set lo up), "
                "or name a server of your own with PREFECT_API_URL"
            ) from error


def _started(port: int) -> subprocess.Popen[bytes]:
    home = str(prefect.__module_path__.parent)
    program = ["uvicorn", "--app-dir", home, "--factory", "prefect.server.api.server:create_app"]
    told = get_current_settings().to_environment_variables(exclude_unset=True)
    return subprocess.Popen(
        [sys.executable, "-m", *program, "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"],
        env={**os.environ, **told, **_SERVER},
        start_new_session=True,  # Ctrl-C is for the command, which tells the server last how its flows ended
    )


def _answers(server: subprocess.Popen[bytes], address: str) -> bool:
    until = time.monotonic() + PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    with httpx.Client() as client:
        while time.monotonic() < until and server.poll() is None:
            try:
                if client.get(f"{address}/health").is_success:
                    return True
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
