"""Garbage: what lies in a store and nothing refers to; found first, removed only when somebody says so.

Nothing that a person said or made, no voice with a card and no prepared episode is garbage. With `caches`, what is
only kept to be quick goes too: it is made again when it is wanted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from infra.items import busy, sweep
from infra.store import Store, StoreError, parsed, read_many
from tasks.keeping.artifacts import cleans_clips
from tasks.keeping.verify import is_record, verify

STATE_DAYS = 30.0
"""Checkpoints of a training that nobody went on with for so long are given up."""
OF_EPISODES = (
    "turns.json",
    "clips.jsonl",
    "prepared.json",
    "left_out.json",
    "reuse.json",
    "sidecars/*",
    "stages/*.json",
)


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What can go, with bytes: `keys` of the store, `paths` of this machine's folder for what is under way."""

    keys: dict[str, int]
    paths: dict[Path, int]

    @property
    def bytes(self) -> int:
        return sum(self.keys.values()) + sum(self.paths.values())


def find_garbage(store: Store, home: str, *, caches: bool = False, state_days: float = STATE_DAYS) -> Garbage:
    """Looks only. StoreError while something runs on this machine, and where documents are damaged."""
    if busy(store.work):
        raise StoreError(f"something runs with this store (it holds {store.work}); clean up when it has ended")
    broken = verify(store, home, quick=True).broken
    if broken:
        raise StoreError(f"{len(broken)} things are broken, such as {broken[0].key}; first run: voicecast repair")
    sizes = store.sizes(home)
    names = [key for key in sizes if is_record(key) or key.endswith("/cleaned.json")]
    texts = read_many(store, names)
    documents = {key: parsed(data, key) for key, data in zip(names, texts, strict=True)}
    keys = {key: sizes[key] for key in sorted(set(_unreferred(home, sizes, documents)))}
    if caches:
        for cache in ("previews", "speech/base", "speech/converted", "speech/retimed"):
            keys |= {key: size for key, size in sizes.items() if key.startswith(f"{home}/{cache}/")}
    paths = {path: _size(path) for path in sorted(_left_over(store.work, caches, state_days))}
    return Garbage(keys=keys, paths=paths)


def remove(store: Store, garbage: Garbage) -> None:
    """Take it away; StoreError if something runs by now."""
    if busy(store.work):
        raise StoreError("something runs with this store by now; clean up when it has ended")
    for key in garbage.keys:
        store.delete(key)
    for path in garbage.paths:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    for name in ("starts", "done"):
        sweep(store.work / name)


def _unreferred(home: str, sizes: Mapping[str, int], documents: Mapping[str, Any]) -> Iterator[str]:
    records = {key: each for key, each in documents.items() if is_record(key)}
    wavs = {
        (each["wav"]["key"], each["wav"]["sha256"])
        for key, ledger in documents.items()
        if key.endswith("/cleaned.json")
        for each in ledger.values()
    }
    stale = {key for key, each in records.items() if cleans_clips(key) and not wavs & _files(each)}
    named = {key for record, each in records.items() if not cleans_clips(record) for key, _ in _files(each)}
    named |= {key for key, _ in wavs}
    for key in sizes:
        inside = key.removeprefix(f"{home}/")
        folder = "/".join(inside.split("/")[:2])
        rest = inside.removeprefix(f"{folder}/")
        if key in named:
            continue
        if key.endswith(".run.json"):
            record = key.replace(".run.json", ".json")
            garbage = record not in sizes or record in stale
        elif key in stale:
            garbage = True
        elif inside.startswith("episodes/"):
            whole = f"{home}/{folder}/prepared.json" in sizes
            garbage = whole and not any(fnmatch(rest, each) for each in OF_EPISODES)
        elif inside.startswith("characters/"):
            garbage = rest.startswith(("clips/", "dry/")) and f"{home}/{folder}/dataset.json" in sizes
        else:
            garbage = _half_made(home, key, sizes)
        if garbage:
            yield key


def _half_made(home: str, key: str, sizes: Mapping[str, int]) -> bool:
    """Whether a file's stage or line never came to its end: a voice without record and card, a sound without its
    document."""
    inside = key.removeprefix(f"{home}/").split("/")
    if inside[0] == "voices" and len(inside) > 3:
        folder = f"{home}/{'/'.join(inside[:3])}"
        return f"{folder}/card.json" not in sizes and f"{folder}/stages/train.json" not in sizes
    if inside[0] == "speech" and inside[1] in ("base", "converted", "retimed"):
        folder = f"{home}/{'/'.join(inside[:3])}/stages/"
        return not any(each.startswith(folder) for each in sizes)
    if inside[0] in ("speech", "songs"):
        name, _, ending = key.rpartition(".")
        return ending in ("wav", "flac") and f"{name}.json" not in sizes
    if inside[0] in ("previews", "assets") and len(inside) > 2:
        return f"{home}/{inside[0]}/{inside[1]}/stages/preview.json" not in sizes or "stages" not in inside
    return False


def _files(record: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(each["key"], each["sha256"]) for each in record["files"].values()}


def _left_over(work: Path, caches: bool, state_days: float) -> Iterator[Path]:
    """What dead processes left in the folder for what is under way, and checkpoints that nobody went on with."""
    yield from (path for name in ("starts", "done") for path in (work / name).glob("*"))
    yield from work.glob("*.partial")
    yield from (work / "code").glob("*.partial")
    yield from (path for path in (work / "state").glob("*") if time.time() - _newest(path) > state_days * 86400)
    if caches:
        yield from (work / "cache").glob("*")


def _newest(folder: Path) -> float:
    return max((path.stat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file() and not each.is_symlink()]
    return sum(each.stat().st_size for each in files)
