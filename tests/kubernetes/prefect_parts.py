"""A Prefect server of this machine that pods reach, programs beside it, and what is asked of it by its API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.s3_servers import free_port

HERE = Path(__file__).parents[2]
SECONDS = 420
"""Each start of Python takes up to half a minute on a busy machine, and a run of a flow is several."""


@dataclass(frozen=True, kw_only=True)
class PrefectServer:
    """`address` as pods and this machine reach it; `environment`: what a process needs to be its client."""

    address: str
    environment: Mapping[str, str]
    log: Path

    def ask(self, path: str, said: Any = None) -> Any:
        """What the API answers; POST if something is said."""
        body = None if said is None else json.dumps(said).encode()
        asked = urllib.request.Request(f"{self.address}/api/{path}", body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def voicecast(self, *words: str, **more: str) -> str:
        """The command in a process of its own; gives what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli.main", *words], env={**self.environment, **more}, cwd=HERE, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, deployment: str, order: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
        """Start a run of a deployment, as its page does; gives its id."""
        found = self.ask("deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
        said = {"parameters": {"order": order}, "job_variables": machine, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"deployments/{found[0]['id']}/create_flow_run", said)["id"])

    def state(self, run: str) -> str:
        return str(self.ask(f"flow_runs/{run}")["state"]["name"])

    def set_state(self, run: str, **state: Any) -> None:
        self.ask(f"flow_runs/{run}/set_state", {"state": state})

    def resume(self, run: str, **answers: str) -> None:
        """Answer the form that a run waits with; the form is there a moment after the state."""
        for _ in range(60):
            said = self.ask(f"flow_runs/{run}/resume", {"run_input": answers})
            if said["status"] == "ACCEPT":
                return
            time.sleep(0.5)
        raise AssertionError(said)

    def told(self, run: str) -> str:
        """The log of a run, and the server's."""
        found = self.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200})
        return "\n".join(each["message"] for each in found)[-4000:]


@contextmanager
def prefect_server(address: str, folder: Path) -> Iterator[PrefectServer]:
    """A server whose database and settings are its own; `address`: of this machine, as pods reach it."""
    port, log = free_port(), folder / "server.log"
    at = f"http://{address}:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{at}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "NO_PROXY": f"{os.environ.get('NO_PROXY', '')},{address}",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "0.0.0.0", "--port", str(port)]
    with running(command, environment, log) as process:
        wait_for(lambda: answers(f"{at}/api/health"), "no server answers", process, log)
        yield PrefectServer(address=at, environment=environment, log=log)


@contextmanager
def running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program until the end of the block; what it says goes into a file."""
    with open(log, "wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=HERE, stdout=stream, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.wait()


def wait_for(
    true: Callable[[], Any], what: str, process: subprocess.Popen[bytes], log: Path, seconds: float = SECONDS
) -> Any:
    """What is found as soon as it is, while a program lives."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := true():
            return found
        assert process.poll() is None, log.read_text()[-6000:]
        time.sleep(0.5)
    raise AssertionError(f"{what}\n{log.read_text()[-6000:]}")


def answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(address, timeout=5):
        return True
    return False
