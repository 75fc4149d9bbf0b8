"""A round: a season is struck, looked at, run again, and compared with one that nothing struck."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from containers.contract.item import sha256_of
from infra.store import LocalStore, StoreError
from infra.store.seals import opened
from tasks.keeping.repair import repair
from tests.chaos import faults, season
from tests.chaos.children import DONE, Loss, child, ended, whole_season
from tests.chaos.places import Place, place_of
from tests.chaos.spoken import copy_spoken, lay_spoken

STAGES = (
    "episodes/*/stages/extract",
    "given/*/stages/extract",
    "cast/references/stages/*",
    "episodes/*/stages/fingerprint",
    "episodes/*/stages/separate",
    "episodes/*/stages/fingerprint-vocals",
    "episodes/*/stages/diarize",
    "episodes/*/stages/cut",
    "episodes/*/stages/embed",
)
"""Records in the order in which a season makes them."""
FAULTS = (
    "house", "engine", "write", "failing", "disk", "limit", "readonly", "clock", "faketime", "corrupt", "bucket",
    "refusing", "links", "container",
)  # fmt: skip
QUICK = ("house", "engine", "write", "failing", "clock", "corrupt")
"""Those that need neither root nor a program beside Python, and take seconds."""


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """A season that nothing struck: where its store is, its files by hash, how long it took, how many requests it made,
    its size and that of its largest file in KiB."""

    folder: Path
    engine: str
    root: Path
    contents: dict[str, str]
    seconds: float
    requests: int
    kilobytes: int
    largest_kilobytes: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """`struck`: the fault hit something; `redone`: requests begun again; `in_flight`: those begun and not recorded when
    it was struck."""

    fault: str
    seed: int
    struck: bool
    redone: int
    in_flight: int
    seconds: float


def undisturbed(folder: Path, episodes: int, engine: str = "stub") -> Undisturbed:
    (season.lay if engine == "stub" else lay_spoken)(folder, episodes)
    began, root = time.monotonic(), folder / "store"
    if ended(whole_season(folder, lambda: LocalStore(root), engine=engine)) != DONE:
        raise Loss(f"an undisturbed season failed: {(folder / 'log').read_text()[-2000:]}")
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    return Undisturbed(
        folder=folder,
        engine=engine,
        root=root,
        contents=season.contents(root),
        seconds=time.monotonic() - began,
        requests=len(season.begun(folder)),
        kilobytes=sum(sizes) // 1024,
        largest_kilobytes=max(sizes) // 1024,
    )


def play(fault: str, seed: int, folder: Path, truth: Undisturbed, episodes: int) -> Round:
    """One round in a folder of its own, which begins where an earlier run had come to by chance; raises Loss."""
    chance, began = random.Random(f"{seed} {fault}"), time.monotonic()
    if truth.engine == "stub":
        season.lay(folder, episodes)
    else:
        copy_spoken(truth.folder, folder)
    with place_of(fault, folder, chance, truth.kilobytes) as place:
        root = folder / "store" / "s"
        used = _begin(chance, fault, root, truth)
        place.upload()
        if fault == "disk":
            left = max(64, truth.kilobytes - used)
            place.change(f"size={used + 64 + int(chance.uniform(0.05, 0.95) * left)}k")
        struck = _strike(fault, chance, folder, root, truth, place)
        place.change("rw" if fault == "readonly" else f"size={4 * truth.kilobytes + 4096}k")
        place.mirror()
        known, records, first = season.decisions(root), season.recorded(root), season.begun(folder)
        if fault != "corrupt":
            _nothing_half(root, truth)
        _no_orphan(fault, folder)
        again = ended(whole_season(folder, place.calm, place.runner, engine=truth.engine))
        if again != DONE:
            raise Loss(f"the second run failed: {(folder / 'log').read_text()[-2000:]}")
        place.mirror()
        second = season.begun(folder)[len(first) :]
        compare(root, truth.contents)
        after = season.decisions(root)
        if any(after.get(name) != said for name, said in known.items()):
            raise Loss("a decision was lost or changed")
        if twice := records & set(second):
            raise Loss(f"finished work was done again: {sorted(twice)}")
        _no_orphan(fault, folder, swept=True)
    return Round(
        fault=fault,
        seed=seed,
        struck=struck,
        redone=len(set(first) & set(second)),
        in_flight=len(set(first) - records),
        seconds=time.monotonic() - began,
    )


def _begin(chance: random.Random, fault: str, root: Path, truth: Undisturbed) -> int:
    """Lay what an earlier run had made: the first so many stages, or all for what is to be corrupted; gives KiB."""
    if fault == "corrupt":
        shutil.copytree(truth.root / "series", root / "series")
        return truth.kilobytes
    laid = 0
    for pattern in STAGES[: chance.randrange(len(STAGES))]:
        for record in truth.root.glob(f"series/*/{pattern}.json"):
            if record.name.endswith(".run.json"):
                continue
            named = [truth.root / each["key"] for each in json.loads(record.read_text("utf-8"))["files"].values()]
            for path in (*named, record.with_suffix(".run.json"), record):
                target = root / path.relative_to(truth.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
                laid += path.stat().st_size // 1024 + 4
    return laid


def _strike(fault: str, chance: random.Random, folder: Path, root: Path, truth: Undisturbed, place: Place) -> bool:
    """Run a season under a fault; says whether the fault hit. Loss if it ends in a traceback."""
    if fault == "corrupt":
        return _corrupt(chance, folder, root, truth.engine)
    before: Callable[[], object] = lambda: None  # noqa: E731
    from_outside: faults.Strike = lambda _: False  # noqa: E731
    if fault in ("house", "readonly") or (fault in ("bucket", "refusing") and chance.random() < 0.15):
        from_outside = faults.kill_house(chance, truth.seconds / 2)
    elif fault == "engine":
        from_outside = faults.kill_engines(chance, truth.seconds / 2, folder)
    elif fault == "container":
        from tests.chaos.docked import kill_containers

        from_outside = kill_containers(chance, truth.seconds, folder)
    elif fault == "write":
        before = partial(faults.die_in_a_write, chance)
    elif fault == "clock":
        before = partial(faults.skew_the_clock, chance)
    elif fault == "limit":
        before = partial(faults.limit_files, int(chance.uniform(0.5, truth.largest_kilobytes)))
    if fault == "faketime":
        process = faults.season_at_another_time(chance, folder, root)
    else:
        process = whole_season(folder, place.struck, place.runner, before, truth.engine)
    hit = from_outside(process)
    code = ended(process)
    if fault == "readonly":
        root.mkdir(exist_ok=True)
        place.change("ro")
        code = ended(whole_season(folder, place.struck, engine=truth.engine))
    if code == 1:
        raise Loss(f"a traceback: {(folder / 'log').read_text()[-3000:]}")
    return code != DONE or hit or place.hit() or fault in ("clock", "faketime", "links", "bucket")


def _corrupt(chance: random.Random, folder: Path, root: Path, engine: str) -> bool:
    """A finished season; one bit, or the end, or the whole of a file that is no person's answer is lost; repaired."""
    files = [
        path
        for path in sorted(root.glob("series/**/*"))
        if path.is_file() and not {"labels", "audit", "rights"} & set(path.parts)
    ]
    victim = chance.choice([path for path in files if not path.name.endswith(".run.json") and path.stat().st_size])
    whole = victim.read_bytes()
    how = chance.choice(("bit", "cut", "gone"))
    if how == "bit":
        place = chance.randrange(8 * len(whole))
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        victim.write_bytes(changed)
    elif how == "cut":
        victim.write_bytes(whole[: chance.randrange(len(whole))])
    else:
        victim.unlink()

    def act() -> None:
        studio = season.studio_of(folder, LocalStore(root), engine=engine)
        left = repair(studio, season.episodes_of(folder)).left
        if left:
            raise StoreError(f"{how} of {victim}: not repaired: {left}")

    if ended(child(act, folder / "log")) != DONE:
        raise Loss(f"{how} of {victim}: {(folder / 'log').read_text()[-2000:]}")
    return True


