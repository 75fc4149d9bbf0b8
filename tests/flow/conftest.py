"""A real Prefect server for the run of the tests, and series scripted for the stub engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("VOICECAST_RETRY_SECONDS", "0.2")
os.environ.setdefault("VOICECAST_SLOTS", "machine")
os.environ.setdefault("VOICECAST_LABELS_WAIT_HOURS", "0")

import pytest
from prefect.testing.utilities import prefect_test_harness

from containers.contract.stages import STAGES

RIGHTS = "rights: {basis: a stub's voice, by: the tests, date: 2026-11-22}"


@pytest.fixture(scope="session", autouse=True)
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=180):
        yield


class Scripted:
    """A series of scripted episodes in a folder, and its series file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "series.yaml"
        self.store = folder / "voicecast-store"
        (folder / "episodes").mkdir(parents=True)
        (folder / "refs").mkdir()
        self.write({"anna": "A", "ben": "B"})

    def write(self, characters: dict[str, str], rights: str = RIGHTS, extra: str = "") -> None:
        """The series file: character -> the scripted person who is its reference ("" for none)."""
        lines = ["series: toy", "episodes: episodes", "language: ja", "characters:"]
        for slug, person in characters.items():
            lines.append(f"  {slug}:")
            lines.append(f"    name: {slug.title()}")
            if person:
                (self.folder / "refs" / f"{person}.flac").write_text(json.dumps({"stub": {"person": person}}))
                lines.append(f"    references: refs/{person}.flac")
            if rights:
                lines.append(f"    {rights}")
        lines.append("engines: {" + ", ".join(f"{stage}: stub" for stage in STAGES) + "}")
        lines.append("targets: {min_minutes: 0.05}")
        self.config.write_text("\n".join([*lines, extra]) + "\n")

    def episode(self, number: int, **script: Any) -> Path:
        """An episode of 60 s with A, B and C, unless the script says otherwise."""
        path = self.folder / "episodes" / f"Toy S01E{number:02d}.mkv"
        told = {"title": f"episode {number}", "duration": 60, "cast": ["A", "B", "C"], **script}
        path.write_text(json.dumps({"stub": told}))
        return path

    def json(self, key: str) -> Any:
        return json.loads((self.store / "series" / "toy" / key).read_text())

    def keys(self, pattern: str) -> list[str]:
        home = self.store / "series" / "toy"
        return sorted(str(path.relative_to(home)) for path in home.glob(pattern))

    def contents(self) -> dict[str, bytes]:
        """All that the season made, but for what may differ: times, decisions, where the series file lies."""
        home = self.store / "series" / "toy"
        return {
            str(path.relative_to(home)): path.read_bytes()
            for path in sorted(home.rglob("*"))
            if path.is_file()
            and not path.name.endswith(".run.json")
            and "labels" not in str(path.relative_to(home))
            and path.name != "series.json"
            and path.parent.name != "audit"
        }


def without_times(files: dict[str, bytes]) -> dict[str, object]:
    """Manifests say when each speaker was labelled, and `dataset.json` how long the manifest is."""
    kept: dict[str, object] = {}
    for name, data in files.items():
        if name.endswith("/manifest.jsonl"):
            kept[name] = [{**json.loads(line), "label": None} for line in data.splitlines()]
        elif not name.endswith("/dataset.json"):
            kept[name] = data
    return kept


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path / "toy")
