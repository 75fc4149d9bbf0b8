"""How a Job ends, and why one does not begin: each told by its name, with what to do; and nothing stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import docker
import pytest

from containers.contract.errors import EngineError, RecordingError
from infra.image_names import image_of
from infra.runners import kubernetes_ends
from infra.stage import Outcome
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.conftest import UNRULY, Yard, forget
from tests.unit.test_dispatch import STUB

Say = Callable[..., None]


@pytest.fixture
def say(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Set settings of the runner."""

    def set_(**settings: Any) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"VOICECAST_KUBERNETES_{name.upper()}", str(value))
        forget()

    return set_


def evict(cluster: Cluster, namespace: str, pod: str) -> None:
    """As a drain does, by the API."""
    about = {"name": pod, "namespace": namespace}
    eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": about}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    cluster("create", "--raw", path, "-f", "-", given=json.dumps(eviction))


def test_items_that_wait_together_share_a_job(yard: Yard) -> None:
    outcomes = yard.run(*(yard.job(f"e{i}", STUB) for i in range(5)))
    assert all(isinstance(each, Outcome) and each.engine == "stub 1" for each in outcomes), outcomes
    assert [start.items for start in yard.cranes.starts] == [5]
    assert {each.name for each in yard.heard if each.done == 1} == {f"probe e{i}" for i in range(5)}
    yard.is_empty()
    assert [*yard.store.keys("scratch/starts"), *yard.store.keys("scratch/items")] == []


@pytest.mark.proof
def test_a_broken_recording_is_the_recordings_fault(yard: Yard) -> None:
    good, broken = yard.run(yard.job("e1", STUB), yard.job("e2", STUB, fail="recording"))
    assert isinstance(good, Outcome)
    assert isinstance(broken, RecordingError)


def test_too_much_memory_is_told_and_takes_no_neighbour_along(yard: Yard) -> None:
    first, glutton, third = yard.run(yard.job("e1"), yard.job("e2", do="eat"), yard.job("e3"))
    assert isinstance(first, Outcome), first
    assert isinstance(third, Outcome), third
    assert "ran out of memory; raise memory_gb of unruly" in str(glutton)
    assert {ended.reason for ended in yard.cranes.exits} == {"out_of_memory", "finished"}
    yard.is_empty()


@pytest.mark.parametrize("how", ["evicted", pytest.param("lost without a word", marks=pytest.mark.proof)])
def test_an_item_whose_pod_is_taken_away_goes_on_where_it_was(
    yard: Yard, cluster: Cluster, namespace: str, how: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(yard.one, yard.job("e1", do="go step by step", steps=40))
        yard.wait(lambda: "step 10\n" in yard.cranes.lines, "it does not go")
        pod = yard.pod()
        if how == "evicted":
            evict(cluster, namespace, pod)
        else:
            cluster("delete", "pod", pod, "-n", namespace, "--grace-period=0", "--force")
        assert isinstance(running.result(), Outcome), running.result()
    assert [ended.reason for ended in yard.cranes.exits] == ["lost", "finished"]
    assert yard.facts()["first"] >= (10 if how == "evicted" else 5), "at most the last second is done again"
    yard.is_empty()


@pytest.mark.proof
def test_state_is_kept_when_an_engine_dies(yard: Yard) -> None:
    """Stub counts its attempts there: it dies in the first two."""
    outcome = yard.one(yard.job("e1", STUB, die="probe", times=2))
    assert isinstance(outcome, Outcome), outcome
    assert [ended.reason for ended in yard.cranes.exits] == ["killed", "killed", "finished"]


@pytest.mark.proof
def test_a_program_that_leaves_says_its_last_words(yard: Yard) -> None:
    failure = yard.one(yard.job("e1", do="leave"))
    assert "exit 7: the library gives up" in str(failure)


@pytest.mark.proof
def test_an_engine_without_a_sign_of_life_is_ended(yard: Yard) -> None:
    failure = yard.one(yard.job("e1", replace(UNRULY, timeout_s=4), do="be silent"))
    assert "no progress for 4 s" in str(failure)
    yard.is_empty()


@pytest.mark.proof
def test_a_progress_bar_is_a_sign_of_life(yard: Yard) -> None:
    outcome = yard.one(yard.job("e1", replace(UNRULY, timeout_s=4), do="draw a bar"))
    assert isinstance(outcome, Outcome), outcome
    assert {f"training {i}/5\n" for i in range(6)} <= set(yard.cranes.lines)


@pytest.mark.proof
def test_a_job_that_takes_too_long_is_ended(yard: Yard, say: Say) -> None:
    say(deadline_hours=6 / 3600)
    failure = yard.one(yard.job("e1", do="be silent"))
    assert "took longer than a Job may (VOICECAST_KUBERNETES_DEADLINE_HOURS)" in str(failure)
    assert [ended.reason for ended in yard.cranes.exits] == ["deadline"]
    yard.is_empty()


@pytest.mark.parametrize("policy", ["Never", pytest.param("IfNotPresent", marks=pytest.mark.proof)])
def test_an_image_that_is_nowhere_is_named(yard: Yard, say: Say, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    say(image_pull_policy=policy)
    monkeypatch.setitem(kubernetes_ends.STEADY_S, "image", 3)
    nowhere = replace(STUB, name="nowhere")
    failure = yard.one(yard.job("e1", nowhere))
    assert isinstance(failure, EngineError)
    assert image_of(nowhere, "cpu") in str(failure)
    assert "push it to a registry" in str(failure)
    yard.is_empty()


def test_gpus_that_are_nowhere_are_told_in_the_schedulers_words_and_used_where_there_are_some(
    yard: Yard, say: Say, cluster: Cluster
) -> None:
    say(gpus=1, patience_s=3)
    engine = replace(STUB, gpu=1)
    client = docker.from_env()
    client.images.get(image_of(STUB, "cpu")).tag(image_of(STUB, "cuda"))
    try:
        cluster.load(image_of(STUB, "cuda"))
    finally:
        client.images.remove(image_of(STUB, "cuda"), noprune=True)
        client.close()
    failure = yard.one(yard.job("e1", engine))
    assert isinstance(failure, EngineError)
    assert "Insufficient nvidia.com/gpu" in str(failure)
    assert "VOICECAST_KUBERNETES_GPUS=0" in str(failure)
    yard.is_empty()
    say(patience_s=30)
    with cluster.gpus(1):
        assert isinstance(yard.one(yard.job("e1", engine)), Outcome)


def test_a_quota_that_is_used_up_is_told(yard: Yard, say: Say) -> None:
    say(patience_s=3)
    failure = yard.one(yard.job("e1", replace(STUB, cpu=100)))
    assert isinstance(failure, EngineError)
    assert "quota of the namespace is used up" in str(failure)
    assert "requests.cpu" in str(failure)
    yard.is_empty()


@pytest.mark.proof
def test_a_service_account_that_is_not_there_is_told(yard: Yard, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    say(service_account="nobody")
    monkeypatch.setitem(kubernetes_ends.STEADY_S, "refused", 3)
    failure = yard.one(yard.job("e1", STUB))
    assert 'serviceaccount "nobody" not found' in str(failure)
    yard.is_empty()


@pytest.mark.proof
def test_a_failing_listener_leaves_no_job(yard: Yard) -> None:
    def hear(_: object) -> None:
        raise OSError("the disk of the log is full")

    yard.dispatcher._listener = hear
    failure = yard.one(yard.job("e1", STUB))
    assert "the disk of the log is full" in str(failure)
    yard.is_empty()
