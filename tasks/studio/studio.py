"""The studio: what a flow run works with, and the one way to make or find what a stage makes.

The store is the cache: beside the files of a stage lies its record, written
last, with the identity of what made them. A record whose identity and files
agree is the result; nothing is run then.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.contract.codec import encode
from containers.contract.errors import StageError
from infra.dispatch import Dispatcher
from infra.engines import Engine, engine_for
from infra.identity import identity
from infra.metrics import Work, metrics
from infra.sources import here
from infra.stage import Job, Outcome
from infra.store import Damaged, Store, find_json, write_json
from tasks.series import Series
from tasks.studio.order import Made, Order, R, Source, Stored
from tasks.studio.records import RELEASED, STANDS_ON_THEM, files_of, files_of_record, made_of, place_of

log = logging.getLogger("voicecast.work")


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

    def in_use(self, episode: str) -> AbstractContextManager[None]:
        """While it is held, nothing of an episode is pruned."""
        return self.store.locked(f"{self.home} files of {episode}")

    def find(self, order: Order[R]) -> Made[R] | None:
        """What an order made before, if it is there, whole and made by the same engine from the same inputs."""
        made = self.known(order)
        return None if made is None or made.gone else made

    def known(self, order: Order[R]) -> Made[R] | None:
        """The same, also where files of it were released: the others are there."""
        made = self.recorded(order)
        if made is None:
            return None
        there = {each.key: each.size for path, each in made.files.items() if path not in made.gone}
        return made if self.store.holds(there) else None

    def recorded(self, order: Order[R]) -> Made[R] | None:
        """What an order made by its record alone; nobody looks whether its files are there."""
        record = self._record(order)
        if record is None or record["identity"] != self.identity(order):
            return None
        return made_of(order, record, files_of_record(record), found=True)

    def release(self, record_key: str, paths: Collection[str] | None = None) -> None:
        """Remove files of a record (None: all) that are wanted no more; the record, written first, remembers them."""
        with self.store.locked(f"{self.home} {record_key}"):
            self._release(record_key, paths)

    def _release(self, record_key: str, paths: Collection[str] | None) -> None:
        record = find_json(self.store, record_key)
        if record is None:
            return
        gone = {path: each for path, each in record["files"].items() if paths is None or path in paths}
        if gone:
            kept = {path: each for path, each in record["files"].items() if path not in gone}
            write_json(
                self.store, record_key, {**record, "files": kept, RELEASED: {**record.get(RELEASED, {}), **gone}}
            )
        for each in (gone or record.get(RELEASED, {})).values():  # what a kill left lies there still
            self.store.delete(each["key"])

    def forget(self, record_key: str) -> None:
        """Remove a record and the facts of its run, not its files."""
        self.store.delete(record_key)
        self.store.delete(record_key.replace(".json", ".run.json"))

    def make(self, order: Order[R]) -> Made[R]:
        """Find it, or have an engine make it; raises the StageError of the engine or the machine."""
        found = self.find(order)
        if found:
            metrics().found(self._work(order))
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
        with ExitStack() as held, _told(facts, self._work(order)):
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
            made = self._keep(order, outcome)
            sound = outcome.result.get("duration")
            seconds = float(sound) if isinstance(sound, int | float) else None
            metrics().made(self._work(order), outcome.run, seconds, sum(each.size for each in made.files.values()))
            return made
        finally:
            outcome.discard()

    def _keep(self, order: Order[R], outcome: Outcome) -> Made[R]:
        """Put the files of an outcome where the order wants them, and the record last."""
        files = {
            path: Stored(
                key=f"{order.folder}/{place_of(order.keep, path)}",
                sha256=sha256,
                size=(outcome.folder / path).stat().st_size,
            )
            for path, sha256 in sorted(files_of(outcome.result))
        }
        if not self._is_back(order, files):
            self._clear(order)
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
        return made_of(order, record, files, found=False)

    def _is_back(self, order: Order[R], files: Mapping[str, Stored]) -> bool:
        """Whether released files were made again as they were. Where they were not, what stands on them is undone."""
        before = self._record(order)
        if before is None or RELEASED not in before or before["identity"] != self.identity(order):
            return False
        if {path: each.sha256 for path, each in files_of_record(before).items()} == {
            path: each.sha256 for path, each in files.items()
        }:
            return True
        log.warning("%s was made again and is not what it was; what was made from it is made again too", order.name)
        self.store.delete(f"{order.folder}/{STANDS_ON_THEM}")
        return False

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

    def _work(self, order: Order[Any]) -> Work:
        """An order by the names under which it is counted."""
        engine = self._engine(order).name
        runner = self.series.runners.get(engine, "process")
        return Work(series=self.series.series, stage=order.stage, engine=engine, runner=runner)

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
def _told(facts: dict[str, str], work: Work) -> Iterator[None]:
    """Say that a stage is wanted, and why it failed if it does."""
    log.info("%s %s is wanted", facts["stage"], facts["of"], extra=facts)
    try:
        yield
    except StageError as error:
        log.info("%s %s failed: %s", facts["stage"], facts["of"], error, extra=facts)
        metrics().failed(work, error.kind)
        raise
