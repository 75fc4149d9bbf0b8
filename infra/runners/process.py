"""The process runner: an engine as a child process of this machine.

The child sees copies of the contract and of its own folder, never the house,
and none of the house's environment but what a program needs to run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from containers.contract.codec import canonical
from containers.contract.errors import EngineError
from containers.contract.staying import OVER
from infra.engines import CONTAINERS, Engine
from infra.environments import installed
from infra.identity import code_files, code_hash
from infra.interruption import INTERRUPTION
from infra.runners.warm import WARM
from infra.stage import Exit, Start

_CHECK_SECONDS = 600
"""The first start of an engine reads two gigabytes and compiles them: minutes on a slow disk."""
PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "NVIDIA_VISIBLE_DEVICES",
)
"""Variables a child gets; all others may hold secrets."""


class ProcessRunner:
    """Runs starts as child processes, at the lowest priority that still uses an idle machine fully.

    `stay_seconds`: how long an engine that holds no GPU stays after a start for the next one (warm.py).
    """

    remote = False
    in_place = True

    def __init__(self, work: Path, stay_seconds: float = 0.0) -> None:
        self._work, self._stay_seconds = work, stay_seconds

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        engine = start.engine
        if not installed(engine):
            raise EngineError(f"engine {engine.name} is not installed; run: voicecast engines install {engine.name}")
        code = lay_code(engine, self._work / "code")
        stays = self._stay_seconds > 0 and not engine.gpu
        like = canonical([str(code), _environment(start, code), (start.workdir / "options.json").read_text("utf-8")])
        child = (WARM.take(like, start.workdir) if stays else None) or _child(start, code, stays=stays)
        watch = _Watch(child, engine.timeout_s)
        last: deque[str] = deque(maxlen=20)
        over = False
        try:
            assert child.stdout
            with INTERRUPTION.told(watch.kill):
                for line in child.stdout:
                    watch.heard()
                    if over := line.rstrip("\n") == OVER:
                        break
                    heard(line)
                    if line.strip() and not line.startswith('{"item"'):
                        last.append(line)
            code_of_exit = 0 if over else child.wait()
        finally:
            watch.end(kill=not over)
        if over and not watch.expired:
            WARM.give(like, child, self._stay_seconds)
        return _exit(code_of_exit, watch.expired, start, "".join(last))


def _child(start: Start, code: Path, *, stays: bool) -> subprocess.Popen[str]:
    bound = "--stay" if stays else "--tied"
    return subprocess.Popen(
        [str(start.engine.interpreter), "-m", "containers.contract", start.engine.name, str(start.workdir), bound],
        cwd=code,
        env=_environment(start, code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )


def lay_code(engine: Engine, target: Path) -> Path:
    """A folder with `containers/contract` and the engine's own, made once for each version."""
    folder = target / f"{engine.name}-{code_hash(engine.name)[:16]}-{code_hash('contract')[:8]}"
    if folder.exists():
        return folder
    partial = target / f"{uuid.uuid4().hex}.partial"
    for path in [*code_files("contract"), *code_files(engine.name)]:
        copy = partial / "containers" / path.relative_to(CONTAINERS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    (partial / "containers" / "__init__.py").touch()
    try:
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)
    return folder


def _environment(start: Start, code: Path) -> dict[str, str]:
    threads = max(1, (os.cpu_count() or 1) // start.engine.at_most)
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | {
        "PYTHONPATH": str(code),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(start.cache),
        "VOICECAST_CACHE": str(start.cache),
        "CUDA_VISIBLE_DEVICES": ",".join(start.gpus),
        "VOICECAST_WEIGHTS": str(start.weights),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }


class _Watch:
    """Kills a child that has been silent for too long, and all it has started."""

    def __init__(self, child: subprocess.Popen[str], seconds: float) -> None:
        self._child, self._seconds, self._last = child, seconds, time.monotonic()
        self.expired = False
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def heard(self) -> None:
        self._last = time.monotonic()

    def end(self, *, kill: bool) -> None:
        self._ended.set()
        if kill:
            self.kill()

    def _watch(self) -> None:
        while not self._ended.wait(min(1.0, self._seconds / 4)):
            if time.monotonic() - self._last > self._seconds:
                self.expired = True
                self.kill()
                return

    def kill(self) -> None:
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _exit(code: int, expired: bool, start: Start, last: str) -> Exit:
    if expired:
        return Exit(reason="stuck", message=last)
    if code >= 0 and (code == 0 or (start.workdir / "error.json").exists()):
        return Exit(reason="finished", message=last)
    if code == -signal.SIGKILL:
        return Exit(reason="killed", message=last)
    return Exit(reason="failed", message=f"exit {code}: {last}")


def about(engine: Engine, folder: Path) -> str:
    """An engine's version, from its own set-up; or what it lacks."""
    if not installed(engine):
        return f"no; run: voicecast engines install {engine.name}"
    code = lay_code(engine, folder / "code")
    python = str(engine.interpreter)
    start = Start(id="check", engine=engine, workdir=folder, cache=folder / "cache", items=0)
    (folder / "options.json").write_text(canonical(engine.options({})), "utf-8")
    command = [python, "-m", "containers.contract", engine.name, str(folder), "--check"]
    said = f"it did not start within {_CHECK_SECONDS} s"
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            command, cwd=code, env=_environment(start, code), capture_output=True, check=False, timeout=_CHECK_SECONDS
        )
        said = " ".join(["it does not start", *done.stderr.decode(errors="replace").strip().splitlines()[-1:]])
    answer = folder / "engine.json"
    if answer.exists():
        return str(json.loads(answer.read_text("utf-8"))["engine"])
    error = folder / "error.json"
    return f"broken: {json.loads(error.read_text('utf-8'))['message'] if error.exists() else said}"
