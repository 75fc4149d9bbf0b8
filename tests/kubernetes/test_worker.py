"""The deployment `season` on a Kubernetes work pool: each run a pod of the house, each start of an engine a Job."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import images
from infra.store import Store, open_store, read_json
from tests.flow.conftest import Scripted
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.prefect_parts import PrefectServer, prefect_server, running, wait_for
from tests.unit.s3_servers import Server
from tests.unit.test_dispatch import wait_until

pytestmark = pytest.mark.timeout(1500)

POOL = "kubernetes"
FLOW = "app.kubernetes.io/component=flow"
ENGINE = "app.kubernetes.io/component=engine"
SLOW = "options: {stub: {sleep_s: 4}}"


@pytest.fixture(scope="module")
def house(cluster: Cluster, loaded: None) -> None:
    """The image of the house, in the cluster."""
    built = images.make_house(images.Recipe(variant="cpu"))
    if built.error:
        pytest.fail(built.error)
    cluster.load(built.image)


@pytest.fixture(scope="module")
def prefect(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    with prefect_server(cluster.address, tmp_path_factory.mktemp("prefect")) as server:
        yield server


class Site:
    """A namespace as docs/kubernetes.md sets it up, a worker, and the deployments; one series at a time."""

    def __init__(self, cluster: Cluster, namespace: str, prefect: PrefectServer, server: Server) -> None:
        self.cluster, self.namespace, self.prefect, self.server = cluster, namespace, prefect, server
        self.pods: dict[str, str] = {}
        self.jobs: dict[str, set[str]] = {}

    def apply(self, kind: str, name: str, data: dict[str, str]) -> None:
        field = "stringData" if kind == "Secret" else "data"
        manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: data}
        self.cluster("apply", "-n", self.namespace, "-f", "-", given=json.dumps(manifest))

    def series(self, scripted: Scripted, characters: dict[str, str], extra: str) -> Store:
        """Put the episodes of a series into a bucket and its file into the cluster; gives the store of its results."""
        scripted.write(characters, extra=f"runners: {{stub: kubernetes}}\n{extra}")
        bucket = self.server.new_bucket()
        for path in [*scripted.folder.glob("episodes/*"), *scripted.folder.glob("refs/*")]:
            self.server.client().upload_file(str(path), bucket, f"{path.parent.name}/{path.name}")
        said = scripted.config.read_text().replace("episodes: episodes", f"episodes: s3://{bucket}/episodes")
        self.apply("ConfigMap", "voicecast-series", {"series.yaml": said.replace("refs/", f"s3://{bucket}/refs/")})
        return open_store(f"s3://{self.server.new_bucket()}/team")

    def season(self, store: Store, labels: str) -> str:
        order = {"config": "/series/series.yaml", "store": store.address, "labels": labels}
        machine = {"namespace": self.namespace, "image_pull_policy": "Never", "ephemeral_storage": "1Gi"}
        return self.prefect.start("season", order, machine)

    def look(self) -> None:
        """Note what is there: phases of the pods of flows, and which Jobs bore which items."""
        found = self.cluster.json("get", "pods", "-n", self.namespace, "-l", FLOW)["items"]
        self.pods = {each["metadata"]["name"]: each["status"]["phase"] for each in found}
        for job in self.cluster.json("get", "jobs", "-n", self.namespace, "-l", ENGINE)["items"]:
            for label in job["metadata"]["labels"]:
                if label.startswith("item.voicecast/"):
                    self.jobs.setdefault(label, set()).add(job["metadata"]["uid"])

    def engines(self) -> list[dict[str, Any]]:
        return list(self.cluster.json("get", "jobs", "-n", self.namespace, "-l", ENGINE)["items"])

    def until(self, run: str, *states: str) -> None:
        """Wait for a state, and see that no other end comes."""

        def is_there() -> bool:
            self.look()
            state = self.prefect.state(run)
            assert state in states or state not in ("Failed", "Crashed", "Completed"), self.prefect.told(run)
            return state in states

        self.wait(is_there, f"{run} does not become {states}")

    def wait(self, true: Callable[[], object], what: str) -> None:
        wait_until(true, what, 420)


@pytest.fixture(scope="module")
def site(
    cluster: Cluster,
    house: None,
    server: Server,
    prefect: PrefectServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    with cluster.namespace() as namespace:
        site = Site(cluster, namespace, prefect, server)
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        site.apply("Secret", "voicecast-store", {name: server.environment[name] for name in keys})
        told = {"VOICECAST_SLOTS": "machine", "AWS_EC2_METADATA_DISABLED": "true"}
        site.apply("ConfigMap", "voicecast", told)
        said = {
            "VOICECAST_S3_ENDPOINT": server.endpoint,
            "VOICECAST_LABELS_WAIT_HOURS": "1",
            "VOICECAST_KUBERNETES_IMAGE_PULL_POLICY": "Never",
            "VOICECAST_KUBERNETES_GPUS": "0",
        }
        prefect.voicecast("deploy", "--pool", POOL, **said)
        worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "kubernetes"]
        mine = {
            "KUBECONFIG": cluster.kubeconfig,
            "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES": namespace,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        log = tmp_path_factory.mktemp("worker") / "worker.log"
        surroundings = {name: value for name, value in prefect.environment.items() if name != "PREFECT_HOME"}
        with running(worker, {**surroundings, **mine, "HOME": str(log.parent)}, log) as process:
            wait_for(lambda: "started!" in log.read_text(), "no worker starts", process, log)
            yield site


def test_a_run_that_asks_for_labels_holds_no_pod_and_goes_on_in_another_one(
    site: Site, environment: dict[str, str], tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path / "toy")
    scripted.episode(1, cast=["A", "C"])
    store = site.series(scripted, {"anna": "A", "carl": ""}, "")
    began = time.monotonic()
    run = site.season(store, "ask")
    site.until(run, "Suspended")
    print(f"\nstart to a form: {time.monotonic() - began:.0f} s")
    site.wait(lambda: (site.look(), set(site.pods.values()) == {"Succeeded"})[1], "its pod does not go")
    (first,) = site.pods
    assert site.engines() == []
    (form,) = [read_json(store, key) for key in store.keys("series/toy/cast/forms")]
    speaker = next(name for name, said in form["prefill"].items() if said != "anna")
    began = time.monotonic()
    site.prefect.resume(run, **{speaker: "carl"}, labelled_by="mika")
    site.until(run, "Completed")
    print(f"answer to voices: {time.monotonic() - began:.0f} s")
    assert len(site.pods) == 2, "a pod before the answer, and one after it"
    assert first in site.pods
    voices = [key for key in store.keys("series/toy/voices") if key.endswith("current.json")]
    assert [key.split("/")[3] for key in voices] == ["anna", "carl"]
    assert read_json(store, "series/toy/cast/labels.json")["speakers"][speaker]["who"] == "mika"
    assert {label for label, jobs in site.jobs.items() if len(jobs) > 1} == set(), "a stage was started twice"
    assert len(site.jobs) > 8
    assert site.engines() == []


@pytest.mark.proof
def test_a_run_whose_pod_is_killed_goes_on_in_another_one_with_the_job_that_is_there(
    site: Site, environment: dict[str, str], tmp_path: Path
) -> None:
    scripted = Scripted(tmp_path / "toy")
    scripted.episode(1, cast=["A", "C"])
    store = site.series(scripted, {"anna": "A"}, SLOW)
    site.jobs.clear()
    run = site.season(store, "auto")
    site.wait(lambda: begun(store), "no engine works")
    site.look()
    for process in processes_of(run):
        os.kill(process, signal.SIGKILL)
    site.until(run, "Completed")
    assert {label for label, jobs in site.jobs.items() if len(jobs) > 1} == set(), "a stage was started twice"
    assert [key for key in store.keys("series/toy/voices") if key.endswith("current.json")]


@pytest.mark.proof
def test_a_run_that_is_cancelled_leaves_no_job(site: Site, environment: dict[str, str], tmp_path: Path) -> None:
    scripted = Scripted(tmp_path / "toy")
    scripted.episode(1, cast=["A", "C"])
    store = site.series(scripted, {"anna": "A"}, "options: {stub: {sleep_s: 60}}")
    run = site.season(store, "auto")
    site.wait(lambda: begun(store), "no engine works")
    site.prefect.set_state(run, type="CANCELLING")
    began = time.monotonic()
    site.until(run, "Cancelled")
    site.wait(lambda: not site.engines(), "a Job stays")
    print(f"\ncancelled to nothing left: {time.monotonic() - began:.0f} s")
    site.wait(lambda: (site.look(), "Running" not in site.pods.values())[1], "its pod stays")


def begun(store: Store) -> bool:
    """Whether an engine has begun an item."""
    return any(key.endswith("/started") for key in store.keys("scratch/starts"))


def processes_of(run: str) -> list[int]:
    """Processes of a flow run in pods, by the variable that the worker gives them."""
    wanted, found = f"PREFECT__FLOW_RUN_ID={run}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
