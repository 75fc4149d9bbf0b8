"""The Job of a start, as values: its container, what confines it, and what it asks of the cluster."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping
from typing import Any

from infra.engines import Engine
from infra.image_names import image_of, variant_of
from infra.settings import KubernetesSettings, settings

Manifest = dict[str, Any]

APP = {"app.kubernetes.io/name": "voicecast", "app.kubernetes.io/component": "engine"}
START, RUN, UNTIL, ITEM = "voicecast/start", "voicecast/run", "voicecast/until", "item.voicecast"
"""Labels: the start, the flow run; an annotation: when its links end, in seconds since 1970; the domain of claims."""
CONTAINER, WEIGHTS = "engine", "weights"
STRANGER = 10001
"""Who engines are: a user that no machine has."""
LINKS, CA, WORK = "/links/links.json.gz", "/links/ca.pem", "/work"
MB = 2**20
GONE_S = 60
"""How long a node may be out of reach before its pods are given up."""


def job(
    name: str,
    engine: Engine,
    said: KubernetesSettings,
    *,
    labels: Mapping[str, str],
    owner: Manifest | None,
    until: int,
) -> Manifest:
    """The Job of a start; the Secret of its links has its name."""
    metadata: Manifest = {
        "name": name,
        "labels": {**APP, "voicecast/engine": engine.name, **labels},
        "annotations": {UNTIL: str(until)},
    }
    if owner:
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",  # where it is known; the contract's `remote` sees to it where it is not
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": max(1, round(said.deadline_hours * 3600)),
            "ttlSecondsAfterFinished": said.keep_seconds,
            "template": {
                "metadata": {"labels": {**APP, "voicecast/engine": engine.name, START: labels[START]}},
                "spec": _pod(name, engine, said),
            },
        },
    }


def secret(name: str, links: bytes, owner: Manifest, ca: bytes = b"") -> Manifest:
    """The Secret of a start's links, which goes with its Job; `ca`: what the store is checked against, if private."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "labels": dict(APP), "ownerReferences": [owner]},
        "data": {"links.json.gz": _base64(links), **({"ca.pem": _base64(ca)} if ca else {})},
    }


def renewed(links: bytes) -> Manifest:
    """What a renewal changes of the Secret."""
    return {"data": {"links.json.gz": _base64(links)}}


def owner_reference(manifest: Any) -> Manifest:
    """A reference to an object that has been made, without a right over its deletion."""
    about = manifest["metadata"]
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "name": about["name"], "uid": about["uid"]}


def wants_gpu(engine: Engine, said: KubernetesSettings) -> bool:
    """Whether a start of this engine asks for GPUs."""
    return bool(engine.gpu and said.gpus)


def image(engine: Engine, said: KubernetesSettings) -> str:
    """The image of a start."""
    return image_of(engine, variant_of(("0",) if wants_gpu(engine, said) else ()))


def _pod(name: str, engine: Engine, said: KubernetesSettings) -> Manifest:
    on_gpu = wants_gpu(engine, said)
    spec: Manifest = {
        "restartPolicy": "Never",
        "serviceAccountName": said.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,  # for the state of the unit in flight
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": STRANGER,
            "runAsGroup": STRANGER,
            "fsGroup": STRANGER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            *said.tolerations,
            *(said.gpu_tolerations if on_gpu else []),
            *(
                {
                    "key": f"node.kubernetes.io/{why}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": GONE_S,
                }
                for why in ("not-ready", "unreachable")
            ),
        ],
        "containers": [_container(engine, said)],
        "volumes": _volumes(name, engine, said),
    }
    if engine.weights and not said.weights_claim:
        spec["initContainers"] = [_weights(engine, said)]
    selector = {**said.node_selector, **(said.gpu_node_selector if on_gpu else {})}
    options = {
        "nodeSelector": selector,
        "priorityClassName": said.priority_class,
        "runtimeClassName": said.runtime_class if on_gpu else None,
        "imagePullSecrets": [{"name": said.image_pull_secret}] if said.image_pull_secret else None,
    }
    return spec | {key: value for key, value in options.items() if value}


