"""The flow itself in a pod, by the image of the house and the least account: killed amid a Job, it comes back to it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from infra import images
from tests.flow.conftest import Scripted
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.conftest import Yard
from tests.unit.s3_servers import Server

FOLDERS = {"home": "/home/voicecast", "tmp": "/tmp"}
CONFINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.fixture
def house(cluster: Cluster) -> str:
    """The image of the house, in the cluster."""
    built = images.make_house(images.Recipe(variant="cpu"))
    if built.error:
        pytest.fail(built.error)
    cluster.load(built.image)
    return built.image


def flow_job(image: str, series: str, store: Any, environment: dict[str, str]) -> list[dict[str, Any]]:
    """A Job that runs a season, and the series file it reads; a pod that dies is replaced."""
    told = {name: value for name, value in environment.items() if name not in ("KUBECONFIG", "VOICECAST_CACHE_DIR")}
    told |= {"VOICECAST_SLOTS": "machine", "VOICECAST_LABELS_WAIT_HOURS": "0"}
    container = {
        "name": "flow",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["voicecast", "season", "--config", "/series/series.yaml", "--store", store.address],
        "args": ["--labels", "auto"],
        "env": [
            *({"name": name, "value": value} for name, value in told.items()),
            {"name": "VOICECAST_KUBERNETES_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
        "securityContext": CONFINED,
        "volumeMounts": [
            {"name": "series", "mountPath": "/series"},
            *({"name": name, "mountPath": path} for name, path in FOLDERS.items()),
        ],
    }
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": "voicecast-flow",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
        "containers": [container],
        "volumes": [
            {"name": "series", "configMap": {"name": "series"}},
            *({"name": name, "emptyDir": {}} for name in FOLDERS),
        ],
    }
    labels = {"app.kubernetes.io/name": "voicecast", "app.kubernetes.io/component": "flow"}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "series"}, "data": {"series.yaml": series}},
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "season", "labels": labels},
            "spec": {"backoffLimit": 2, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
    ]


def processes(words: str) -> Iterator[int]:
    """Processes of this machine, those in pods as well, with these words in their command."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if words.encode() in each.read_bytes().replace(b"\0", b" "):
                yield int(each.parent.name)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_a_flow_in_a_pod_that_is_killed_comes_back_to_the_job_that_is_there(
    yard: Yard, store: Any, server: Server, house: str, environment: dict[str, str], tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path / "toy")
    scripted.episode(1, sleep_s=6)
    bucket = server.new_bucket()
    for path in [*scripted.folder.glob("episodes/*"), *scripted.folder.glob("refs/*")]:
        server.client().upload_file(str(path), bucket, f"{path.parent.name}/{path.name}")
    scripted.write({"anna": "A", "ben": "B"}, extra="runners: {stub: kubernetes}")
    series = scripted.config.read_text().replace("episodes: episodes", f"episodes: s3://{bucket}/episodes")
    series = series.replace("references: refs/", f"references: s3://{bucket}/refs/")
    for manifest in flow_job(house, series, store, environment):
        yard.cluster("create", "-n", yard.namespace, "-f", "-", given=json.dumps(manifest))

    def engines_at_work() -> list[dict[str, Any]]:
        return [job for job in yard.jobs() if job["metadata"]["name"] != "season" and store_has_begun(job)]

    def store_has_begun(job: dict[str, Any]) -> bool:
        start = job["metadata"]["labels"]["voicecast/start"]
        return any(key.endswith("/started") for key in store.keys(f"scratch/starts/{start}"))

    def season() -> dict[str, Any]:
        return yard.cluster.json("get", "job", "season", "-n", yard.namespace)

    yard.wait(engines_at_work, "no engine works", 400)  # a server of Prefect's own starts first
    engine, *_ = engines_at_work()
    (owner,) = engine["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Job", season()["metadata"]["uid"]), "it goes with the flow's own Job"
    for process in processes(f"season --config /series/series.yaml --store {store.address}"):
        os.kill(process, signal.SIGKILL)
    seen: dict[str, set[str]] = {}

    def is_over() -> bool:
        for job in yard.jobs():
            about = job["metadata"]
            for label in about["labels"]:
                if label.startswith("item.voicecast/"):
                    seen.setdefault(label, set()).add(about["uid"])
        return bool(season()["status"].get("succeeded"))

    with suppress(AssertionError):
        yard.wait(is_over, "the season does not end", 600)
    said = yard.cluster("logs", "-n", yard.namespace, "job/season")
    assert season()["status"].get("succeeded") == 1, said[-3000:]
    assert season()["status"]["failed"] == 1, "the pod that was killed"
    assert {label: len(uids) for label, uids in seen.items()} == dict.fromkeys(seen, 1), "an item was started twice"
    assert engine["metadata"]["uid"] in set().union(*seen.values())
    assert [key for key in store.keys("series/toy/voices") if key.endswith("current.json")]
    yard.cluster("delete", "job", "season", "-n", yard.namespace)
    yard.is_empty()
