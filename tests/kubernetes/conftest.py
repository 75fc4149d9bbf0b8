"""Engines as Jobs of a real cluster, made with the rights of the least account, over a bucket of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers.contract.errors import EngineError
from infra import images
from infra.dispatch import Dispatcher
from infra.engines import Engine, engines
from infra.image_names import image_of
from infra.runners.docker import daemon
from infra.runners.kubernetes import KubernetesRunner
from infra.settings import kubernetes_settings, settings
from infra.stage import Exit, Job, Outcome, Start
from infra.store import Store, bucket_client, open_store
from infra.store.cache import file_cache
from tests.kubernetes.cluster import Cluster, find_cluster
from tests.unit.s3_servers import Server, moto_server
from tests.unit.test_dispatch import STUB, House, wait_until

UNRULY = replace(STUB, name="unruly", memory_gb=0.1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.kubernetes)
        item.add_marker(pytest.mark.xdist_group("kubernetes"))


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    try:
        with daemon():
            pass
    except EngineError as error:
        pytest.skip(f"images cannot be made: {str(error).splitlines()[0]}")
    return find_cluster()


@pytest.fixture(scope="session")
def loaded(cluster: Cluster) -> None:
    """The images of stub and of an unruly engine that stands on it."""
    stub = images.make(engines()["stub"], images.Recipe(variant="cpu"))
    if stub.error:
        pytest.fail(stub.error)
    tag = image_of(UNRULY, "cpu")
    build = [images.docker_program(), "build", "-q", "-t", tag, "--build-arg", f"STUB_IMAGE={stub.image}"]
    folder = Path(__file__).parents[1] / "docker" / "unruly"
    subprocess.run([*build, str(folder)], check=True, stdout=subprocess.DEVNULL)
    cluster.load(stub.image, tag)


@pytest.fixture(scope="session")
def server(cluster: Cluster) -> Iterator[Server]:
    with moto_server(cluster.address) as server:
        yield server


@pytest.fixture(scope="session")
def namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


@pytest.fixture(scope="session")
def account(cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of who runs flows."""
    return cluster.kubeconfig_of("voicecast-flow", namespace, tmp_path_factory.mktemp("account"))


@pytest.fixture
def environment(
    loaded: None, server: Server, namespace: str, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """What a process needs to use the cluster as who runs flows; this one has it as well."""
    said = {
        **server.environment,
        "KUBECONFIG": str(account),
        "VOICECAST_CACHE_DIR": str(tmp_path / "cache"),
        "VOICECAST_KUBERNETES_NAMESPACE": namespace,
        "VOICECAST_KUBERNETES_IMAGE_PULL_POLICY": "Never",
        "VOICECAST_KUBERNETES_GPUS": "0",
        "VOICECAST_KUBERNETES_STATE_SECONDS": "0.5",
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    forget()
    yield said
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Settings are read anew."""
    for cached in (settings, kubernetes_settings, file_cache):
        cached.cache_clear()
    bucket_client._MADE.clear()  # they keep the credentials that they were made with


@pytest.fixture
def store(environment: dict[str, str], server: Server) -> Store:
    return open_store(f"s3://{server.new_bucket()}/team one")


class Yard(House):
    """A house whose jobs run in a cluster."""

    def __init__(self, folder: Path, store: Store, cluster: Cluster, namespace: str) -> None:
        super().__init__(folder)
        self.store, self.cluster, self.namespace = store, cluster, namespace
        self.cranes = Seen(store)
        self.dispatcher = Dispatcher(folder / "work", {"kubernetes": self.cranes}, self._slots, self.heard.append)

    def job(self, name: str, engine: Engine = UNRULY, options: dict[str, Any] | None = None, **script: Any) -> Job:
        return replace(super().job(name, engine, options, **script), runner="kubernetes")

    def one(self, job: Job) -> Outcome | BaseException:
        (answer,) = self.run(job)
        return answer

    def facts(self) -> dict[str, Any]:
        """What the unruly engine said of itself."""
        (line,) = [each for each in self.cranes.lines if each.startswith("facts ")]
        return dict(json.loads(line.removeprefix("facts ")))

    def pod(self) -> str:
        """The pod of the Job that runs, once its engine has begun."""
        self.wait(lambda: any(line.startswith('{"item"') for line in self.cranes.lines), "no item begins")
        return str(
            next(each["metadata"]["name"] for each in self.pods() if not each["metadata"].get("deletionTimestamp"))
        )

    def wait(self, true: Callable[[], object], what: str, seconds: float = 90) -> None:
        wait_until(true, what, seconds)

    def is_empty(self) -> None:
        """Neither Jobs nor Secrets of links; and pods are gone or, where the kubelet takes its time, going."""
        self.wait(lambda: not self.jobs() and not self.secrets() and not self.live_pods(), "something stays")

    def live_pods(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.pods() if not each["metadata"].get("deletionTimestamp")]

    def jobs(self) -> list[dict[str, Any]]:
        """Jobs that are there, or going."""
        return list(self.cluster.json("get", "jobs", "-n", self.namespace)["items"])

    def pods(self) -> list[dict[str, Any]]:
        return list(self.cluster.json("get", "pods", "-n", self.namespace)["items"])

    def secrets(self) -> list[str]:
        found = self.cluster.json("get", "secrets", "-n", self.namespace)["items"]
        return [each["metadata"]["name"] for each in found if each["type"] == "Opaque"]


class Seen(KubernetesRunner):
    """The kubernetes runner, noting starts, lines and ends."""

    def __init__(self, store: Store, run: str = "") -> None:
        super().__init__(store, run)
        self.starts: list[Start] = []
        self.lines: list[str] = []
        self.exits: list[Exit] = []

    def run(self, start: Start, heard: Any) -> Exit:
        self.starts.append(start)

        def hear(line: str) -> None:
            self.lines.append(line)
            heard(line)

        self.exits.append(super().run(start, hear))
        return self.exits[-1]


@pytest.fixture
def yard(tmp_path: Path, store: Store, cluster: Cluster, namespace: str) -> Yard:
    os.makedirs(tmp_path / "house")
    return Yard(tmp_path / "house", store, cluster, namespace)
