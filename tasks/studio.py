"""The studio: what a flow run works with, and the one way to make or find what a stage makes.

The store is the cache: beside the files of a stage lies its record, written
last, with the identity of what made them. A record whose identity and files
agree is the result; nothing is run then.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from containers.contract.codec import decode, encode
from containers.contract.errors import StageError
from containers.contract.stages import File
from infra.dispatch import Dispatcher
from infra.engines import Engine, engine_for
from infra.identity import identity
from infra.sources import Place, here
from infra.stage import Job, Outcome
from infra.store import Damaged, Store, find_json, write_json
from tasks.series import Series

log = logging.getLogger("voicecast.work")

R = TypeVar("R")

RELEASED = "released"
"""Field of a record whose files are gone for good: the files it had."""


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
    """What a stage made: its result as a value, and its files in the store by their path in `out/`."""

    result: R
    engine: str
    identity: str
    files: Mapping[str, Stored]
    found: bool

    def stored(self, file: File) -> Stored:
        return self.files[file.path]


@dataclass(frozen=True, kw_only=True)
class Studio:
    """A series, the store, and the engines' dispatcher (None: only look for what is finished)."""

    series: Series
    store: Store
    dispatcher: Dispatcher | None = None

    @property
    def home(self) -> str:
        """Key of the series' folder."""
        return f"series/{self.series.series}"

    def find(self, order: Order[R]) -> Made[R] | None:
        """What an order made before, if it is there, whole and made by the same engine from the same inputs."""
        record = self._record(order)
        if record is None or record["identity"] != self.identity(order) or RELEASED in record:
            return None
        files = {path: Stored(**each) for path, each in record["files"].items()}
        if not self.store.holds({each.key: each.size for each in files.values()}):
            return None
        return _made(order, record, files, found=True)

    def recorded(self, order: Order[R]) -> Made[R] | None:
        """What an order made, though its files may have been released since."""
        record = self._record(order)
        if record is None or record["identity"] != self.identity(order):
            return None
        files = {path: Stored(**each) for path, each in {**record["files"], **record.get(RELEASED, {})}.items()}
        return _made(order, record, files, found=True)

    def release(self, record_key: str) -> None:
        """Remove the files of a record that were only needed on the way; the record remembers them."""
        record = find_json(self.store, record_key)
        if record is None or RELEASED in record:
            return
        write_json(self.store, record_key, {**record, "files": {}, RELEASED: record["files"]})
        for each in record["files"].values():
            self.store.delete(each["key"])

    def forget(self, record_key: str) -> None:
        """Remove a record and the facts of its run, not its files."""
        self.store.delete(record_key)
        self.store.delete(record_key.replace(".json", ".run.json"))

    def make(self, order: Order[R]) -> Made[R]:
        """Find it, or have an engine make it; raises the StageError of the engine or the machine."""
        found = self.find(order)
        if found:
            return found
        if self.dispatcher is None:
            raise LookupError(f"{order.name} is not finished")
        with self.store.locked(f"{self.home} {order.record_key}"):
            return self.find(order) or self._run(order, self.dispatcher)

    def _run(self, order: Order[R], dispatcher: Dispatcher) -> Made[R]:
        engine = self._engine(order)
        runner = self.series.runners.get(engine.name, "process")
        # Where engines run elsewhere, what lies in the store goes there from the store.
        there = {path: file.key for path, file in order.inputs.items() if isinstance(file, Stored)}
        keys = there if dispatcher.remote(runner) else {}
        here = {path: file for path, file in order.inputs.items() if path not in keys}
        facts = {"stage": order.stage, "of": order.of, "engine": engine.name, "runner": runner}
        with ExitStack() as held, _told(facts):
            outcome = dispatcher.run(
                Job(
                    name=order.name,
                    identity=self.identity(order),
                    engine=engine,
                    runner=runner,
                    options=self._options(order),
                    stage=order.stage,
                    request=encode(order.request),
                    inputs={path: held.enter_context(self._here(file)) for path, file in here.items()},
                    keys=keys,
                )
            )
        log.info("%s ended", order.name, extra=facts | outcome.run)
        try:
            return self._keep(order, outcome)
        finally:
            outcome.discard()

    def _keep(self, order: Order[R], outcome: Outcome) -> Made[R]:
        """Put the files of an outcome where the order wants them, and the record last."""
        self._clear(order)
        files = {
            path: Stored(
                key=f"{order.folder}/{_place(order.keep, path)}",
                sha256=sha256,
                size=(outcome.folder / path).stat().st_size,
            )
            for path, sha256 in sorted(_files_of(outcome.result))
        }
        self.store.put_all({each.key: outcome.folder / path for path, each in files.items()})
        record = {
            "identity": self.identity(order),
            "stage": order.stage,
            "engine": outcome.engine,
            "result": outcome.result,
            "files": files,
        }
        write_json(self.store, order.record_key.replace(".json", ".run.json"), outcome.run)
        write_json(self.store, order.record_key, record)
        return _made(order, record, files, found=False)

    def _clear(self, order: Order[R]) -> None:
        """Remove what another identity left, record first, so that a crash leaves a miss and no mixture."""
        stale = self._record(order)
        self.store.delete(order.record_key)
        if stale is None:
            return
        for each in stale["files"].values():
            self.store.delete(each["key"])

    def _record(self, order: Order[Any]) -> dict[str, Any] | None:
        """The record of an order; one that is damaged is none."""
        try:
            record: dict[str, Any] | None = find_json(self.store, order.record_key)
        except Damaged:
            return None
        return record

    def identity(self, order: Order[Any]) -> str:
        """What makes an order's result this result; known without running anything."""
        return identity(self._engine(order), order.stage, encode(order.request), self._options(order))

    def _engine(self, order: Order[Any]) -> Engine:
        return engine_for(order.engine or self.series.engine(order.stage), order.stage)

    def _options(self, order: Order[Any]) -> dict[str, Any]:
        engine = self._engine(order)
        return engine.options(
            dict(self.series.options.get(engine.name, {}) if order.options is None else order.options)
        )

    def _here(self, file: Stored | Source) -> AbstractContextManager[Path]:
        """A file of this machine, which stays as long as an engine reads it."""
        if isinstance(file, Source):
            return here(file.path, file.sha256)
        return self.store.using(file.key, file.sha256)


