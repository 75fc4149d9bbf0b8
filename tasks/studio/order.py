"""An order (one stage for one thing, and its files) and what is made of it (a result, and its files in the store)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from containers.contract.stages import File
from infra.sources import Place

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file in the store; `size` in bytes, 0 where nobody has looked."""

    key: str
    sha256: str
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file of the user's, outside the store: on this machine or in a bucket."""

    path: Place
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Order(Generic[R]):
    """One stage for one thing, and where what it makes will lie.

    `of`: the thing in a person's words (s01e02, endou_mamoru). `inputs`: path inside the item ->
    file. `folder`: key below which record and files go. `keep`: where files of `out/` go in that
    folder, by path or, ending in /, by folder. `engine`, `options`: what makes it, where that is not
    the series' engine of the stage with the series' options.
    """

    stage: str
    of: str
    request: Any
    result: type[R]
    inputs: Mapping[str, Stored | Source]
    folder: str
    keep: Mapping[str, str]
    record: str = ""
    engine: str | None = None
    options: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return f"{self.stage} {self.of}"

    @property
    def record_key(self) -> str:
        return f"{self.folder}/stages/{self.record or self.stage}.json"


@dataclass(frozen=True, kw_only=True)
class Made(Generic[R]):
    """What a stage made: its result as a value, and its files in the store by their path in `out/`.

    `gone`: paths of files that were released; what they were is known, and they are not there.
    """

    result: R
    engine: str
    identity: str
    files: Mapping[str, Stored]
    found: bool
    gone: frozenset[str] = frozenset()

    def stored(self, file: File) -> Stored:
        return self.files[file.path]


def sent(name: str, file: Stored | Source) -> File:
    """How a request names an input that lies at in/`name`."""
    return File(path=f"in/{name}", sha256=file.sha256)
