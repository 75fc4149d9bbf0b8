"""The folders of a start: how items are laid out for an engine, how its answers are read, what is swept.

The form is the contract's (containers/contract/envelopes.py).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from containers.contract.codec import canonical
from containers.contract.errors import BY_KIND, EngineError, StageError
from containers.contract.stages import CONTRACT
from infra.stage import Exit, Job, Outcome


def lay(folder: Path, job: Job, work: Path) -> None:
    """Make an item's folder: inputs are links, state is where an earlier attempt left it."""
    folder.mkdir(parents=True)
    for name, path in job.inputs.items():
        link = folder / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    state = state_of(job, work)
    state.mkdir(parents=True, exist_ok=True)
    (folder / "state").symlink_to(state)
    envelope = {"contract": CONTRACT, "stage": job.stage, "request": job.request}
    (folder / "request.json").write_text(canonical(envelope), "utf-8")


def state_of(job: Job, work: Path) -> Path:
    """Where attempts at a job leave their state; a twin of it (a file listed twice) has its own."""
    return work / "state" / f"{job.identity[:40]}-{hashlib.sha256(os.fsencode(job.name)).hexdigest()[:8]}"


def read_answer(folder: Path, ended: Exit) -> Outcome | StageError | None:
    result, error, setup = folder / "result.json", folder / "error.json", folder.parent.parent / "error.json"
    if result.exists():
        envelope = json.loads(result.read_text("utf-8"))
        run = folder / "run.json"
        facts = json.loads(run.read_text("utf-8")) if run.exists() else {}
        return Outcome(engine=envelope["engine"], result=envelope["result"], folder=folder, run=facts)
    for path in (error, setup):
        if path.exists():
            said = json.loads(path.read_text("utf-8"))
            return BY_KIND[said["kind"]](said["message"])
    if ended.reason == "finished":
        return EngineError("the engine ended without an answer")
    return None


def answered(folder: Path) -> bool:
    """Whether an item has come to a result or an error, which are written last."""
    return (folder / "result.json").exists() or (folder / "error.json").exists()


def progress_of(line: str) -> tuple[str, float] | None:
    if not line.startswith('{"item"'):
        return None
    try:
        said = json.loads(line)
        return str(said["item"]), float(said["done"])
    except (ValueError, KeyError, TypeError):
        return None


class Alive:
    """Holds a start's folder; when this process is gone, a later one may sweep it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        while True:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._stream = open(self._folder / "alive", "w")
            except FileNotFoundError:  # a sweep that found an older folder of this name has just removed it
                continue
            fcntl.flock(self._stream, fcntl.LOCK_EX)
            if _is_still(self._folder / "alive", self._stream.fileno()):  # else a sweep was faster
                return
            self._stream.close()

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._stream.close()


def sweep(starts: Path) -> None:
    """Remove what starts of processes that are gone have left."""
    for folder in starts.glob("*"):
        try:
            with open(folder / "alive") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still(folder / "alive", stream.fileno()):  # else this folder is a newer start's
                    shutil.rmtree(folder.rename(folder.with_name(f"swept-{uuid.uuid4().hex}")), ignore_errors=True)
        except FileNotFoundError:
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > 3600:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def busy(work: Path) -> bool:
    """Whether a process that may start engines holds something in this folder."""
    for path in (*work.glob("starts/*/alive"), *work.glob("done/*/alive")):
        try:
            with open(path) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            continue
    return False


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
