"""Items played by a backend, one after the other or together: each gets a result or an error, whatever befalls it."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Iterator
from typing import Any

from .codec import canonical, write_atomically
from .envelopes import check_result, request_of, stage_of, write_error
from .errors import EngineError, StageError
from .item import Item
from .stages import CONTRACT
from .usage import Moment, now, write_run


def play_all(backend: Any, model: Any, items: list[Item]) -> None:
    """Each item by itself; those of a stage that the backend plays for many at once, together."""
    together: dict[str, list[Item]] = {}
    for item in items:
        stage = stage_of(item)
        if hasattr(backend, f"{stage}_many"):
            together.setdefault(stage, []).append(item)
        else:
            _play(backend, model, item)
    for stage, several in together.items():
        _Together(backend, stage, several).run(model)


def _play(backend: Any, model: Any, item: Item) -> None:
    began = _begin(item)
    try:
        stage, request = request_of(item, backend)
        answer = getattr(backend, stage)(model, request, item)
    except (Exception, SystemExit) as error:  # some programs made into libraries leave by SystemExit
        answer = error
    _answer(backend, item, answer, began)


class _Together:
    """Items of one stage that are given to the backend as it draws them, and answered as it ends them."""

    def __init__(self, backend: Any, stage: str, items: list[Item]) -> None:
        self._backend, self._stage, self._waiting = backend, stage, items[::-1]
        self._open: dict[Item, Moment] = {}

    def run(self, model: Any) -> None:
        while self._waiting:
            before = len(self._waiting)
            try:
                for item, answer in getattr(self._backend, f"{self._stage}_many")(model, self._drawn()):
                    _answer(self._backend, item, answer, self._open.pop(item))
                left: BaseException = EngineError(f"{self._stage} ended without an answer")
            except (Exception, SystemExit) as error:
                left = error
            if len(self._waiting) == before:  # it failed before it drew any, and would again
                next(self._drawn(), None)
            for item, began in self._open.items():
                _answer(self._backend, item, left, began)
            self._open.clear()

    def _drawn(self) -> Iterator[tuple[Any, Item]]:
        while self._waiting:
            item = self._waiting.pop()
            began = _begin(item)
            try:
                _, request = request_of(item, self._backend)
            except StageError as error:
                _answer(self._backend, item, error, began)
                continue
            self._open[item] = began
            yield request, item


def _begin(item: Item) -> Moment:
    write_atomically(item.path / "started", "")
    while (item.path / "awaited").exists():  # its inputs are on their way
        time.sleep(0.02)
    shutil.rmtree(item.path / "out", ignore_errors=True)  # what an attempt that died has left
    return now()


def _answer(backend: Any, item: Item, answer: Any, began: Moment) -> None:
    """Write what an item came to: its result, or the error it ended in."""
    stage = stage_of(item)
    try:
        if isinstance(answer, BaseException):
            raise answer
        check_result(stage, answer, item)
        envelope = {"contract": CONTRACT, "stage": stage, "engine": backend.version(), "result": answer}
        text = canonical(envelope)
        write_run(item, began)
        write_atomically(item.path / "result.json", text)
    except StageError as error:
        write_run(item, began)
        write_error(item.path, error)
    except MemoryError:
        write_run(item, began)
        write_error(item.path, EngineError("out of memory; give the engine more memory_gb in engines.toml"))
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)
        write_run(item, began)
        write_error(item.path, EngineError(f"{type(error).__name__}: {error}"))
    item.progress(1.0)
