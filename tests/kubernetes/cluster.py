"""A real cluster for tests, by the tool that stands beside a checkout; a namespace in it; who works there."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.kustomized import rendered

TOOL = Path(__file__).parents[3] / "shared" / "tools" / "kubernetes"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Its files and programs; `address`: where its pods reach this machine."""

    kubeconfig: str
    kubectl: str
    address: str

    def __call__(self, *words: str, given: str | None = None) -> str:
        """What kubectl answers, as the cluster's administrator."""
        done = subprocess.run(
            [self.kubectl, *words],
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))

    def load(self, *images: str) -> None:
        subprocess.run([str(TOOL / "load-image.sh"), *images], check=True, capture_output=True)

    @contextmanager
    def gpus(self, count: int) -> Iterator[None]:
        """The node says that it has GPUs, for a while."""
        subprocess.run([str(TOOL / "fake-gpus.sh"), str(count)], check=True, capture_output=True)
        try:
            yield
        finally:
            subprocess.run([str(TOOL / "fake-gpus.sh"), "0"], check=True, capture_output=True)

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """A namespace of its own with all that the overlay for tests makes."""
        name = f"voicecast-{uuid.uuid4().hex[:8]}"
        self("apply", "-f", "-", given=yaml.safe_dump_all(rendered("overlays/cpu-test", name)))
        try:
            yield name
        finally:
            self("delete", "namespace", name, "--wait=false")

    def kubeconfig_of(self, account: str, namespace: str, folder: Path) -> Path:
        """A kubeconfig with the rights of a service account, and no others."""
        asked = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = json.loads(self("create", "--raw", path, "-f", "-", given=asked))["status"]["token"]
        config = yaml.safe_load(Path(self.kubeconfig).read_text())
        config["users"] = [{"name": account, "user": {"token": token}}]
        config["contexts"] = [{"name": account, "context": {"cluster": config["clusters"][0]["name"], "user": account}}]
        config["current-context"] = account
        authority = config["clusters"][0]["cluster"]
        if "certificate-authority" in authority:
            data = Path(authority.pop("certificate-authority")).read_bytes()
            authority["certificate-authority-data"] = base64.b64encode(data).decode()
        target = folder / f"{account}.kubeconfig"
        target.write_text(yaml.safe_dump(config))
        return target


def find_cluster() -> Cluster:
    """The cluster, brought up if it is not; skips the test where the tool is not there, or needs another user."""
    if not (TOOL / "up.sh").exists():
        pytest.skip("no cluster: ../shared/tools/kubernetes is not beside this checkout")
    if os.getuid():
        pytest.skip("no cluster: its tool needs root")
    done = subprocess.run([str(TOOL / "up.sh")], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"the cluster does not come up: {done.stderr[-2000:]}")
    said = dict(re.findall(r"^export (\w+)=(\S+)", done.stdout, re.MULTILINE))
    return Cluster(kubeconfig=said["KUBECONFIG"], kubectl=said["KUBECTL"], address=said["K8S_HOST_IP"])
