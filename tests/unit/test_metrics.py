"""Metrics on the wire: what an OTLP receiver is sent of a run, and that without an address nothing is."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from infra.settings import HERE

RUN = """
import sys
from pathlib import Path
from containers.contract.errors import StageError
from tasks import orders
from tests.unit.stub_studio import episode_at, studio_at

folder = Path(sys.argv[1])
studio = studio_at(folder)
for episode in (episode_at(folder, "secret-1", duration=30), episode_at(folder, "secret-2", fail="recording")):
    for _ in range(2):
        try:
            studio.make(orders.extract(studio, episode))
        except StageError as error:
            print(error.kind)
print("exporter" if any(each.startswith("opentelemetry.exporter") for each in sys.modules) else "none")
"""


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.bodies: list[bytes] = []

    def points(self) -> dict[str, list[Any]]:
        """Name of a metric -> its points, of the last that was sent."""
        request = ExportMetricsServiceRequest.FromString(self.bodies[-1])
        found = [each for scope in request.resource_metrics[0].scope_metrics for each in scope.metrics]
        return {
            each.name: list((each.histogram if each.HasField("histogram") else each.sum).data_points) for each in found
        }


class _Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        assert self.path == "/v1/metrics"
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def run(folder: Path, **told: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder)], env={**environment, **told}, cwd=HERE, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def test_a_receiver_is_told_of_stages_by_names_alone(receiver: Receiver, tmp_path: Path) -> None:
    where = f"http://127.0.0.1:{receiver.server_address[1]}"
    said = run(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=where, OTEL_RESOURCE_ATTRIBUTES="deployment.environment=here")
    assert said.split() == ["recording", "recording", "exporter"]
    points = receiver.points()
    (seconds,), (realtime,), (stored,) = (
        points[f"voicecast.stage.{each}"] for each in ("duration", "realtime", "stored")
    )
    assert seconds.count == realtime.count == 1
    assert seconds.sum > 0
    assert realtime.sum == pytest.approx(30 / seconds.sum, rel=0.01)
    assert stored.as_int > 1000
    (found,), (failures,) = points["voicecast.stage.cache_hits"], points["voicecast.stage.failures"]
    assert (found.as_int, failures.as_int) == (1, 2)
    names = {each.key: each.value.string_value for each in failures.attributes}
    assert names == {"series": "toy", "stage": "extract", "engine": "stub", "runner": "process", "kind": "recording"}
    assert "voicecast.stage.gpu_seconds" not in points, "there is no GPU"
    everything = b"".join(receiver.bodies)
    assert b"secret" not in everything
    assert os.fsencode(tmp_path) not in everything
    assert b"deployment.environment" in everything
    assert b"voicecast" in everything


def test_without_an_address_no_exporter_is_even_imported(tmp_path: Path) -> None:
    assert run(tmp_path).split() == ["recording", "recording", "none"]


def test_gpu_seconds_are_gpus_times_seconds() -> None:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from infra.metrics import Told, Work

    reader = InMemoryMetricReader()
    told = Told(MeterProvider([reader]).get_meter("here"))
    work = Work(series="s", stage="separate", engine="demucs", runner="docker")
    told.made(work, {"seconds": 30.0, "gpus": 2}, None, 5)
    (resource,) = json.loads(reader.get_metrics_data().to_json())["resource_metrics"]
    metrics = {each["name"]: each["data"]["data_points"][0] for each in resource["scope_metrics"][0]["metrics"]}
    assert metrics["voicecast.stage.gpu_seconds"]["value"] == 60
    assert "voicecast.stage.realtime" not in metrics
