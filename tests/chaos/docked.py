"""Containers of a season: found, killed, and seen to be gone."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker.errors import APIError

from containers.contract.errors import EngineError
from infra.engines import engines
from infra.image_names import image_of
from infra.runners import make_runner
from infra.runners.docker import OWNER, daemon
from infra.stage import Runner
from infra.store import Store
from tests.chaos.faults import Strike, kill, runs


def lacks() -> str:
    """Why no container can be started here; "" if one can."""
    try:
        with daemon("stub") as client:
            client.images.get(image_of(engines()["stub"], "cpu"))
    except EngineError as error:
        return str(error)
    return ""


def in_containers(store: Store) -> dict[str, Runner]:
    return {"docker": make_runner("docker", store)}


def of(folder: Path, client: Any, *, all: bool = True) -> list[Any]:
    found = client.containers.list(all=all, filters={"label": OWNER}, ignore_removed=True)
    return [each for each in found if each.labels[OWNER].startswith(f"{folder}/")]


def kill_containers(chance: random.Random, seconds: float, folder: Path) -> Strike:
    """Containers that run at instants are killed or removed; one time in three the season's process as well."""
    instants = [chance.uniform(0, seconds) for _ in range(chance.choice((1, 2)))]
    removes, house_too = chance.random() < 0.3, chance.random() < 0.34

    def strike(process: int) -> bool:
        hit = False
        with daemon() as client:
            for instant in instants:
                time.sleep(instant)
                while runs(process) and not (found := of(folder, client, all=False)):
                    time.sleep(0.01)
                if not runs(process):
                    break
                if house_too:
                    kill(process)
                for each in found:
                    with suppress(APIError):
                        each.remove(force=True) if removes and not house_too else each.kill()
                        hit = True
        return hit

    return strike
