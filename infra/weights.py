"""Weights on this machine: what is here, whether it is what it should be, and its identity.

`<weights folder>/<name>/` holds the files that engines read. Beside the folders
lie pins.json (what each fetched file was, and where it came from) and
.hashes.json (what files hashed to, by size and time; disposable).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from containers.contract.codec import canonical
from infra.engines import engines
from infra.settings import settings
from infra.weights_catalogue import Weights, WeightsError, catalogue
from infra.weights_hashes import sha256s, write_whole

State = Literal["here", "missing", "damaged", "own"]
"""`own`: a folder that the user made; nothing is known of what it should hold."""
MISSING = "missing"
"""The digest of weights of which nothing is known yet."""


class Pin(BaseModel):
    """What a fetched file was: its hash, and where and when it came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    source: str
    commit: str | None = None
    fetched: str


Pins = dict[str, dict[str, Pin]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is here of one weights name. `wrong`: its files that are not there or not what they should be."""

    name: str
    state: State
    bytes: int = 0
    wrong: tuple[str, ...] = ()


def weights_folder() -> Path:
    """Where all weights lie."""
    return settings().weights_dir.absolute()


def look(name: str, *, hash_again: bool = False) -> Found:
    """What is here of that name; `hash_again`: every byte is read, not only files that changed since the last time."""
    place = weights_folder() / name
    files = files_of(place)
    if files is None:
        return Found(name=name, state="missing")
    size = sum(path.stat().st_size for path in files.values())
    wanted = _wanted(name)
    if not wanted:
        return Found(name=name, state="own", bytes=size)
    is_there = sha256s(weights_folder(), files, again=hash_again)
    wrong = tuple(sorted(file for file, sha256 in wanted.items() if not sha256 or is_there.get(file) != sha256))
    if not wrong:
        return Found(name=name, state="here", bytes=size)
    if name not in read_pins():
        return Found(name=name, state="own", bytes=size)
    return Found(name=name, state="damaged", bytes=size, wrong=wrong)


def expected(name: str) -> dict[str, str]:
    """File -> SHA-256 of the weights of that name, by our pins or by the first fetch; empty unless all are known."""
    wanted = _wanted(name)
    return {file: sha256 for file, sha256 in wanted.items() if sha256} if all(wanted.values()) else {}


def _wanted(name: str) -> dict[str, str | None]:
    """File -> SHA-256, None where nobody has pinned it; empty for a name that the catalogue does not hold."""
    weights, recorded = catalogue().get(name), read_pins().get(name, {})
    if weights is None:
        return {}
    first = {file: pin.sha256 for file, pin in recorded.items()}
    return {file: about.sha256 or first.get(file) for file, about in weights.files.items()}


def pinned(weights: Weights) -> Literal["by us", "on first fetch", "not yet"]:
    """Who vouches for the weakest file of these weights."""
    if all(about.sha256 for about in weights.files.values()):
        return "by us"
    return "on first fetch" if expected(weights.name) else "not yet"


def digest(name: str) -> str:
    """Identity of the weights of that name, for cache keys: over the paths and hashes of their files.

    Where the folder is not here (it may be on the machine where the engine runs), what a fetch
    would bring counts; `missing` if that is not known.
    """
    files = files_of(weights_folder() / name)
    found = expected(name) if files is None else sha256s(weights_folder(), files)
    if not found:
        return MISSING
    return hashlib.sha256(canonical(sorted(found.items())).encode()).hexdigest()


def files_of(place: Path) -> dict[str, Path] | None:
    """Path inside the folder -> file, without hidden files; None if there is no folder."""
    if not place.is_dir():
        return None
    every = ((path.relative_to(place), path) for path in place.rglob("*") if path.is_file())
    return {inside.as_posix(): path for inside, path in every if not any(part.startswith(".") for part in inside.parts)}


def names_here() -> list[str]:
    """Names of all folders below the weights folder."""
    folder = weights_folder()
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


# ---------------------------------------------------------------- pins


def read_pins() -> Pins:
    """What fetches recorded; WeightsError if the record cannot be read."""
    path = weights_folder() / "pins.json"
    try:
        return TypeAdapter(Pins).validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise WeightsError(
            f"{path} is damaged; move it away, then run voicecast weights fetch for what it held"
        ) from error


def record(name: str, file: str, pin: Pin) -> None:
    """Remember what a fetched file was."""
    folder = weights_folder()
    with locked("pins.json"):
        pins = read_pins()
        pins.setdefault(name, {})[file] = pin
        data = {each: {inside: about.model_dump() for inside, about in held.items()} for each, held in pins.items()}
        write_whole(folder / "pins.json", json.dumps(data, indent=1, sort_keys=True) + "\n")


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one process or thread at a time is inside, for this weights folder and name."""
    folder = weights_folder() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


class Licence(NamedTuple):
    """What a licence page of engines shows of one weights name."""

    weights: str
    licence: str
    gated: bool
    page: str


def licences(engine: str) -> tuple[Licence, ...]:
    """The licences of all weights that an engine can take, those it takes by default first."""
    about = engines().get(engine)
    defaults = about.weights_named(about.options({})) if about else []
    mine = [each for each in catalogue().values() if engine in each.engines]
    mine.sort(key=lambda each: (each.name not in defaults, each.name))
    return tuple(Licence(each.name, each.licence, each.gated, each.pages[0]) for each in mine)
