"""The one way into every engine: `python -m containers.contract ENGINE WORKDIR`.

The process exits 0 when every item has a result or an error. It exits with a
StageError's code when the engine could not be set up (WORKDIR/error.json says
why). Anything else means that it died; the item it died on has `started` and
neither result nor error.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from .codec import canonical, decode, write_atomically
from .errors import EngineError, RequestError, StageError
from .item import Item
from .stages import CONTRACT, STAGES


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m containers.contract", description=__doc__)
    parser.add_argument("engine", help="name of a folder in containers/")
    parser.add_argument("workdir", type=Path, help="folder with items/ and perhaps options.json")
    parser.add_argument("--check", action="store_true", help="only set the engine up and say its version")
    parser.add_argument("--tied", action="store_true", help="exit when standard input closes: the parent is gone")
    options = parser.parse_args(arguments)
    if options.tied:
        threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        backend = _backend(options.engine)
        model = backend.setup(_engine_options(options.workdir, backend))
        if options.check:
            write_atomically(options.workdir / "engine.json", canonical(_about(backend)))
    except StageError as error:
        _write_error(options.workdir, error)
        return error.exit_code
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        _write_error(options.workdir, EngineError(f"{type(error).__name__}: {error}"))
        return EngineError.exit_code
    if not options.check:
        for folder in sorted(options.workdir.glob("items/*")):
            if folder.is_dir() and not _finished(folder):
                _run(backend, model, Item(folder))
    return 0


def _leave_with_parent() -> None:
    """Leave when standard input closes, and take along the programs that the engine has started."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(130)


def _backend(engine: str) -> Any:
    if not engine.isidentifier():
        raise RequestError(f"{engine!r} is not the name of an engine")
    try:
        return importlib.import_module(f"containers.{engine}.backend")
    except ModuleNotFoundError as error:
        raise EngineError(f"engine {engine} cannot start: {error}. `voicecast engines` shows what it lacks") from error


def _engine_options(workdir: Path, backend: Any) -> Any:
    path = workdir / "options.json"
    try:
        data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except ValueError as error:
        raise RequestError(f"options.json cannot be read: {error}") from error
    return decode(backend.Options, data, "options")


def _about(backend: Any) -> dict[str, Any]:
    stages = [name for name in STAGES if hasattr(backend, name)]
    return {"contract": CONTRACT, "engine": backend.version(), "stages": stages}


def _finished(folder: Path) -> bool:
    return (folder / "result.json").exists() or (folder / "error.json").exists()


def _run(backend: Any, model: Any, item: Item) -> None:
    began = time.monotonic()
    write_atomically(item.path / "started", "")
    shutil.rmtree(item.path / "out", ignore_errors=True)  # what an attempt that died has left
    try:
        stage, request = _request(item, backend)
        result = getattr(backend, stage)(model, request, item)
        _check(stage, result, item)
        answer = {"contract": CONTRACT, "stage": stage, "engine": backend.version(), "result": result}
        text = canonical(answer)
        _write_run(item, began)
        write_atomically(item.path / "result.json", text)
    except StageError as error:
        _write_run(item, began)
        _write_error(item.path, error)
    except MemoryError:
        _write_run(item, began)
        _write_error(item.path, EngineError("out of memory; give the engine more memory_gb in engines.toml"))
    except (Exception, SystemExit) as error:  # some programs made into libraries leave by SystemExit
        traceback.print_exc()
        _write_run(item, began)
        _write_error(item.path, EngineError(f"{type(error).__name__}: {error}"))
    item.progress(1.0)


def _request(item: Item, backend: Any) -> tuple[str, Any]:
    try:
        envelope = json.loads((item.path / "request.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"request.json cannot be read: {error}") from error
    if not isinstance(envelope, dict) or set(envelope) != {"contract", "stage", "request"}:
        raise RequestError("request.json must hold contract, stage and request, and nothing else")
    if envelope["contract"] != CONTRACT:
        raise RequestError(f"the request speaks contract {envelope['contract']!r}, this engine {CONTRACT}")
    stage = envelope["stage"]
    if stage not in STAGES or not hasattr(backend, stage):
        raise RequestError(f"{backend.version()} does not play the stage {stage!r}")
    return stage, decode(STAGES[stage].request, envelope["request"], stage)


def _check(stage: str, result: Any, item: Item) -> None:
    wanted = STAGES[stage].result
    if not isinstance(result, wanted):
        raise EngineError(f"{stage} answered with {type(result).__name__} instead of {wanted.__name__}")
    for file in _files(result):
        if not file.path.startswith("out/") or not (item.path / file.path).is_file():
            raise EngineError(f"{stage} names {file.path}, which is no file in out/")


def _files(value: Any) -> list[Any]:
    if dataclasses.is_dataclass(value):
        if hasattr(value, "sha256"):
            return [value]
        return [file for each in dataclasses.fields(value) for file in _files(getattr(value, each.name))]
    if isinstance(value, tuple):
        return [file for each in value for file in _files(each)]
    return []


def _write_error(folder: Path, error: StageError) -> None:
    write_atomically(
        folder / "error.json", canonical({"contract": CONTRACT, "kind": error.kind, "message": str(error)})
    )


def _peak_kib() -> int:
    """Peak memory of this process; getrusage would count the parent's from before it became this program."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _write_run(item: Item, began: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    run = {
        "seconds": round(time.monotonic() - began, 3),
        "host": socket.gethostname(),
        "peak_memory_mb": round(_peak_kib() / 1024, 1),
        "process_cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_atomically(item.path / "run.json", canonical(run))


if __name__ == "__main__":
    sys.exit(main())
