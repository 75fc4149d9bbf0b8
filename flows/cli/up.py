"""up, down, back-up: Prefect's server, a worker and the label sheet on one machine, under one supervisor."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from containers.contract.errors import EngineError
from flows.cli.options import Config, StoreAt
from flows.cli.terminal import say
from infra.settings import HERE
from infra.supervise import Child, Supervisor
from infra.up_folder import Secrets, UpFolder, free

STATE = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "voicecast"
SHUTDOWN_SECONDS = 150
BEARING = {"PREFECT_CLIENT_MAX_RETRIES": "7", "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500"}
"""So that a worker bears a server that starts again, as runs do (infra/k8s/*-job-template.json)."""

Folder = Annotated[
    Path, typer.Option(envvar="VOICECAST_UP_DIR", help="Where the server's database, secrets and logs are kept")
]


def add_to(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command("back-up")(back_up)


def up(
    config: Config = None,
    store: StoreAt = None,
    folder: Folder = STATE,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of Prefect's server")] = 4200,
    review_port: Annotated[int, typer.Option(help="Port of the label sheet; 0: none is served")] = 8484,
    restore: Annotated[Path | None, typer.Option(help="First put back what voicecast back-up saved here")] = None,
) -> None:
    """Run Prefect's server, a worker and the label sheet until Ctrl-C or voicecast down; nothing is lost by either."""
    from tasks.opening import config_path, open_series, store_address

    series_file = config_path(config)
    address = store_address(store, series_file)
    open_series(series_file, address)  # what is wrong with the series is said here, and not by each run
    there = UpFolder(folder)
    if restore:
        there.restore(restore)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    with there.held():
        for each in (port, review_port):
            if each and not free(host, each):
                raise EngineError(f"port {each} of {host} is taken; choose another with --port or --review-port")
        secrets = there.secrets()
        at = Here(there, secrets, host, port, str(series_file), address)
        children = [at.server(), at.worker(), *([at.review(review_port)] if review_port else [])]
        say("Prefect's server starts (up to a minute) ...", style="dim")
        Supervisor(children, there.logs).run(lambda: at.tell(review_port))
    say("All has ended; voicecast up goes on from here.")


def down(folder: Folder = STATE) -> None:
    """End what voicecast up runs, and wait until it has."""
    there = UpFolder(folder)
    pid = there.pid()
    if pid is None:
        say("Nothing runs there.")
        return
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    for _ in range(SHUTDOWN_SECONDS * 10):
        if there.pid() is None:
            say("All has ended; voicecast up goes on from there.")
            return
        time.sleep(0.1)
    raise EngineError(f"process {pid} has not ended in {SHUTDOWN_SECONDS} s; look into {there.logs}")


def back_up(
    to: Annotated[Path, typer.Argument(help="A folder; a new one is made in it for each copy")], folder: Folder = STATE
) -> None:
    """Copy the server's database (SQLite) and the secrets, also while it runs; the store has a copy of its own."""
    there = UpFolder(folder)
    if not there.database.exists():
        raise EngineError(
            f"{there.database} is not there: nothing ran with this --folder, or its server is on PostgreSQL"
        )
    say(f"Saved to {there.back_up(to)}; voicecast up --restore FOLDER puts it back.")


class Here:
    """The programs of one machine, and what they are told."""

    def __init__(self, folder: UpFolder, secrets: Secrets, host: str, port: int, config: str, store: str) -> None:
        self._folder, self._secrets, self._host, self._port = folder, secrets, host, port
        reached = "127.0.0.1" if host == "0.0.0.0" else host
        self.address = f"http://{reached}:{port}"
        self._told = {"PREFECT_API_URL": f"{self.address}/api", "PREFECT_API_AUTH_STRING": secrets.auth}
        known = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API_")}
        self._environment = {
            **known,
            **self._told,
            "PREFECT_HOME": str(folder.path / "prefect"),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")])),
            "VOICECAST_CONFIG": config,
            "VOICECAST_STORE": store,
            "VOICECAST_SLOTS": os.environ.get("VOICECAST_SLOTS", "machine"),
            **{name: os.environ.get(name, value) for name, value in BEARING.items()},
        }

    def server(self) -> Child:
        said = {
            "PREFECT_SERVER_API_AUTH_STRING": self._secrets.auth,
            "PREFECT_SERVER_UI_API_URL": f"{self.address}/api",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        }
        words = ("server", "start", "--host", self._host, "--port", str(self._port))
        return self._child("server", "prefect", *words, ready=self._answers, more=said)

    def worker(self) -> Child:
        words = ("worker", "start", "--pool", "process", "--type", "process", "--name", "here")
        return self._child("worker", "prefect", *words, before=self._deploy)

    def review(self, port: int) -> Child:
        more = {"VOICECAST_REVIEW_TOKEN": self._secrets.token}
        words = ("review", "--host", self._host, "--port", str(port))
        return self._child("review", "flows.cli.main", *words, wanted=self._something_heard, more=more)

    def tell(self, review_port: int) -> None:
        """What a person does next; the shell's variables are in a file, since they let everybody in."""
        path = self._folder.path / "env"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.writelines(f"export {name}='{value}'\n" for name, value in self._told.items())
        say(f"Prefect's pages: {self.address}   user:password in {path}")
        if review_port:
            say(f"Label sheet, once something is prepared: http://{self._host}:{review_port}/   token in "
                f"{self._folder.path / 'secrets.json'}")  # fmt: skip
        say(f"Commands of another terminal: . {path}; voicecast arrived FILE. Logs: {self._folder.logs}")

    def _child(
        self,
        name: str,
        module: str,
        *words: str,
        more: dict[str, str] | None = None,
        ready: Callable[[], bool] = lambda: True,
        wanted: Callable[[], bool] = lambda: True,
        before: Callable[[], None] = lambda: None,
    ) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", module, *words],
            environment={**self._environment, **(more or {})},
            folder=Path.cwd(),
            ready=ready,
            wanted=wanted,
            before=before,
        )

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.address}/api/health", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def _deploy(self) -> None:
        command = [sys.executable, "-m", "flows.cli.main", "deploy", "--pool", "process"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EngineError(f"the deployments could not be made: {(done.stderr or done.stdout).strip()}")

    def _something_heard(self) -> bool:
        from tasks.opening import open_series
        from tasks.speakers import casting

        config, store = (self._environment[f"VOICECAST_{name}"] for name in ("CONFIG", "STORE"))
        return casting.load_cast(open_series(config, store)) is not None
