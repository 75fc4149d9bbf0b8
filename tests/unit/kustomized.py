"""What kustomize makes of infra/k8s, as far as these files use it: resources of folders and files, and a namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).parents[2] / "infra" / "k8s"
OF_THE_CLUSTER = {"Namespace", "PriorityClass"}


def rendered(overlay: str, namespace: str | None = None) -> list[dict[str, Any]]:
    """The manifests of a base or overlay; `namespace`: another one than it says."""
    return list(_rendered(K8S / overlay, namespace))


def _rendered(folder: Path, namespace: str | None) -> list[dict[str, Any]]:
    said = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))
    unknown = set(said) - {"apiVersion", "kind", "namespace", "resources"}
    assert not unknown, f"these tests do not know what kustomize makes of {unknown}"
    name = namespace or said["namespace"]
    found: list[dict[str, Any]] = []
    for each in said["resources"]:
        path = folder / each
        if path.is_dir():
            found += _rendered(path, name)
            continue
        for manifest in yaml.safe_load_all(path.read_text("utf-8")):
            if manifest["kind"] == "Namespace":
                manifest["metadata"]["name"] = name
            elif manifest["kind"] not in OF_THE_CLUSTER:
                manifest["metadata"]["namespace"] = name
            for subject in manifest.get("subjects", ()):
                subject["namespace"] = name
            found.append(manifest)
    return found
