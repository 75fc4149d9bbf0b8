"""Which weights there are: containers/weights.toml as values, checked. Nothing is looked up on disk or in the net.

A weights name is a folder below the weights folder; a file of it lies at its
name there. Where a file comes from is `source` and `path`: a repository of the
hub at a revision, or a web address that the path follows.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from containers.contract.errors import EngineError
from infra.engines import CONTAINERS

HUB = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
WEB = re.compile(r"(https://[^/\s@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/\S+[^/\s]")
"""A plain http address may only be this machine's."""
PICKLES = frozenset({".th", ".bin", ".ckpt", ".pth", ".pt", ".pkl", ".pickle", ".joblib", ".npz", ".npy"})
"""Formats whose usual reader can run a program that the file's maker put in."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class UnknownWeights(LookupError):
    """A name that the catalogue does not hold."""


class WeightsRefused(LookupError):
    """What was asked is not done unless the user says or changes something; the message names it."""


class WeightsError(EngineError):
    """Weights could not be fetched, or are not what they should be."""


class HubPlace(NamedTuple):
    """A repository of the hub; without a revision that is fixed, `main`."""

    repository: str
    revision: str


def hub_place(source: str) -> HubPlace | None:
    """The repository that a source names; None for a web address."""
    found = HUB.fullmatch(source)
    return HubPlace(found["repository"], found["revision"] or "main") if found else None


def page_of(source: str) -> str:
    """What a person opens to see a source."""
    place = hub_place(source)
    return f"https://huggingface.co/{place.repository}" if place else source


def _source(value: str) -> str:
    if not HUB.fullmatch(value) and not WEB.fullmatch(value):
        raise ValueError(f"a source is hf:owner/repository@revision or https://host/path, not {value!r}")
    return value


def _inside(value: str) -> str:
    parts = value.split("/")
    if not all(re.fullmatch(r"[\w+@(),=-][\w .+@(),=-]*", part) for part in parts) or value != value.strip():
        raise ValueError(f"a file lies inside the weights' folder, under visible names: not {value!r}")
    return value


Source = Annotated[str, AfterValidator(_source)]
Inside = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WeightsFile(_Strict):
    """One file. `path` where its source has it under another name, `source` where that is another one.

    `sha256` is our own pin, from public text that named the file; without it the first fetch pins it.
    """

    sha256: Sha256 | None = None
    source: Source | None = None
    path: Inside | None = None


class Weights(_Strict):
    """One table of weights.toml; see its head for the meaning of each field."""

    name: Annotated[str, StringConstraints(pattern=NAME)]
    engines: list[str] = Field(min_length=1)
    source: Source
    page: Source | None = None
    licence: str = Field(min_length=2)
    gated: bool = False
    megabytes: int = Field(gt=0)
    note: str = ""
    files: dict[Inside, WeightsFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_lie_in_one_folder(self) -> Weights:
        folders = {str(parent) for name in self.files for parent in PurePosixPath(name).parents}
        both = folders & set(self.files)
        if both:
            raise ValueError(f"{', '.join(sorted(both))} is a file and a folder of files")
        if len({name.casefold() for name in self.files}) < len(self.files):
            raise ValueError("two files differ in capitals only; some disks hold one of them")
        return self

    def source_of(self, file: str) -> tuple[str, str]:
        """The source of a file, and its path there."""
        about = self.files[file]
        return about.source or self.source, about.path or file

    @property
    def pages(self) -> tuple[str, ...]:
        """Pages of people who made these, where licences stand and terms are accepted."""
        if self.page:
            return (self.page,)
        sources = dict.fromkeys(self.source_of(file)[0] for file in self.files)
        return tuple(page_of(source) for source in sources)

    @property
    def pickles(self) -> tuple[str, ...]:
        """Files in a format that can hold programs."""
        return tuple(name for name in self.files if PurePosixPath(name).suffix.lower() in PICKLES)


@cache
def catalogue() -> dict[str, Weights]:
    """All weights by name."""
    return read_catalogue(CONTAINERS / "weights.toml")


def read_catalogue(path: Path) -> dict[str, Weights]:
    """The tables of a file; WeightsError names the table and the field that is wrong."""
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        loose = sorted(name for name, table in tables.items() if not isinstance(table, dict))
        if loose:
            raise WeightsError(f"{path.name}: {', '.join(loose)} stands outside every table")
        named = {name: {"name": name, **table} for name, table in tables.items()}
        return TypeAdapter(dict[str, Weights]).validate_python(named)
    except tomllib.TOMLDecodeError as error:
        raise WeightsError(f"{path.name} is not TOML: {error}") from error
    except ValidationError as error:
        found = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise WeightsError(f"{path.name} has {len(found)} mistake(s): " + "; ".join(found)) from error


def known(name: str) -> Weights:
    """The weights of that name."""
    found = catalogue().get(name)
    if found is None:
        raise UnknownWeights(f"no weights {name!r} are known; choose of: {', '.join(catalogue())}")
    return found
