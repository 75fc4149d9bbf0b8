"""A command without a Prefect server of the user's has one for as long as it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parents[2]
COMMAND = """
import sys
import flows
from prefect import get_client
from flows.temporary_server import prefect_server
from tasks.server import server_set_up

for _ in range(2):
    with prefect_server(), get_client(sync_client=True) as client:
        assert client.hello().is_success
        assert not server_set_up(), "nobody can be asked there, and its limits are not the machine's"
        print(client.api_url)
assert "prefect.server.api.server" not in sys.modules, "what Prefect would load for a server of its own"
"""


@pytest.mark.proof
def test_a_temporary_server_serves_all_flows_of_a_command_is_no_server_of_the_users_and_ends_with_it(
    tmp_path: Path,
) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_API_")}
    own |= {"PREFECT_HOME": str(tmp_path), "PREFECT_API_DATABASE_MIGRATE_ON_START": "false", "PYTHONPATH": str(HERE)}
    own |= {"PYTHONPROFILEIMPORTTIME": "1"}  # both processes then name what they import on stderr
    command = [sys.executable, "-c", COMMAND]
    said = subprocess.run(command, cwd=tmp_path, env=own, check=True, capture_output=True, text=True, timeout=300)
    assert " prefect.server.api.flow_runs\n" in said.stderr, "which is the server"
    assert "prefect_kubernetes" not in said.stderr, "a collection, which costs a second"
    first, second = said.stdout.split()
    assert first == second
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first}/health")
