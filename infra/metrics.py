"""OpenTelemetry metrics of stages, sent by OTLP where OTEL_EXPORTER_OTLP_ENDPOINT (or ..._METRICS_ENDPOINT) says where.

The SDK is an extra (`voicecast[otel]`); without an address nothing is measured and no exporter is imported. What is
told of a stage is names: series, stage, engine, runner. No path, text, or key of the store travels.
"""

from __future__ import annotations

import logging
import os
import uuid
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol

log = logging.getLogger("voicecast.metrics")

ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)
TIMES_REALTIME = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, kw_only=True)
class Work:
    """One stage of one thing, by the names under which it is counted."""

    series: str
    stage: str
    engine: str
    runner: str


class Metrics(Protocol):
    def found(self, work: Work) -> None:
        """It was made before."""

    def made(self, work: Work, run: dict[str, Any], sound_seconds: float | None, stored_bytes: int) -> None:
        """It was made now; `run`: the facts of its run.json; `sound_seconds`: length of its sound, where it has one."""

    def failed(self, work: Work, kind: str) -> None:
        """It came to an error of this kind (recording, request, machine)."""


class Nothing:
    """Where nobody wants to know."""

    def found(self, work: Work) -> None: ...

    def made(self, work: Work, run: dict[str, Any], sound_seconds: float | None, stored_bytes: int) -> None: ...

    def failed(self, work: Work, kind: str) -> None: ...


class Told:
    """Counters and histograms of a meter of OpenTelemetry."""

    def __init__(self, meter: Any) -> None:
        def histogram(name: str, unit: str, what: str, bounds: tuple[float, ...]) -> Any:
            return meter.create_histogram(
                f"voicecast.stage.{name}", unit, what, explicit_bucket_boundaries_advisory=list(bounds)
            )

        def counter(name: str, unit: str, what: str) -> Any:
            return meter.create_counter(f"voicecast.stage.{name}", unit, what)

        self._seconds = histogram("duration", "s", "Time that a stage took", SECONDS)
        self._realtime = histogram("realtime", "1", "Seconds of sound made in a second", TIMES_REALTIME)
        self._gpu_seconds = counter("gpu_seconds", "s", "Time of GPUs that stages took")
        self._bytes = counter("stored", "By", "What stages put into the store")
        self._failures = counter("failures", "{item}", "Items that came to an error, by kind")
        self._found = counter("cache_hits", "{item}", "Items that had been made before")

    def found(self, work: Work) -> None:
        self._found.add(1, asdict(work))

    def made(self, work: Work, run: dict[str, Any], sound_seconds: float | None, stored_bytes: int) -> None:
        about, seconds = asdict(work), float(run.get("seconds", 0.0))
        self._seconds.record(seconds, about)
        if sound_seconds and seconds > 0:
            self._realtime.record(sound_seconds / seconds, about)
        if gpus := float(run.get("gpus", 0)):
            self._gpu_seconds.add(gpus * seconds, about)
        self._bytes.add(stored_bytes, about)

    def failed(self, work: Work, kind: str) -> None:
        self._failures.add(1, {**asdict(work), "kind": kind})


@cache
def metrics() -> Metrics:
    """Where this process counts: once asked, to its end."""
    if not any(os.environ.get(name) for name in ADDRESSES):
        return Nothing()
    try:
        return Told(_meter())
    except ImportError:
        log.warning(
            "%s is set, but no metrics can be sent: python -m pip install --no-deps --require-hashes "
            "-r infra/requirements-otel.txt",
            " or ".join(ADDRESSES),
        )
        return Nothing()


def _meter() -> Any:
    """A meter that sends every minute (OTEL_METRIC_EXPORT_INTERVAL) and when the process ends."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    told = {"service.name": "voicecast", "service.instance.id": uuid.uuid4().hex}
    if os.environ.get("OTEL_SERVICE_NAME"):
        del told["service.name"]
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return MeterProvider([reader], Resource.create(told)).get_meter("voicecast")
