"""The one way into every engine: `python -m containers.contract ENGINE WORKDIR`.

The process exits 0 when every item has a result or an error. It exits with a
StageError's code when the engine could not be set up (WORKDIR/error.json says
why). Anything else means that it died; the item it died on has `started` and
neither result nor error.
"""

from __future__ import annotations

import argparse
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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import remote, staying
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
    parser.add_argument("--stay", action="store_true", help="tied, and then take further WORKDIRs (staying.py)")
    parser.add_argument("--links", type=Path, help="requests come and results go by the links of this file (remote.py)")
    options = parser.parse_args(arguments)
    if options.links:
        return remote.run(options.engine, options.workdir, options.links)
    signal.signal(signal.SIGTERM, _leave)  # as the first process of a container it would not be heard otherwise
    workdirs: Iterable[Path] = [options.workdir]
    if options.stay:
        workdirs = staying.starts(options.workdir)
    elif options.tied:
        threading.Thread(target=staying.leave_with_parent, daemon=True).start()
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
    if options.check:
        return 0
    for workdir in workdirs:
        folders = sorted(path for path in workdir.glob("items/*") if path.is_dir() and not _finished(path))
        _run_all(backend, model, [Item(folder) for folder in folders])
    return 0


def _leave(*_: object) -> None:
    os._exit(128 + signal.SIGTERM)


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


def _run_all(backend: Any, model: Any, items: list[Item]) -> None:
    """Each item by itself; those of a stage that the backend plays for many at once, together."""
    together: dict[str, list[Item]] = {}
    for item in items:
        stage = _stage_of(item)
        if hasattr(backend, f"{stage}_many"):
            together.setdefault(stage, []).append(item)
        else:
            _run(backend, model, item)
    for stage, several in together.items():
        _Together(backend, stage, several).run(model)


def _run(backend: Any, model: Any, item: Item) -> None:
    began = _begin(item)
    try:
        stage, request = _request(item, backend)
        answer = getattr(backend, stage)(model, request, item)
    except (Exception, SystemExit) as error:  # some programs made into libraries leave by SystemExit
        answer = error
    _answer(backend, item, answer, began)


class _Together:
    """Items of one stage that are given to the backend as it draws them, and answered as it ends them."""

    def __init__(self, backend: Any, stage: str, items: list[Item]) -> None:
        self._backend, self._stage, self._waiting = backend, stage, items[::-1]
        self._open: dict[Item, _Moment] = {}

    def run(self, model: Any) -> None:
        while self._waiting:
            before = len(self._waiting)
            try:
                for item, answer in getattr(self._backend, f"{self._stage}_many")(model, self._drawn()):
                    _answer(self._backend, item, answer, self._open.pop(item))
                left: BaseException = EngineError(f"{self._stage} ended without an answer")
            except (Exception, SystemExit) as error:
                left = error
            if len(self._waiting) == before:  # it failed before it drew any, and would again
                next(self._drawn(), None)
            for item, began in self._open.items():
                _answer(self._backend, item, left, began)
            self._open.clear()

    def _drawn(self) -> Iterator[tuple[Any, Item]]:
        while self._waiting:
            item = self._waiting.pop()
            began = _begin(item)
            try:
                _, request = _request(item, self._backend)
            except StageError as error:
                _answer(self._backend, item, error, began)
                continue
            self._open[item] = began
            yield request, item


class _Moment(NamedTuple):
    seconds: float
    cpu_seconds: float


def _now() -> _Moment:
    """CPU-seconds of this process and of the programs it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return _Moment(time.monotonic(), sum(each.ru_utime + each.ru_stime for each in used))


def _begin(item: Item) -> _Moment:
    write_atomically(item.path / "started", "")
    while (item.path / "awaited").exists():  # its inputs are on their way
        time.sleep(0.02)
    shutil.rmtree(item.path / "out", ignore_errors=True)  # what an attempt that died has left
    return _now()


def _answer(backend: Any, item: Item, answer: Any, began: _Moment) -> None:
    """Write what an item came to: its result, or the error it ended in."""
    stage = _stage_of(item)
    try:
        if isinstance(answer, BaseException):
            raise answer
        _check(stage, answer, item)
        envelope = {"contract": CONTRACT, "stage": stage, "engine": backend.version(), "result": answer}
        text = canonical(envelope)
        _write_run(item, began)
        write_atomically(item.path / "result.json", text)
    except StageError as error:
        _write_run(item, began)
        _write_error(item.path, error)
    except MemoryError:
        _write_run(item, began)
        _write_error(item.path, EngineError("out of memory; give the engine more memory_gb in engines.toml"))
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)
        _write_run(item, began)
        _write_error(item.path, EngineError(f"{type(error).__name__}: {error}"))
    item.progress(1.0)


def _stage_of(item: Item) -> str:
    """The stage an item asks for; empty where that cannot be read, which `_request` then says."""
    try:
        return str(json.loads((item.path / "request.json").read_text("utf-8"))["stage"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


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


def _gpus() -> int:
    """GPUs that this start may use: a runner says it as CUDA_VISIBLE_DEVICES, a container as NVIDIA_VISIBLE_DEVICES."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES", os.environ.get("NVIDIA_VISIBLE_DEVICES", ""))
    named = [each for each in said.split(",") if each.strip() not in ("", "none", "void", "-1")]
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) if named == ["all"] else len(named)


def _write_run(item: Item, began: _Moment) -> None:
    ended, used = _now(), resource.getrusage(resource.RUSAGE_SELF)
    run = {
        "seconds": round(ended.seconds - began.seconds, 3),
        "host": socket.gethostname(),
        "peak_memory_mb": round(_peak_kib() / 1024, 1),
        "cpu_seconds": round(ended.cpu_seconds - began.cpu_seconds, 3),
        "process_cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
        "gpus": _gpus(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_atomically(item.path / "run.json", canonical(run))


if __name__ == "__main__":
    sys.exit(main())
