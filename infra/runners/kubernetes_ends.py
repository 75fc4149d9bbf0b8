"""What has become of a Job, from what the cluster says of it: why it does not begin, and how it has ended.

Values in, words out; nothing is asked here. Job, pod and events are as the API's JSON. The words say what to do;
docs/kubernetes.md has them all.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from infra.runners.kubernetes_job import CONTAINER
from infra.stage import Exit

Found = dict[str, Any]

NO_IMAGE = ("ErrImageNeverPull", "InvalidImageName")
PULLING = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ErrImageInspect")
REFUSED = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "ContainerCannotRun",
)
NO_VOLUME = ("FailedMount", "FailedAttachVolume")
OUT_OF_MEMORY, KILLED, UNSENT = "OOMKilled", (137, 143), 75
STEADY_S = {"image": 90.0, "container": 60.0, "volume": 180.0, "refused": 60.0}
"""How long a cause may last that often passes by itself: a registry that stumbles, a Secret that is on its way.
Of a place in the cluster and of quota, settings say how long."""

Cause = Literal["no image", "image", "container", "volume", "unschedulable", "quota", "refused"]


@dataclass(frozen=True, kw_only=True)
class Hindrance:
    """Why a Job has not begun. `patience_s`: how long to wait for it to pass; `message` says what to do."""

    cause: Cause
    message: str
    patience_s: float


def hindrance(job: Found, pod: Found | None, events: Iterable[Found], patience_s: float) -> Hindrance | None:
    """What keeps a Job from beginning; None if it is on its way."""
    if pod is None:
        return _refused(job, events, patience_s)
    state = pod.get("status", {})
    for each in state.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            said = f"no node of the cluster takes it: {each.get('message', each.get('reason', ''))}"
            return Hindrance(
                cause="unschedulable",
                message=f"{said} Free or add nodes, or lower cpu, memory_gb, disk_gb or gpu of the engine "
                "(engines.toml); VOICECAST_KUBERNETES_GPUS=0 computes on the CPU; node selectors and tolerations: "
                "VOICECAST_KUBERNETES_...",
                patience_s=patience_s,
            )
    for container in [*(state.get("initContainerStatuses") or ()), *(state.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            found = _waiting(container, waiting)
            if found:
                return found
    return _without_volume(events)


def _waiting(container: Found, waiting: Found) -> Hindrance | None:
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in NO_IMAGE or reason in PULLING:
        never = reason in NO_IMAGE
        return Hindrance(
            cause="no image" if never else "image",
            message=f"the cluster does not get image {container['image']} ({reason}): {said} Build it (make images), "
            "push it to a registry that the nodes reach and name that in VOICECAST_IMAGES; a registry with a password "
            "needs VOICECAST_KUBERNETES_IMAGE_PULL_SECRET",
            patience_s=0.0 if never else STEADY_S["image"],
        )
    if reason in REFUSED:
        return Hindrance(
            cause="container",
            message=f"the node does not start its container ({reason}): {said}",
            patience_s=STEADY_S["container"],
        )
    return None


def _without_volume(events: Iterable[Found]) -> Hindrance | None:
    for event in _newest_first(events):
        if event.get("reason") in NO_VOLUME:
            return Hindrance(
                cause="volume",
                message=f"a volume cannot be mounted: {event.get('message', '')} "
                "(weights: VOICECAST_KUBERNETES_WEIGHTS_CLAIM)",
                patience_s=STEADY_S["volume"],
            )
    return None


def _refused(job: Found, events: Iterable[Found], patience_s: float) -> Hindrance | None:
    name = job["metadata"]["name"]
    for event in _newest_first(events):
        if event.get("reason") == "FailedCreate" and event.get("involvedObject", {}).get("name") == name:
            said = event.get("message", "")
            if "quota" in said:
                return quota(said, patience_s)
            return Hindrance(
                cause="refused",
                message=f"the cluster refuses its pod: {said}. Namespace and accounts: docs/kubernetes.md",
                patience_s=STEADY_S["refused"],
            )
    return None


def quota(said: str, patience_s: float) -> Hindrance:
    """The namespace's quota is used up."""
    return Hindrance(
        cause="quota",
        message=f"the quota of the namespace is used up: {said} Wait for other starts, raise the ResourceQuota, or "
        "lower memory_gb, cpu, disk_gb or at_most of the engine (engines.toml)",
        patience_s=patience_s,
    )


