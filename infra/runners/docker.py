"""The docker runner: an engine in a container of this machine's Docker, for the length of one start.

What confines it is in `hardening`, what its image is called in `infra.image_names`. A container lives as long as the
connection of this process to it; what is left of one whose process was killed, `sweep` removes.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import re
import socket
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils.socket import frames_iter
from requests.exceptions import RequestException

from containers.contract.errors import EngineError
from infra import items
from infra.image_names import image_of, variant_of
from infra.interruption import INTERRUPTION
from infra.runners.hardening import hardened, user_for
from infra.runners.silence import Silence
from infra.stage import Exit, Start

log = logging.getLogger("voicecast.stage")

OWNER, HOST = "voicecast.owner", "voicecast.host"
"""Labels: the folder whose lock the process of a container holds, and the machine where that folder lies."""
GPU_HELP = "To give it GPUs: install nvidia-container-toolkit; to compute on the CPU: VOICECAST_GPUS=0"
KILLED = (137, 143)
"""Exit codes of SIGKILL and SIGTERM."""

_mine: set[str] = set()
"""Names of the containers of this process, for its end: threads that wait for engines do not reach their own."""
_leaving = threading.Event()


class DockerRunner:
    """Runs starts as containers; needs a Docker daemon that sees the same files as this process."""

    remote = False
    in_place = False  # files are given back to their owner at the end

    def __init__(self, work: Path) -> None:
        self._alive = work / "containers"
        with suppress(EngineError):  # a machine without Docker has no containers
            sweep()
        items.sweep(self._alive)

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        return self._play(start, heard)

    def check(self, start: Start) -> Exit:
        """Only set the engine up; the start's folder then has engine.json, its version, or error.json."""
        return self._play(start, lambda _: None, "--check")

    def _play(self, start: Start, heard: Callable[[str], None], *flags: str) -> Exit:
        start = replace(start, workdir=start.workdir.resolve(), cache=start.cache.resolve())
        owner = self._alive / uuid.uuid4().hex[:12]
        with (
            items.Alive(owner),
            daemon(start.engine.name) as client,
            container_of(client, start, owner, flags) as container,
        ):
            return _watched(container, start, heard)


@contextmanager
def container_of(client: Any, start: Start, owner: Path, flags: tuple[str, ...] = ()) -> Iterator[Any]:
    """A container that is not started yet, and is gone afterwards, whatever happens."""
    about = client.info()
    user = user_for(about)
    name = f"voicecast-{start.engine.name}-{owner.name}"
    _mine.add(name)
    try:
        if _leaving.is_set():
            raise EngineError("this process is ending")
        container = client.containers.create(
            image_of(start.engine, variant_of(start.gpus)),
            [str(start.workdir), "--tied", *flags],
            name=name,
            labels={HOST: socket.gethostname(), OWNER: str(owner.resolve()), "voicecast.start": start.id},
            stdin_open=True,
            **hardened(start, user, about),
        )
        yield container
    finally:
        _remove(client, name)
        _mine.discard(name)
        user.take_back(start.workdir)


def _watched(container: Any, start: Start, heard: Callable[[str], None]) -> Exit:
    last: deque[str] = deque(maxlen=20)
    stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    with stream, Silence(start.engine.timeout_s, lambda: _kill(container)) as silence:
        container.start()
        with INTERRUPTION.told(lambda: _kill(container)):
            for line in _lines(stream, silence.heard):
                heard(line)
                if not line.startswith('{"item"'):
                    last.append(line)
        try:
            container.wait(timeout=start.engine.timeout_s + 60)
            container.reload()
        except NotFound:
            return Exit(reason="killed", message="Its container was removed.")
    return _exit(container.attrs["State"], silence.expired, start, "".join(last))


def _lines(stream: Any, alive: Callable[[], None]) -> Iterator[str]:
    """Lines of both outputs; a progress bar, which returns to the start of its line, is lines as well."""
    rest = {1: b"", 2: b""}
    for output, data in frames_iter(stream, tty=False):
        alive()
        *whole, rest[output] = re.split(rb"\r\n|\r|\n", rest[output] + data)
        yield from (line.decode(errors="replace") + "\n" for line in whole)
    yield from (line.decode(errors="replace") + "\n" for line in rest.values() if line)


def _exit(state: dict[str, Any], expired: bool, start: Start, last: str) -> Exit:
    """OOMKilled is also set when a child of the engine was killed, which the engine may have survived."""
    code = state["ExitCode"]
    if expired:
        return Exit(reason="stuck", message=last)
    if code == 0 or (start.workdir / "error.json").exists():
        return Exit(reason="finished", message=last)
    if state["OOMKilled"]:
        return Exit(reason="out_of_memory", message=last)
    if code in KILLED:
        return Exit(reason="killed", message=last)
    return Exit(reason="failed", message=f"exit {code}: {last}")


def sweep() -> list[str]:
    """Remove containers whose process is gone; gives their names. Raises EngineError where no Docker answers.

    For the start of a run, and for Prefect's hooks on cancelled and crashed flows.
    """
    swept, ours = [], [OWNER, f"{HOST}={socket.gethostname()}"]
    with daemon() as client:
        for container in client.containers.list(all=True, filters={"label": ours}, ignore_removed=True):
            if not _is_alive(Path(container.labels[OWNER])):
                swept.append(container.name)
                _remove(client, container.name)
    return swept


def _is_alive(owner: Path) -> bool:
    try:
        with open(owner / "alive") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # held, or another user's, who sweeps for himself
        return True
    return False


def _remove(client: Any, name: str) -> None:
    try:
        client.api.remove_container(name, force=True)
    except NotFound:
        return
    except (DockerException, RequestException) as error:
        log.warning("container %s is left for the next start to sweep: %s", name, error)


def _kill(container: Any) -> None:
    with suppress(DockerException, RequestException):  # it has just ended by itself
        container.kill()


@atexit.register
def _leave() -> None:
    _leaving.set()
    if _mine:
        with suppress(EngineError), daemon() as client:
            for name in tuple(_mine):
                _remove(client, name)


@contextmanager
def daemon(engine: str = "") -> Iterator[Any]:
    """A connection to Docker; what goes wrong in it is an EngineError that says what to do."""
    try:
        client = docker.from_env(timeout=120)
    except DockerException as error:
        raise EngineError(
            "Docker does not answer. Start it (systemctl start docker), let this user in (usermod -aG docker USER), "
            f"or name its address in DOCKER_HOST. {error}"
        ) from error
    try:
        yield client
    except ImageNotFound as error:
        raise EngineError(
            f"engine {engine} has no image of today's code; run: make images ENGINES={engine} ({error.explanation})"
        ) from error
    except APIError as error:
        said = str(error.explanation or error)
        help_ = GPU_HELP if "device driver" in said else ""
        raise EngineError(f"Docker refused to start {engine}: {said}. {help_}".strip()) from error
    except (DockerException, RequestException) as error:
        raise EngineError(f"the connection to Docker broke while {engine} ran: {error}") from error
    finally:
        client.close()
