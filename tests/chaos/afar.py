"""Engines far from the house, as in a cluster: what travels goes by presigned links, which run out all the time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from infra.runners import kubernetes_parcels as parcels
from infra.runners.process import lay_code
from infra.stage import Exit, Start
from infra.store import Store, scratch_of

LIFE_S = 2
"""How long a link holds; the first ones have run out before they are used."""
LIMIT = 1 << 30


class Afar:
    """Plays starts by links that die early and are renewed late; one start in four dies with its machine."""

    remote = True
    in_place = False

    def __init__(self, store: Store, chance: random.Random) -> None:
        self._store, self._chance = store, chance

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        items = sorted(path.name for path in (start.workdir / "items").iterdir())
        fresh = [item for item in items if not parcels.take(self._store, start, item, LIMIT)]
        if not fresh:
            return Exit(reason="finished")
        plan = parcels.send(self._store, start, fresh, {})
        with tempfile.TemporaryDirectory(dir=self._store.work) as machine:
            links = Path(machine) / "links.json.gz"
            self._renew(links, start, plan)
            time.sleep(LIFE_S + 1.1)
            code = self._play(start, plan, links, heard)
        for item in fresh:
            if not parcels.take(self._store, start, item, LIMIT):
                parcels.take_error(self._store, start.id, item, start.workdir / "items" / item)
        parcels.take_error(self._store, start.id, "", start.workdir)
        self._store.clear(scratch_of(start.id))
        if code == 0:
            return Exit(reason="finished")
        return Exit(reason="lost" if code == -signal.SIGKILL else "failed", message=f"exit {code}")

    def _play(self, start: Start, plan: parcels.Plan, links: Path, heard: Callable[[str], None]) -> int:
        code = lay_code(start.engine, self._store.work / "code")
        workdir = links.parent / "work"
        workdir.mkdir()
        dies_at = time.monotonic() + (self._chance.uniform(0, 3) if self._chance.random() < 0.25 else 1e9)
        process = subprocess.Popen(
            [sys.executable, "-m", "containers.contract", start.engine.name, str(workdir), "--links", str(links)],
            cwd=code, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code), "VOICECAST_STATE_S": "0.2"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout
        reading = threading.Thread(target=lambda: [heard(line) for line in process.stdout or ()], daemon=True)
        reading.start()
        due = time.monotonic() + self._chance.uniform(0.2, LIFE_S)
        while process.poll() is None:
            if time.monotonic() > due:
                self._renew(links, start, plan)
                due = time.monotonic() + self._chance.uniform(0.5, 3 * LIFE_S)
            if time.monotonic() > dies_at:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
        reading.join(10)
        return process.returncode

    def _renew(self, links: Path, start: Start, plan: parcels.Plan) -> None:
        fresh = links.with_suffix(".new")
        fresh.write_bytes(parcels.links(self._store, start.id, plan, LIFE_S))
        fresh.replace(links)