def began(pod: Found | None) -> bool:
    """Whether the engine's container runs or has run."""
    state = _container(pod).get("state") or {}
    return "running" in state or "terminated" in state


def ended(job: Found | None, pod: Found | None, seen: Found | None, last: str) -> Exit | None:
    """How a Job has ended, None while it runs. `seen`: its pod when it was last there; `last`: its last words."""
    if job is None:
        return Exit(reason="killed", message="Its Job was deleted.")
    conditions = job.get("status", {}).get("conditions") or ()
    failed = next((each for each in conditions if each["type"] == "Failed" and each["status"] == "True"), None)
    if failed and failed.get("reason") == "DeadlineExceeded":
        return Exit(reason="deadline", message=last)
    if pod is None:
        return _lost(seen, "its pod is gone (evicted, drained, or deleted by somebody)") if seen or failed else None
    if pod["metadata"].get("deletionTimestamp"):
        is_gone = _unanswered(pod) or _terminated(pod)
        return _lost(pod, "its pod was taken away (evicted, drained, or deleted by somebody)") if is_gone else None
    phases = {"Succeeded": lambda: Exit(reason="finished", message=last), "Failed": lambda: _failed(pod, last)}
    phase = phases.get(pod.get("status", {}).get("phase", ""))
    return phase() if phase else None


def _failed(pod: Found, last: str) -> Exit:
    state = pod["status"]
    terminated = _terminated(pod)
    if state.get("reason") or _disrupted(pod):  # the kubelet's or the scheduler's doing, not the engine's
        return _lost(pod, f"{state.get('reason', '')} {state.get('message', '')}".strip())
    if not terminated:
        init = [each["state"].get("terminated") for each in state.get("initContainerStatuses") or ()]
        said = " ".join(each.get("message") or "" for each in init if each).strip()
        return Exit(reason="failed", message=f"it could not be prepared: {said or last}")
    code = terminated.get("exitCode")
    if terminated.get("reason") == OUT_OF_MEMORY:
        return Exit(reason="out_of_memory", message=last)
    if code in KILLED:
        return Exit(reason="killed", message=last)
    if code == UNSENT:
        return Exit(reason="failed", message=f"its results could not be sent to the store: {last}")
    return Exit(reason="failed", message=f"exit {code}: {last}")


def _lost(pod: Found | None, otherwise: str) -> Exit:
    disrupted = _disrupted(pod)
    if disrupted:
        return Exit(reason="lost", message=f"{disrupted.get('reason', '')}: {disrupted.get('message', '')}")
    if pod and _unanswered(pod) and not _terminated(pod):
        return Exit(reason="lost", message=f"its node {pod['spec'].get('nodeName', '')} does not answer")
    return Exit(reason="lost", message=otherwise)


def _disrupted(pod: Found | None) -> Found | None:
    """How clusters from 1.26 on say that they took a pod away."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == "DisruptionTarget" and each["status"] == "True"), None)


def _unanswered(pod: Found, after_s: float = 30.0) -> bool:
    """Whether a pod should be gone by now, and its node has not said that it is."""
    until = pod["metadata"].get("deletionTimestamp")
    if not until:
        return False
    return time.time() > datetime.fromisoformat(until.replace("Z", "+00:00")).timestamp() + after_s


def _container(pod: Found | None) -> Found:
    found = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    return next((each for each in found if each["name"] == CONTAINER), {})


def _terminated(pod: Found) -> Found:
    return dict((_container(pod).get("state") or {}).get("terminated") or {})


def _newest_first(events: Iterable[Found]) -> list[Found]:
    return sorted(events, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""), reverse=True)
