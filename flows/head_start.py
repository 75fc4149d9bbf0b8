"""The first episodes are begun while a temporary Prefect server starts, which keeps one core busy for seconds.

The store is the cache: what is finished then the flow finds, and what is under way it waits for by the lock of its
record. A failure is not told here, since the flow asks for the same again and tells it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context

from containers.contract.errors import StageError
from infra.engines import engine_for
from infra.interruption import Interrupted
from infra.slots import MachineSlots
from infra.stage import listener_of_run
from infra.store import StoreError
from tasks.domain import Episode
from tasks.episodes import again, prepared, room, separating
from tasks.episodes.episodes import choose, list_episodes
from tasks.opening import check_engines, with_engines
from tasks.series import SeriesError
from tasks.server import server_set_up
from tasks.studio import Studio

TOLD_BY_THE_FLOW = (Interrupted, StageError, StoreError, SeriesError, LookupError, OSError)


@contextmanager
def head_start(studio: Studio, only: Sequence[str] | None = None, sample: int | None = None) -> Iterator[None]:
    """Inside, episodes are extracted and separated, first those that a flow of the same choice begins with; none
    where a server of the user's is there at once, or engines run elsewhere. What is under way at the end goes on."""
    over = threading.Event()
    if not server_set_up() and _here(studio):
        _thread(_begin, studio, only, sample, over)
    try:
        yield
    finally:
        over.set()


def _here(studio: Studio) -> bool:
    engines = (studio.series.engine("extract"), studio.series.engine("separate"))
    return all(studio.series.runners.get(each, "process") == "process" for each in engines)


def _thread(target: Callable[..., None], *arguments: object) -> None:
    """A thread that a command which ends does not wait for."""
    context = copy_context()
    threading.Thread(target=context.run, args=(target, *arguments), daemon=True).start()


def _begin(studio: Studio, only: Sequence[str] | None, sample: int | None, over: threading.Event) -> None:
    with suppress(*TOLD_BY_THE_FLOW):
        episodes = choose(list_episodes(studio.series, studio.store), only, sample)
        finished = prepared.find_all_prepared(studio, episodes)
        outstanding = [
            each for each in episodes if each.key not in finished and not prepared.find_left_out(studio, each)
        ]
        check_engines(studio, *prepared.STAGES, *separating.stages_of(studio.series))
        if not outstanding or room.too_little(studio, outstanding) or over.is_set():
            return
        able = with_engines(studio, MachineSlots(), listener_of_run())
        at_once = engine_for(studio.series.engine("extract"), "extract").at_most
        for first in range(at_once):
            _thread(_each, able, outstanding[first::at_once], over)


def _each(studio: Studio, episodes: Sequence[Episode], over: threading.Event) -> None:
    for episode in episodes:
        with suppress(*TOLD_BY_THE_FLOW):
            if over.is_set():
                return
            recording = again.recording_of(studio, episode)
            if not over.is_set() and not studio.series.separate.some:  # else it matters what was heard before
                again.stems_of(studio, episode, recording)
