"""Manifests: what Kubernetes of today takes, strictly; and what they allow no engine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest

from infra.engines import Engine, engines
from infra.runners import kubernetes_job as form
from infra.settings import KubernetesSettings
from tests.unit.kustomized import K8S, rendered

VERSIONS = ("1.33", str(kubernetes_validate.latest_version()))
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "flow", "uid": "1"}
SETTINGS = {
    "by default": KubernetesSettings(),
    "with all that can be said": KubernetesSettings(
        weights_claim="weights",
        image_pull_secret="registry",
        runtime_class="nvidia",
        priority_class="voicecast-engines",
        node_selector={"disk": "fast"},
        gpu_node_selector={"gpu": "a100"},
        tolerations=[{"key": "batch", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}],
    ),
    "on the CPU": KubernetesSettings(gpus=False),
}


def job(engine: Engine, said: KubernetesSettings) -> dict[str, Any]:
    labels = {form.START: "1", form.RUN: "2", f"{form.ITEM}/{'a' * 40}-{'b' * 8}": "0000-" + "a" * 16}
    return form.job("voicecast-1", engine, said, labels=labels, owner=OWNER, until=1)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("said", SETTINGS)
@pytest.mark.parametrize("name", ["stub", "light", "demucs"])
def test_the_job_of_a_start_is_a_job_to_kubernetes_of_today(name: str, said: str, version: str) -> None:
    kubernetes_validate.validate(job(engines()[name], SETTINGS[said]), version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_so_is_the_secret_of_its_links(version: str) -> None:
    kubernetes_validate.validate(form.secret("voicecast-1", b"links", OWNER), version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", ["base", "overlays/cpu-test", "overlays/gpu"])
def test_what_the_overlays_make_is_taken_by_kubernetes_of_today(overlay: str, version: str) -> None:
    manifests = rendered(overlay)
    assert {each["kind"] for each in manifests} >= {
        "Namespace",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "NetworkPolicy",
    }
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_every_manifest_belongs_to_an_overlay() -> None:
    known = {json.dumps(each, sort_keys=True) for each in rendered("overlays/cpu-test") + rendered("overlays/gpu")}
    assert len(known) > 8
    for folder in ("base", "overlays/cpu-test", "overlays/gpu"):
        listed = (K8S / folder / "kustomization.yaml").read_text("utf-8")
        for path in (K8S / folder).glob("*.yaml"):
            assert path.name == "kustomization.yaml" or f"- {path.name}" in listed, f"{path} is in no overlay"


@pytest.mark.parametrize("said", SETTINGS)
def test_every_container_of_every_engine_is_confined(said: str) -> None:
    for engine in engines().values():
        spec = job(engine, SETTINGS[said])["spec"]["template"]["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["restartPolicy"] == "Never"
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all({"secret", "emptyDir", "persistentVolumeClaim"} & set(volume) for volume in spec["volumes"])
        assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume)
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            confined = container["securityContext"]
            assert confined["readOnlyRootFilesystem"] is True
            assert confined["allowPrivilegeEscalation"] is False
            assert confined["runAsNonRoot"] is True
            assert confined["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]["limits"]) >= {"cpu", "memory", "ephemeral-storage"}


def test_gpus_are_asked_for_by_engines_that_use_them_where_they_may() -> None:
    demucs, stub = engines()["demucs"], engines()["stub"]

    def of(engine: Engine, said: KubernetesSettings) -> tuple[Any, str]:
        (container,) = job(engine, said)["spec"]["template"]["spec"]["containers"]
        return container["resources"]["limits"].get("nvidia.com/gpu"), container["image"].partition(":")[2][:4]

    assert of(demucs, KubernetesSettings()) == ("1", "cuda")
    assert of(demucs, KubernetesSettings(gpus=False)) == (None, "cpu-")
    assert of(stub, KubernetesSettings()) == (None, "cpu-")
    two = KubernetesSettings(gpu_resource="amd.com/gpu")
    (container,) = job(replace(demucs, gpu=2), two)["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["amd.com/gpu"] == "2"


def test_the_role_of_flows_cannot_read_secrets_or_run_pods_by_themselves() -> None:
    (role,) = [each for each in rendered("base") if each["kind"] == "Role"]
    verbs = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    assert verbs["secrets"] == {"create", "patch"}
    assert verbs["pods"] == {"get", "list"}
    assert set(verbs) == {"jobs", "pods", "pods/log", "events", "secrets"}


def test_nobody_reaches_pods_and_engines_reach_no_more_than_the_store_and_names() -> None:
    for overlay in ("overlays/cpu-test", "overlays/gpu"):
        policies = {
            each["metadata"]["name"]: each["spec"] for each in rendered(overlay) if each["kind"] == "NetworkPolicy"
        }
        assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        engine = policies["engines-to-store"]
        assert engine["podSelector"]["matchLabels"] == form.APP
        assert engine["policyTypes"] == ["Egress"]
        assert all(rule["to"] for rule in engine["egress"])
