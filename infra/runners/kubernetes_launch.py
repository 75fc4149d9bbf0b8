"""How a Job comes to be: the Job first, then the Secret of its links, which the Job owns, so that none stays behind."""

from __future__ import annotations

import time
from typing import Any

from kubernetes.client.exceptions import ApiException

from containers.contract.errors import EngineError
from infra.engines import Engine
from infra.runners import kubernetes_job as form
from infra.runners import kubernetes_parcels as parcels
from infra.runners.kubernetes_api import Cluster, said
from infra.runners.kubernetes_ends import quota
from infra.settings import KubernetesSettings, kubernetes_settings, settings
from infra.store import Store

Found = dict[str, Any]
ASK_AGAIN_S = 5.0


def launch(api: Cluster, name: str, engine: Engine, store: Store, plan: parcels.Plan, labels: dict[str, str]) -> Found:
    """Make the Job of a start whose plan lies in the store; gives it as the cluster has it."""
    about = kubernetes_settings()
    packed, until = fresh_links(store, labels[form.START], plan)
    owner = owner_of_this_process(api, about)
    job = _created(api, form.job(name, engine, about, labels=labels, owner=owner, until=until), about.patience_s)
    api.create("secrets", form.secret(name, packed, form.owner_reference(job), _private_ca()))
    return job


def _private_ca() -> bytes:
    """What engines are to check the store against, if that is not what everybody checks against."""
    path = settings().s3_ca
    return path.read_bytes() if path else b""


def fresh_links(store: Store, start: str, plan: parcels.Plan) -> tuple[bytes, int]:
    """The file of links of a start, and when they end, in seconds since 1970."""
    seconds = round(kubernetes_settings().link_minutes * 60)
    until = int(time.time()) + seconds
    return parcels.links(store, start, plan, seconds), until


def renew(api: Cluster, job: Found, store: Store, plan: parcels.Plan) -> int:
    """Replace the links of a Job by new ones; gives when they end."""
    name = job["metadata"]["name"]
    packed, until = fresh_links(store, job["metadata"]["labels"][form.START], plan)
    api.patch("secrets", name, form.renewed(packed))
    api.patch("jobs", name, {"metadata": {"annotations": {form.UNTIL: str(until)}}})
    return until


def adopt(api: Cluster, job: Found, run: str) -> None:
    """Make a Job that a process before this one has started go with this run and this pod."""
    about: Found = {"labels": {form.RUN: run or None}}
    owner = owner_of_this_process(api, kubernetes_settings())
    if owner:
        about["ownerReferences"] = [owner]
    api.patch("jobs", job["metadata"]["name"], {"metadata": about})


def owner_of_this_process(api: Cluster, about: KubernetesSettings) -> Found | None:
    """What the Jobs of this process go with: the Job of the pod it runs in, which outlives one pod, or the pod."""
    if not about.pod_name:
        return None
    pod = api.find("pods", about.pod_name)
    if pod is None:
        raise EngineError(
            f"VOICECAST_KUBERNETES_POD_NAME says {about.pod_name}, and namespace {api.namespace} has no such pod; "
            "flows run in the namespace of their engines"
        )
    for each in pod["metadata"].get("ownerReferences") or ():
        if each.get("controller") and each["kind"] == "Job":
            return {key: each[key] for key in ("apiVersion", "kind", "name", "uid")}
    return form.owner_reference({"apiVersion": "v1", "kind": "Pod", **pod})


def _created(api: Cluster, manifest: Found, patience_s: float) -> Found:
    """The Job, made as soon as the quota of the namespace allows it."""
    until = time.monotonic() + patience_s
    while True:
        try:
            made = api.create("jobs", manifest)
            return {"apiVersion": "batch/v1", "kind": "Job", **made}
        except ApiException as error:
            if error.status == 409:  # the answer to a first sending was lost
                return {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    **(api.find("jobs", manifest["metadata"]["name"]) or {}),
                }
            if error.status != 403 or "quota" not in said(error):
                raise
            if time.monotonic() > until:
                raise EngineError(f"no Job can be made: {quota(said(error), patience_s).message}") from error
        time.sleep(ASK_AGAIN_S)