@contextmanager
def _told(facts: dict[str, str]) -> Iterator[None]:
    """Say that a stage is wanted, and why it failed if it does."""
    log.info("%s %s is wanted", facts["stage"], facts["of"], extra=facts)
    try:
        yield
    except StageError as error:
        log.info("%s %s failed: %s", facts["stage"], facts["of"], error, extra=facts)
        raise


def hash_of_code(*modules: ModuleType) -> str:
    """Hash of modules that decide, for the identity of what they decided."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def sent(name: str, file: Stored | Source) -> File:
    """How a request names an input that lies at in/`name`."""
    return File(path=f"in/{name}", sha256=file.sha256)


def _made(order: Order[R], record: dict[str, Any], files: Mapping[str, Stored], *, found: bool) -> Made[R]:
    result: R = decode(order.result, json.loads(json.dumps(encode(record["result"]))))
    return Made(result=result, engine=record["engine"], identity=record["identity"], files=files, found=found)


def _files_of(value: Any) -> set[tuple[str, str]]:
    """(path, sha256) of every file that a result names."""
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return {(value["path"], value["sha256"])}
        return {file for each in value.values() for file in _files_of(each)}
    if isinstance(value, list):
        return {file for each in value for file in _files_of(each)}
    return set()


def _place(keep: Mapping[str, str], path: str) -> str:
    if path in keep:
        return keep[path]
    for prefix, target in keep.items():
        if prefix.endswith("/") and path.startswith(prefix):
            return target + path.removeprefix(prefix)
    raise KeyError(f"nobody said where {path} is kept")
