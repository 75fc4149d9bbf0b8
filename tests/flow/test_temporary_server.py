"""A command without a Prefect server of the user's has one for as long as it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from containers.contract.errors import EngineError
from flows.temporary_server import check_answers, prefect_server

HERE = Path(__file__).parents[2]
COMMAND = """
import os, signal, sys, time
import flows
from prefect import get_client
from flows.temporary_server import prefect_server
from tasks.server import server_set_up

for _ in range(2):
    with prefect_server(), get_client(sync_client=True) as client:
        assert client.hello().is_success
        assert not server_set_up(), "nobody can be asked there, and its limits are not the machine's"
        print(client.api_url)
        try:
            os.killpg(0, signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            time.sleep(0.5)
            assert client.hello().is_success, "Ctrl-C must not take the server away before flows have told it their end"
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
    said = subprocess.run(
        command, cwd=tmp_path, env=own, check=True, capture_output=True, text=True, timeout=300, start_new_session=True
    )
    assert " prefect.server.api.flow_runs\n" in said.stderr, "which is the server"
    assert "prefect_kubernetes" not in said.stderr, "a collection, which costs a second"
    first, second = said.stdout.split()
    assert first == second
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{first}/health")


def test_a_server_of_the_users_that_nobody_answers_for_is_said_within_seconds_with_the_way_out() -> None:
    nobody = "http://127.0.0.1:9/api"
    told = rf"{nobody} does not answer .* unset PREFECT_API_URL"
    with temporary_settings({PREFECT_API_URL: nobody}), pytest.raises(EngineError, match=told):
        check_answers(nobody, patience_seconds=0.1)


def test_a_server_of_the_users_that_answers_anything_is_asked_no_further() -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.handle_request, daemon=True).start()
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}), prefect_server():
            pass
