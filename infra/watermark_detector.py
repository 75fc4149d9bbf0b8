"""Asking an engine for its watermark in a file, without a series or a store: for whoever looks at a file."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from functools import cache
from pathlib import Path

from containers.contract.codec import decode, encode
from containers.contract.errors import RecordingError
from containers.contract.item import sha256_of
from containers.contract.stages import DetectWatermarkRequest, DetectWatermarkResult, File
from infra.dispatch import Dispatcher
from infra.engines import Engine, engines
from infra.identity import identity
from infra.readiness import lacks
from infra.runners.process import ProcessRunner
from infra.settings import SettingsError, settings
from infra.stage import Job
from infra.watermarks import watermark_engine

_IN = "in/sound"


def detectors() -> tuple[Engine, ...]:
    """The chosen engine, and all others that are installed with their weights; SettingsError if the chosen one is
    not."""
    chosen = watermark_engine()
    if chosen and (missing := lacks(chosen, "process", {})):
        raise SettingsError(f"VOICECAST_WATERMARK: {'; '.join(missing)}; or say off")
    others = (
        each
        for each in engines().values()
        if "detect_watermark" in each.stages and each is not chosen and each.weights and not lacks(each, "process", {})
    )
    return (*((chosen,) if chosen else ()), *others)


def detect(engine: Engine, path: Path) -> tuple[str, DetectWatermarkResult] | None:
    """The engine by its name and version, and what it finds; None for a file that it cannot read."""
    sha256 = sha256_of(path)
    request = encode(DetectWatermarkRequest(sound=File(path=_IN, sha256=sha256)))
    options = engine.options({})
    job = Job(
        name=f"watermark of {path.name}",
        identity=identity(engine, "detect_watermark", request, options),
        engine=engine,
        runner="process",
        options=options,
        stage="detect_watermark",
        request=request,
        inputs={_IN: path.absolute()},
    )
    try:
        outcome = _dispatcher().run(job)
    except RecordingError:
        return None
    outcome.discard()
    return outcome.engine, decode(DetectWatermarkResult, outcome.result)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="voicecast-detect-")


@cache
def _dispatcher() -> Dispatcher:
    """One for the process, so that an engine stays for the next file."""
    work = Path(_folder().name)
    runner = ProcessRunner(work, settings().stay_seconds)
    return Dispatcher(work, {"process": runner}, lambda _: nullcontext(()), lambda _: None)