def _container(engine: Engine, said: KubernetesSettings) -> Manifest:
    mounts = [
        {"name": "links", "mountPath": os.path.dirname(LINKS), "readOnly": True},
        {"name": "work", "mountPath": WORK},
        {"name": "cache", "mountPath": "/cache"},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "shm", "mountPath": "/dev/shm"},
    ]
    if engine.weights:
        mounts.append({"name": WEIGHTS, "mountPath": "/weights", "readOnly": True})
    resources = _resources(engine)
    if wants_gpu(engine, said):
        for kind in ("requests", "limits"):
            resources[kind][said.gpu_resource] = str(engine.gpu)
    return {
        "name": CONTAINER,
        "image": image(engine, said),
        "imagePullPolicy": said.image_pull_policy,
        "args": [WORK, "--links", LINKS],
        "env": _variables(_environment(engine, said)),
        "resources": resources,
        "securityContext": _confined(),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _weights(engine: Engine, said: KubernetesSettings) -> Manifest:
    """Brings weights from the store before the engine, which then cannot change them."""
    return {
        "name": WEIGHTS,
        "image": image(engine, said),
        "imagePullPolicy": said.image_pull_policy,
        "command": ["python3", "-m", "containers.contract.bring_weights", "/weights", LINKS],
        "env": _variables(_trust()),
        "resources": _resources(engine),
        "securityContext": _confined(),
        "volumeMounts": [
            {"name": "links", "mountPath": os.path.dirname(LINKS), "readOnly": True},
            {"name": WEIGHTS, "mountPath": "/weights"},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _volumes(name: str, engine: Engine, said: KubernetesSettings) -> list[Manifest]:
    half = f"{max(1, math.floor(engine.memory_gb * 1024 / 2))}Mi"
    disk = f"{math.ceil(engine.disk_gb)}Gi"
    volumes: list[Manifest] = [
        {"name": "links", "secret": {"secretName": name, "defaultMode": 0o440}},
        {"name": "work", "emptyDir": {"sizeLimit": disk}},
        {"name": "cache", "emptyDir": {"sizeLimit": disk}},
        {"name": "tmp", "emptyDir": {"sizeLimit": disk}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": half}},
    ]
    if engine.weights and said.weights_claim:
        claim = {"claimName": said.weights_claim, "readOnly": True}
        volumes.append({"name": WEIGHTS, "persistentVolumeClaim": claim})
    elif engine.weights:
        volumes.append({"name": WEIGHTS, "emptyDir": {"sizeLimit": disk}})
    return volumes


def _resources(engine: Engine) -> dict[str, dict[str, str]]:
    """Memory and disk that are asked for are what may be used, so that no neighbour's need ends a start."""
    amounts = {
        "cpu": f"{round(engine.cpu * 1000)}m",
        "memory": str(int(engine.memory_gb * 1024) * MB),
        "ephemeral-storage": f"{math.ceil(engine.disk_gb)}Gi",
    }
    return {"requests": amounts, "limits": {**amounts, "cpu": f"{max(1000, round(engine.cpu * 1000))}m"}}


def _confined() -> Manifest:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _environment(engine: Engine, said: KubernetesSettings) -> dict[str, str]:
    threads = str(max(1, round(engine.cpu)))
    return {
        "HOME": "/cache",
        "VOICECAST_CACHE": "/cache",
        "VOICECAST_WEIGHTS": "/weights",
        "VOICECAST_STATE_S": f"{said.state_seconds:g}",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        **_trust(),
    }


def _trust() -> dict[str, str]:
    """Where Python looks for certificates; the store is all that an engine reaches."""
    return {"SSL_CERT_FILE": CA} if settings().s3_ca else {}


def _variables(values: Mapping[str, str]) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
