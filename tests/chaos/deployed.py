"""The season as a worker of the harness runs it, which notes every item that an engine is started on.

python -m tests.chaos.deployed     brings the server of PREFECT_API_URL to the state that rounds run in
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import get_client

from flows import deployments
from flows.automations import ensure_automations
from flows.deploying import ensure_pool
from flows.reviving import end_orphans, revive_runs
from infra.job_templates import job_template
from infra.runners.process import ProcessRunner
from tasks.slots import create_limits

POOL, NAME = "process", "chaos"
LOG = "CHAOS_BEGUN"
"""The variable that names the file of begun items."""

if os.environ.get(LOG):
    _really = ProcessRunner.run

    def _noted(self, start, heard):  # type: ignore[no-untyped-def]
        descriptor = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for item in sorted((start.workdir / "items").iterdir()):
            os.write(descriptor, f"{item.name.partition('-')[2]}\n".encode())
        os.close(descriptor)
        return _really(self, start, heard)

    ProcessRunner.run = _noted  # type: ignore[method-assign]

season = deployments.season


def main() -> int:
    if sys.argv[1:] == ["revive"]:
        later = datetime.now(UTC) + timedelta(hours=1)
        with get_client(sync_client=True) as client:
            revive_runs(client, later)
            end_orphans(client, later)
        return 0
    ensure_pool("process", POOL, job_template("process", None))
    create_limits()
    ensure_automations()
    with get_client(sync_client=True) as client:
        client.create_deployment(
            flow_id=client.create_flow_from_name(season.name),
            name=NAME,
            entrypoint="tests.chaos.deployed.season",
            work_pool_name=POOL,
            path=str(Path(__file__).parents[2]),
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": "."}}],
            tags=["voicecast"],
            enforce_parameter_schema=False,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