def _nothing_half(root: Path, truth: Undisturbed) -> None:
    """Media are the bytes of the undisturbed season, documents whole."""
    for path in root.glob("series/**/*"):
        if not path.is_file():
            continue
        key = path.relative_to(root).as_posix()
        if path.suffix in (".json", ".jsonl"):
            try:
                for text in path.read_bytes().splitlines(keepends=True):
                    opened(text)
            except ValueError as error:
                raise Loss(f"half a document is visible: {key}: {error}") from error
        elif key in truth.contents and sha256_of(path) != truth.contents[key]:
            raise Loss(f"half a file is visible: {key}")


def compare(root: Path, truth: dict[str, str]) -> None:
    """Every file of a store is that of the undisturbed one."""
    now = season.contents(root)
    other = {key for key in now.keys() | truth.keys() if now.get(key) != truth.get(key)}
    if other:
        raise Loss(f"not as undisturbed: {sorted(other)[:5]}")


def _no_orphan(fault: str, folder: Path, *, swept: bool = False) -> None:
    """No engine outlives its season; `swept`: nor is anything left of a container that has ended."""
    with ExitStack() as held:
        if fault == "container":
            from tests.chaos.docked import daemon, of

            client = held.enter_context(daemon())
        until = time.monotonic() + 30
        while left := [
            *faults.processes_of(folder),
            *(of(folder, client, all=swept) if fault == "container" else ()),
        ]:
            if time.monotonic() > until:
                raise Loss(f"engines outlive their season: {left}")
            time.sleep(0.1)


def cleared(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
