"""What every engine signs, asked of engines in Jobs: the contract's own test, over the kubernetes runner."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest

from infra.engines import engines
from infra.image_names import image_of
from infra.runners.docker import daemon
from tests.kubernetes.cluster import Cluster
from tests.unit.test_dispatch import HERE


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["stub", "light"])
def test_an_engine_in_jobs_keeps_the_contract(
    name: str, cluster: Cluster, environment: dict[str, str], store: Any
) -> None:
    image = image_of(engines()[name], "cpu")
    with daemon() as client:
        if not client.images.list(name=image):
            pytest.skip(f"no image {image}; run: make images ENGINES={name}")
    cluster.load(image)
    said = {**os.environ, **environment, "VOICECAST_STORE": store.address, "VOICECAST_TEST_CLUSTER": name}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        f"kubernetes-{name}",
        "tests/contract",
    ]
    done = subprocess.run(command, cwd=HERE, env=said, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 100
