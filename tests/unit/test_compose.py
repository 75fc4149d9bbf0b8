"""The stack of one machine: valid where compose is there, open to this machine alone, without a secret in its file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.settings import HERE

FILE = HERE / "infra" / "compose.yaml"
SECRETS = {"PREFECT_AUTH": "admin:p", "DATABASE_PASSWORD": "d", "REVIEW_TOKEN": "t"}


def test_every_service_is_watched_and_no_port_is_open_to_other_machines_by_default() -> None:
    services = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    assert {"database", "server", "deploy", "worker", "review", "s3"} == set(services)
    for name in ("database", "server", "worker", "s3"):
        assert services[name]["healthcheck"]["test"], name
    ports = [port for each in services.values() for port in each.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("${LISTEN:-127.0.0.1}:") for port in ports)


def test_what_starts_flows_and_pages_is_confined_and_nothing_is_privileged() -> None:
    services = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    for name in ("server", "deploy", "worker", "review"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert "privileged" not in FILE.read_text("utf-8")
    assert "docker.sock" not in FILE.read_text("utf-8")


def test_secrets_are_made_for_their_user_alone_and_never_twice(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    shutil.copy(HERE / "Makefile", tmp_path)
    made = tmp_path / "infra" / "compose.env"
    subprocess.run(["make", "-s", "infra/compose.env"], cwd=tmp_path, check=True)
    assert made.stat().st_mode & 0o777 == 0o600
    first = made.read_text()
    assert {line.partition("=")[0] for line in first.splitlines()} >= set(SECRETS)
    subprocess.run(["make", "-s", "infra/compose.env"], cwd=tmp_path, check=True)
    assert made.read_text() == first


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose here")
def test_compose_takes_the_file_and_refuses_it_without_secrets() -> None:
    command = ["docker-compose", "-p", "voicecast", "-f", str(FILE), "config", "-q"]
    plain = {name: value for name, value in os.environ.items() if name not in SECRETS}
    assert subprocess.run(command, env={**plain, **SECRETS}, capture_output=True, check=False).returncode == 0
    refused = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "make up" in refused.stderr
