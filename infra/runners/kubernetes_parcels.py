"""What travels between the house and a Job, by way of the store: requests and inputs out, answers back.

    scratch/starts/<start>/{plan.json, start.tar, opened, error.json}      of one start
    scratch/starts/<start>/<item>/{started, error.json}
    scratch/items/<claim>/{out.tar, result.json, state.tar}         of an item, whichever Job played it
    scratch/inputs/<sha256>                                         files of this machine, and weights

The plan says what the links of a start are made of, so that any process can renew them. What a Job sends is a
stranger's: sizes, names and hashes are checked before a byte of it counts.
"""

from __future__ import annotations

import gzip
import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from containers.contract.codec import canonical, write_atomically
from containers.contract.errors import BY_KIND, EngineError
from containers.contract.item import sha256_of
from containers.contract.parcel import pack, unpack
from containers.contract.stages import CONTRACT
from infra.stage import Errand, Start
from infra.store import SCRATCH, Store, read_json, scratch_of, write_json
from infra.weights import files_of

SECRET_BYTES = 1 << 20
"""What Kubernetes takes as a Secret."""
TEXT_BYTES = 1 << 26
"""The longest answer: embeddings and clips of an episode are a few megabytes."""
INPUTS = f"{SCRATCH}/inputs"

Plan = dict[str, Any]
"""{"items": {item: {"claim": ..., "inputs": {path: key}}}, "weights": {name/file: SHA-256}}, as JSON."""


def errand(start: Start, item: str) -> Errand:
    """What is known of an item; one that comes without a claim has one that nobody finds again."""
    return start.errands.get(item) or Errand(claim=f"{start.id}-{item}"[:60].rstrip("-._"))


def send(store: Store, start: Start, items: list[str], weights: Mapping[str, Path]) -> Plan:
    """Put all that these items of a start need where a Job can fetch it; gives the plan of the links."""
    plan: Plan = {"items": {}, "weights": {}}
    for item in items:
        folder = start.workdir / "items" / item
        found = {path: _sent(store, file) for path, file in _inputs(folder).items()}
        about = errand(start, item)
        plan["items"][item] = {"claim": about.claim, "inputs": {**found, **about.keys}}
    for name, file in weights.items():
        plan["weights"][name] = _sent(store, file).rpartition("/")[2]
    parcel = store.work / f"{uuid.uuid4().hex}.partial"
    try:
        requests = [f"items/{item}/request.json" for item in items]
        there = [name for name in ("options.json", *requests) if (start.workdir / name).exists()]
        pack(parcel, ((name, start.workdir / name) for name in there))
        store.put(f"{scratch_of(start.id)}/start.tar", parcel)
    finally:
        parcel.unlink(missing_ok=True)
    store.write(f"{scratch_of(start.id)}/opened", b"")
    write_json(store, f"{scratch_of(start.id)}/plan.json", plan)
    return plan


def is_here(store: Store, start: str) -> bool:
    """Whether a start travels by this store: a namespace may serve several."""
    return store.size(f"{scratch_of(start)}/plan.json") is not None


def read_plan(store: Store, start: str) -> Plan:
    """The plan of a start that another process has sent."""
    return dict(read_json(store, f"{scratch_of(start)}/plan.json"))


def weights_of(start: Start) -> dict[str, Path]:
    """NAME/FILE -> file of this machine, for all weights that a start's options name."""
    options = start.workdir / "options.json"
    named = start.engine.weights_named(json.loads(options.read_text("utf-8"))) if options.exists() else []
    found: dict[str, Path] = {}
    for name in named:
        files = files_of(start.weights / name)
        if files is None:
            raise EngineError(
                f"weights {name} are not here to be sent to the cluster; run: voicecast weights fetch {name}"
            )
        found |= {f"{name}/{inside}": path for inside, path in files.items()}
    return found


def links(store: Store, start: str, plan: Plan, seconds: int) -> bytes:
    """The file of links of a start, as the contract's `remote` reads it; EngineError if no Secret can hold it."""
    home = scratch_of(start)
    said: dict[str, Any] = {
        "start": store.link_get(f"{home}/start.tar", seconds),
        "opened": store.link_get(f"{home}/opened", seconds),
        "open": store.link_put(f"{home}/opened", seconds),
        "error": store.link_put(f"{home}/error.json", seconds),
        "items": {},
        "weights": {name: store.link_get(f"{INPUTS}/{sha256}", seconds) for name, sha256 in plan["weights"].items()},
        "weights_sha256": plan["weights"],
    }
    for item, about in plan["items"].items():
        kept = _kept(about["claim"])
        has_state = store.size(f"{kept}/state.tar") is not None
        said["items"][item] = {
            "inputs": {path: store.link_get(key, seconds) for path, key in about["inputs"].items()},
            "state": store.link_get(f"{kept}/state.tar", seconds) if has_state else None,
            "keep": store.link_put(f"{kept}/state.tar", seconds),
            "started": store.link_put(f"{home}/{item}/started", seconds),
            "out": store.link_put(f"{kept}/out.tar", seconds),
            "result": store.link_put(f"{kept}/result.json", seconds),
            "failure": store.link_put(f"{home}/{item}/error.json", seconds),
        }
    packed = gzip.compress(canonical(said).encode(), mtime=0)
    if len(packed) > SECRET_BYTES:
        raise EngineError(
            f"links of {len(plan['items'])} items with {sum(len(each['inputs']) for each in plan['items'].values())} "
            "files do not fit into a Secret; lower `batch` of the engine in engines.toml"
        )
    return packed


