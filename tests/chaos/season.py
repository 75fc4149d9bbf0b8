"""A small season on stub without Prefect, and what is counted and compared of it.

The flows' steps and order, in one process that a round may kill at any instant.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from containers.contract.item import sha256_of
from containers.contract.stages import STAGES
from flows.gate import settle
from infra.dispatch import Dispatcher
from infra.runners import make_runner
from infra.stage import Job, Outcome, Runner
from infra.store import LocalStore, Store
from tasks.domain import Episode
from tasks.episodes.prepared import find_all_prepared, write_episodes
from tasks.keeping import rebuild
from tasks.labelling.decisions import decide
from tasks.labelling.labels import load, record
from tasks.series import Series
from tasks.speakers.casting import current
from tasks.speakers.references import hear_references, references_of
from tasks.studio import Studio

SERIES = "toy"
RIGHTS = {"basis": "a stub's voice", "by": "the tests", "date": "2026-11-22"}
LABELLED = "a person"
OF_DECISIONS = ("decision", "when", "identity", "manifest_sha256", "~sha256")


def lay(folder: Path, episodes: int, seconds: float = 20) -> None:
    """Scripted episodes and a reference, and no store."""
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "A.flac").write_text(json.dumps({"stub": {"person": "A"}}))
    for number in range(1, episodes + 1):
        told = {"title": f"episode {number}", "duration": seconds, "cast": ["A", "B"]}
        (folder / f"Toy S01E{number:02d}.mkv").write_text(json.dumps({"stub": told}))


def beside(store: Store) -> dict[str, Runner]:
    """Engines as processes of this machine."""
    return {"process": make_runner("process", store)}


def studio_of(folder: Path, store: Store, runners: dict[str, Runner] | None = None, engine: str = "stub") -> Studio:
    """Over a store, with the one runner that is given."""
    runners = runners or beside(store)
    fields = {
        "series": SERIES,
        "episodes": "*.mkv",
        "language": "ja",
        "characters": {"anna": {"name": "アンナ", "references": "refs/*.flac", "rights": RIGHTS}},
        "engines": dict.fromkeys(STAGES, engine) if engine == "stub" else {},  # all are light by default
        "runners": {engine: next(iter(runners))},
        "targets": {"min_minutes": 0.01},
        "folder": folder,
    }
    dispatcher: Any = Counting(Dispatcher(store.work, runners, lambda _: nullcontext(()), lambda _: None), folder)
    return Studio(series=Series.model_validate(fields), store=store, dispatcher=dispatcher)


def episodes_of(folder: Path) -> tuple[Episode, ...]:
    files = sorted(folder.glob("*.mkv"))
    return tuple(Episode(key=path.stem[-6:].lower(), file=str(path), sha256=sha256_of(path)) for path in files)


def run(studio: Studio, folder: Path) -> None:
    """All of it: episodes, cast, a person's label, data sets, voice."""
    episodes = episodes_of(folder)
    finished = find_all_prepared(studio, episodes)
    outstanding = [each for each in episodes if each.key not in finished]
    with ThreadPoolExecutor(4) as pool:
        heard = pool.submit(hear_references, studio, references_of(studio))
        made = list(pool.map(lambda each: rebuild.prepare_episode(studio, each), outstanding))
        heard.result()
    finished |= {each.episode: each for each in made}
    write_episodes(studio, episodes, finished)
    in_order = [finished[each.key] for each in episodes]
    cast = rebuild.make_cast(studio, episodes, in_order)
    labels = settle(studio, cast, "auto").labels
    unknown = sorted({each.id for each in cast.speakers} - labels.speakers.keys())
    if unknown:
        record(studio.store, SERIES, decide(LABELLED, "cli", dict.fromkeys(unknown, "nobody")))
    labels = load(studio.store, SERIES)
    cast = current(studio, cast, labels)
    rebuild.make_data_sets(studio, cast, labels, in_order, ["anna"])
    rebuild.make_voice(studio, "anna")


def contents(root: Path) -> dict[str, str]:
    """Key -> hash of all that must be the same in every byte: all but facts of runs, what people were asked and when
    they decided, and which clips were cleaned together (a data set's ledger says what each clip became)."""
    left_out = (".run.json", "series.json")
    return {
        path.relative_to(root).as_posix(): without_decisions(path)
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and ".work" not in path.parts
        and not {"labels", "forms", "audit", "rights"} & set(path.parts)
        and path.name != "labels.json"
        and not path.name.endswith(left_out)
        and not path.name.startswith("clean-")
    }


def without_decisions(path: Path) -> str:
    """Hash of a file; of a data set's lists without ids and times of decisions, which are a person's and never twice
    the same."""
    if path.name not in ("manifest.jsonl", "dataset.json"):
        return sha256_of(path)
    text = json.dumps(_bare([json.loads(line) for line in path.read_text("utf-8").splitlines()]), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _bare(value: object) -> object:
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name not in OF_DECISIONS}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def decisions(root: Path) -> dict[str, bytes]:
    """The answers of people and references, each a file that must never change again."""
    return {path.name: path.read_bytes() for path in (root / "series" / SERIES / "cast" / "labels").glob("*.json")}


def recorded(root: Path) -> set[str]:
    """Identities of the requests whose records are there."""
    records = [path for path in root.glob("series/**/stages/*.json") if not path.name.endswith(".run.json")]
    return {json.loads(path.read_text("utf-8"))["identity"] for path in records}


def begun(folder: Path) -> list[str]:
    """Identities of the requests that starts were given, in order, one as often as it was begun."""
    log = folder / "begun.log"
    return log.read_text("ascii").split() if log.exists() else []


class Counting:
    """A dispatcher that writes down every request before it runs it, in a file that a kill does not lose."""

    def __init__(self, dispatcher: Dispatcher, folder: Path) -> None:
        self._dispatcher, self._log = dispatcher, folder / "begun.log"

    def run(self, job: Job) -> Outcome:
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, f"{job.identity}\n".encode())
        os.close(descriptor)
        return self._dispatcher.run(job)

    def remote(self, runner: str) -> bool:
        return self._dispatcher.remote(runner)


if __name__ == "__main__":
    there = Path(sys.argv[1])
    run(studio_of(there, LocalStore(Path(sys.argv[2]))), there)
