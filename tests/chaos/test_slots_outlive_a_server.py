"""A slot that is held while the server is killed is given back, where the server keeps its leases as shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.settings import HERE
from tests.chaos.served import LEASES, Program, until
from tests.kubernetes.prefect_parts import answers
from tests.unit.s3_servers import free_port

NAME = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
HOLD = """
import sys
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
with get_client(sync_client=True) as client:
    client.upsert_global_concurrency_limit_by_name("voicecast-x", 1)
with concurrency("voicecast-x", occupy=1, strict=True, timeout_seconds=float(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(told: dict[str, str], seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(seconds)]
    return subprocess.Popen(
        command, env=told, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def is_free_again(folder: Path, leases: str) -> bool:
    """Whether a slot can be had after its holder has given it back to a server that was killed meanwhile."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    told = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    told |= {"PREFECT_HOME": str(folder), "PREFECT_API_URL": f"{address}/api", NAME: leases}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server = Program(command, told, folder / "log")
    try:
        server.start()
        until(lambda: answers(f"{address}/api/health"), "no server answers")
        first = holder(told, 60)
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        server.kill()
        server.start()
        until(lambda: answers(f"{address}/api/health"), "no server answers")
        first.communicate("\n", timeout=120)
        said, _ = holder(told, 20).communicate("\n", timeout=120)
        return said == "held\n"
    finally:
        server.kill()


@pytest.mark.proof
@pytest.mark.night
def test_a_slot_held_over_a_servers_death_is_free_again(tmp_path: Path) -> None:
    assert is_free_again(tmp_path, LEASES)


def test_the_stack_of_one_machine_keeps_its_leases_so() -> None:
    services = yaml.safe_load((HERE / "infra" / "compose.yaml").read_text("utf-8"))["services"]
    assert services["server"]["environment"][NAME] == LEASES
    assert any(each.startswith("server-home:") for each in services["server"]["volumes"]), "where PREFECT_HOME lies"
