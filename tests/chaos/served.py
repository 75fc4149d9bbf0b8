"""A Prefect server with its database, and workers, each of which a round may kill and start again.

The database is SQLite, in a file of the server's, or a PostgreSQL of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tests.chaos.deployed import LOG, POOL
from tests.kubernetes.prefect_parts import HERE, PrefectServer, answers
from tests.unit.s3_servers import free_port

Database = Literal["sqlite", "postgresql"]
PATIENCE_S = 300.0
LEASES = "prefect.server.concurrency.lease_storage.filesystem"
"""As shipped (infra/compose.yaml): in the memory of a killed server, slots stay taken for ever."""


class Program:
    """A program in a session of its own, which a round kills and starts again."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._command, self._environment, self.log = command, environment, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self.log, "ab") as stream:
            self._process = subprocess.Popen(
                self._command, env=self._environment, cwd=HERE, stdin=subprocess.DEVNULL, stdout=stream,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def kill(self, *, alone: bool = False) -> None:
        """`alone`: what it has started lives on."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            (os.kill if alone else os.killpg)(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None


class Postgres:
    """PostgreSQL over a folder of its own; as user `postgres` where we are root, since it refuses root."""

    def __init__(self, folder: Path) -> None:
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self._data, self._port = folder / "postgresql", free_port()
        self._data.mkdir()
        if os.geteuid() == 0:
            for each in (folder, *folder.parents[:-2]):
                each.chmod(each.stat().st_mode | 0o011)
            subprocess.run(["chown", "postgres", self._data], check=True)
        self._do("initdb", "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()
        self._do("psql", "-c", "create database prefect", client=True)

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self._port}/prefect"

    def start(self) -> None:
        """What a killed one has left in memory goes with its last child: tried until then."""
        told = f"-p {self._port} -c listen_addresses=127.0.0.1 -k {self._data} -c max_connections=100"
        until = time.monotonic() + 60
        while self._do("pg_ctl", "-w", "-l", f"{self._data}/log", "-o", told, "start", check=False):
            if time.monotonic() > until:
                raise RuntimeError((self._data / "log").read_text()[-3000:])
            time.sleep(0.2)

    def kill(self) -> None:
        with suppress(OSError, ProcessLookupError):
            os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def end(self) -> None:
        self._do("pg_ctl", "-m", "immediate", "stop", check=False)

    def _do(self, program: str, *words: str, check: bool = True, client: bool = False) -> int:
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", "postgres"] if client else ["-D", str(self._data)]
        who = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*who, str(self._programs / program), *where, *words], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=check,
        )  # fmt: skip
        return done.returncode


class Served:
    """A server that is deployed to, and the workers that were started for it."""

    def __init__(self, folder: Path, kind: Database) -> None:
        self.folder, self.kind = folder, kind
        self.postgres = Postgres(folder) if kind == "postgresql" else None
        at = f"http://127.0.0.1:{(port := free_port())}"
        self._told = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "VOICECAST_"))},
            "PYTHONPATH": str(HERE),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": f"{at}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
            "VOICECAST_SLOTS": "server" if self.postgres else "machine",  # as `voicecast up` does on SQLite
            "PREFECT_CLIENT_MAX_RETRIES": "7",
            "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
            "OMP_NUM_THREADS": "1",
        }
        told = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": self.postgres.url} if self.postgres else {}
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        self._server = Program(command, {**self._told, **told}, folder / "server.log")
        self.api = PrefectServer(address=at, environment=self._told, log=self._server.log)
        self._workers: list[Program] = []
        self.start_server()
        self.deployed()
        self._deployment = self.ask("deployments/filter", {})[0]["id"]

    def deployed(self, *words: str) -> None:
        """What tests.chaos.deployed does, in a process that is a client of this server."""
        command = [sys.executable, "-m", "tests.chaos.deployed", *words]
        if subprocess.run(command, env=self._told, cwd=HERE, check=False).returncode:
            raise RuntimeError(f"not deployed: {self._server.log.read_text()[-3000:]}")

    def start_server(self) -> None:
        self._server.start()
        until(lambda: answers(f"{self.api.address}/api/health"), "no server answers")

    def kill_server(self) -> None:
        self._server.kill()

    def ask(self, path: str, said: Any = None) -> Any:
        """As of the API; asked again while no server answers."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.api.ask(path, said)
            except (OSError, ValueError) as error:
                if time.monotonic() > end or getattr(error, "code", 500) in (404, 409, 422):
                    raise
                time.sleep(0.5)

    def worker(self, queue: str, begun: Path, **more: str) -> Program:
        """A worker of a queue of its own."""
        with suppress(OSError):
            self.ask(f"work_pools/{POOL}/queues", {"name": queue})
        words = ["worker", "start", "--pool", POOL, "--type", "process", "--name", queue, "--work-queue", queue]
        told = {**self._told, LOG: str(begun), "VOICECAST_LABELS_WAIT_HOURS": "1", **more}
        worker = Program([sys.executable, "-m", "prefect", *words], told, self.folder / f"{queue}.log")
        self._workers.append(worker)
        worker.start()
        return worker

    def order(self, queue: str, order: Mapping[str, Any]) -> str:
        """Start a run of the season; gives its id."""
        said = {"parameters": {"order": order}, "work_queue_name": queue, "state": {"type": "SCHEDULED"}}
        return str(self.ask(f"deployments/{self._deployment}/create_flow_run", said)["id"])

    def end(self) -> None:
        for each in (*self._workers, self._server):
            each.kill()
        if self.postgres:
            self.postgres.end()


@contextmanager
def served(folder: Path, kind: Database) -> Iterator[Served]:
    folder.mkdir(parents=True)
    there = Served(folder, kind)
    try:
        yield there
    finally:
        there.end()


def until(found: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (got := found()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.3)
    return got


def processes_of(run: str) -> list[int]:
    """Processes of a flow run, by the variable that its worker gives them."""
    wanted, found = f"PREFECT__FLOW_RUN_ID={run}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def write_series(folder: Path, episodes: int, *, asks: bool, sleep_s: float) -> Path:
    """Scripted episodes of A and B, a reference of A; `asks`: B is a character that only a person can name."""
    from containers.contract.stages import STAGES
    from tests.chaos.season import RIGHTS, SERIES, lay

    lay(folder, episodes, seconds=60)
    rights = json.dumps(RIGHTS)
    carl = [f"  carl: {{name: Carl, rights: {rights}}}"] if asks else []
    config = folder / "series.yaml"
    config.write_text("\n".join([
        f"series: {SERIES}", 'episodes: "*.mkv"', "language: ja", "characters:",
        f"  anna: {{name: Anna, references: refs/A.flac, rights: {rights}}}", *carl,
        "engines: {" + ", ".join(f"{stage}: stub" for stage in STAGES) + "}",
        "targets: {min_minutes: 0.01}", f"options: {{stub: {{sleep_s: {sleep_s}}}}}",
    ]) + "\n")  # fmt: skip
    return config
