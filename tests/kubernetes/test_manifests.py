"""What kubectl itself makes of infra/k8s, beside what the other tests take it to make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes.cluster import Cluster
from tests.unit.kustomized import K8S, OF_THE_CLUSTER, rendered


def in_order(manifests: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in manifests if each)


@pytest.mark.parametrize("overlay", ["base", "overlays/cpu-test", "overlays/gpu"])
def test_kubectl_kustomize_makes_what_the_tests_take_the_overlays_for(
    cluster: Cluster, overlay: str, tmp_path: Path
) -> None:
    """kubectl 1.20 has kustomize 2.0, which wants folders under `bases`; today's take them under `resources`."""
    shutil.copytree(K8S, tmp_path / "k8s")
    folder = tmp_path / "k8s" / overlay
    said = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    said["bases"] = [each for each in said["resources"] if (folder / each).is_dir()]
    said["resources"] = [each for each in said["resources"] if each not in said["bases"]]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(said))
    made = list(yaml.safe_load_all(cluster("kustomize", str(folder))))
    for each in made:
        if each["kind"] in OF_THE_CLUSTER:
            each["metadata"].pop("namespace", None)  # 2.0 does not know that priorities have none
    assert in_order(made) == in_order(rendered(overlay))