def take(store: Store, start: Start, item: str, limit: int) -> bool:
    """Bring the result of an item that a Job has sent, whole and as it says; whether there was one.

    What is not as it says is an error of the machine, and gone, so that the item can be played again.
    """
    kept, folder = _kept(errand(start, item).claim), start.workdir / "items" / item
    size = store.size(f"{kept}/result.json")
    if size is None:
        return False
    try:
        _take(store, kept, folder, size, limit)
    except (EngineError, ValueError, KeyError, TypeError, RecursionError) as error:
        refuse(folder, f"what the Job sent of it is not what it says it is: {error}")
    store.clear(kept)
    return True


def take_error(store: Store, start: str, item: str, folder: Path) -> None:
    """Bring why an item has no result, and whether it had begun."""
    home = f"{scratch_of(start)}/{item}" if item else scratch_of(start)
    if item and store.size(f"{home}/started") is not None:
        (folder / "started").touch()
    size = store.size(f"{home}/error.json")
    if size is None:
        return
    try:
        said = json.loads(_read(store, f"{home}/error.json", size))
        known = said["kind"] in BY_KIND and isinstance(said["message"], str)
    except (EngineError, ValueError, KeyError, TypeError, RecursionError):
        known = False
    if known:
        write_atomically(
            folder / "error.json", canonical({key: said[key] for key in ("kind", "message")} | {"contract": CONTRACT})
        )
    else:
        refuse(folder, "the Job sent an error that nobody can read")


def refuse(folder: Path, message: str) -> None:
    """Answer in the engine's place."""
    error = {"contract": CONTRACT, "kind": EngineError.kind, "message": message}
    write_atomically(folder / "error.json", canonical(error))


def _take(store: Store, kept: str, folder: Path, size: int, limit: int) -> None:
    text = _read(store, f"{kept}/result.json", size)
    result = json.loads(text)
    if set(result) != {"contract", "stage", "engine", "result"} or not isinstance(result["engine"], str):
        raise EngineError("result.json has not the agreed form")
    named = dict(_files(result["result"]))
    if (store.size(f"{kept}/out.tar") or 0) > limit:
        raise EngineError(f"its files have more than {limit} bytes (disk_gb in engines.toml)")
    shutil.rmtree(folder / "taken", ignore_errors=True)
    with open(store.path(f"{kept}/out.tar"), "rb") as stream:
        written = unpack(stream, folder / "taken", lambda name: name in named or name == "run.json", limit)
    _keep_facts(folder, written.pop("run.json", None))
    if written != named:
        wrong = sorted(name for name in named if written.get(name) != named[name])
        raise EngineError(f"files are missing or have another hash: {', '.join(wrong[:5])}")
    shutil.rmtree(folder / "out", ignore_errors=True)
    if (folder / "taken" / "out").exists():
        (folder / "taken" / "out").rename(folder / "out")
    write_atomically(folder / "result.json", text)


def _keep_facts(folder: Path, there: str | None) -> None:
    """Facts of the run are for people; such that cannot be read are left out."""
    path = folder / "taken" / "run.json"
    if there and path.stat().st_size < 1 << 16:
        with suppress(ValueError, RecursionError):
            if isinstance(json.loads(path.read_text("utf-8")), dict):
                path.rename(folder / "run.json")


def _read(store: Store, key: str, size: int) -> str:
    if size > TEXT_BYTES:
        raise EngineError(f"{key.rpartition('/')[2]} has {size} bytes")
    return store.read(key).decode("utf-8")


def _kept(claim: str) -> str:
    return f"{SCRATCH}/items/{claim}"


def _inputs(folder: Path) -> dict[str, Path]:
    """Files that lie in an item's folder, or that it has links to, by their path there."""
    found = {path.relative_to(folder).as_posix(): path for path in (folder / "in").rglob("*")}
    return {name: path for name, path in found.items() if path.is_file()}


def _sent(store: Store, file: Path) -> str:
    """Key of a file of this machine in the store, where it is put unless it is there."""
    key = f"{INPUTS}/{sha256_of(file)}"
    if store.size(key) == file.stat().st_size:
        return key
    copy = store.work / f"{uuid.uuid4().hex}.partial"
    try:
        shutil.copyfile(file, copy)
        store.put(key, copy)
    finally:
        copy.unlink(missing_ok=True)
    return key


def _files(value: Any) -> list[tuple[str, str]]:
    """(path, SHA-256) of every file that a result names."""
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return [(value["path"], value["sha256"])]
        return [file for each in value.values() for file in _files(each)]
    if isinstance(value, list):
        return [file for each in value for file in _files(each)]
    return []
