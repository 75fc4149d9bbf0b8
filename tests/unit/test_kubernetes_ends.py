"""What clusters say of ends that a test cluster does not have: nodes that vanish, evictions by the kubelet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.runners.kubernetes_ends import began, ended, hindrance
from infra.stage import Exit

JOB = {"metadata": {"name": "voicecast-1"}, "status": {}}


def pod(phase: str, *, deleted_s: float | None = None, **status: Any) -> dict[str, Any]:
    """`deleted_s`: seconds since it should have been gone."""
    about: dict[str, Any] = {"name": "voicecast-1-x"}
    if deleted_s is not None:
        about["deletionTimestamp"] = (datetime.now(UTC) - timedelta(seconds=deleted_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": about, "spec": {"nodeName": "gpu-7"}, "status": {"phase": phase, **status}}


def container(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "engine", "image": "stub:1", "state": state}]


def end(seen: dict[str, Any] | None, job: dict[str, Any] | None = JOB) -> Exit | None:
    return ended(job, seen, seen, "last words\n")


def test_a_pod_on_a_node_that_does_not_answer_is_lost() -> None:
    gone = pod("Running", deleted_s=60, containerStatuses=container(running={}))
    assert end(gone) == Exit(reason="lost", message="its node gpu-7 does not answer")


def test_a_pod_that_is_being_ended_is_waited_for() -> None:
    assert end(pod("Running", deleted_s=-20, containerStatuses=container(running={}))) is None


@pytest.mark.parametrize(
    "status",
    [
        {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."},
        {"reason": "Shutdown", "message": "Node is shutting down"},
        {
            "conditions": [
                {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "x"}
            ]
        },
    ],
)
def test_what_the_cluster_did_is_not_the_items_fault_and_is_named(status: dict[str, Any]) -> None:
    found = end(pod("Failed", containerStatuses=container(terminated={"exitCode": 137}), **status))
    assert found is not None
    assert found.reason == "lost"
    assert (status.get("reason") or "PreemptionByScheduler") in found.message


@pytest.mark.parametrize(
    ("terminated", "reason", "words"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "out_of_memory", "last words"),
        ({"exitCode": 137, "reason": "Error"}, "killed", "last words"),
        ({"exitCode": 75, "reason": "Error"}, "failed", "could not be sent to the store"),
        ({"exitCode": 7, "reason": "Error"}, "failed", "exit 7"),
    ],
)
def test_an_engine_that_ended_by_itself_is_told_by_its_exit(
    terminated: dict[str, Any], reason: str, words: str
) -> None:
    found = end(pod("Failed", containerStatuses=container(terminated=terminated)))
    assert found is not None
    assert (found.reason, words in found.message) == (reason, True)


def test_a_success_is_finished_though_a_child_of_the_engine_ran_out_of_memory() -> None:
    state = container(terminated={"exitCode": 0, "reason": "OOMKilled"})
    assert end(pod("Succeeded", containerStatuses=state)) == Exit(reason="finished", message="last words\n")


def test_weights_that_do_not_come_are_told() -> None:
    said = [
        {"name": "weights", "image": "x", "state": {"terminated": {"exitCode": 1, "message": "weights do not come: x"}}}
    ]
    found = end(pod("Failed", initContainerStatuses=said, containerStatuses=container(waiting={})))
    assert found == Exit(reason="failed", message="it could not be prepared: weights do not come: x")


def test_a_job_that_somebody_deleted_was_killed() -> None:
    assert end(None, None) == Exit(reason="killed", message="Its Job was deleted.")


def test_a_volume_that_cannot_be_mounted_is_told_in_the_kubelets_words() -> None:
    event = {"reason": "FailedMount", "message": "persistentvolumeclaim weights not found", "lastTimestamp": "2026"}
    waiting = pod("Pending", containerStatuses=container(waiting={"reason": "ContainerCreating"}))
    assert not began(waiting)
    found = hindrance(JOB, waiting, [event], 100)
    assert found is not None
    assert found.cause == "volume"
    assert "persistentvolumeclaim weights not found" in found.message


def test_a_pod_on_its_way_hinders_nothing() -> None:
    assert (
        hindrance(JOB, pod("Pending", containerStatuses=container(waiting={"reason": "ContainerCreating"})), [], 9)
        is None
    )
    assert hindrance(JOB, None, [], 9) is None
