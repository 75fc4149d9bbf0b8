"""The one way into every engine: `python -m containers.contract ENGINE WORKDIR`.

The process exits 0 when every item has a result or an error. It exits with a
StageError's code when the engine could not be set up (WORKDIR/error.json says
why). Anything else means that it died; the item it died on has `started` and
neither result nor error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import remote, staying
from .codec import canonical, decode, write_atomically
from .envelopes import finished, write_error
from .errors import EngineError, RequestError, StageError
from .item import Item
from .playing import play_all
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
        write_error(options.workdir, error)
        return error.exit_code
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        write_error(options.workdir, EngineError(f"{type(error).__name__}: {error}"))
        return EngineError.exit_code
    if options.check:
        return 0
    for workdir in workdirs:
        folders = sorted(path for path in workdir.glob("items/*") if path.is_dir() and not finished(path))
        play_all(backend, model, [Item(folder) for folder in folders])
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


if __name__ == "__main__":
    sys.exit(main())
