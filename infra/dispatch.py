"""Collect waiting jobs into starts of engines: batches, slots, and what happens when one dies.

A caller hands in a `Job` and waits for its `Outcome`; it holds nothing while it
waits. A slot is held for each START of an engine, and a start takes as many of
the waiting items as is fair. An outcome is handed over when its item has ended,
not when the start has, so that the next stage of one item runs beside this stage
of the others.
"""

from __future__ import annotations

import logging
import math
import shutil
import threading
import uuid
import weakref
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path

from containers.contract.codec import canonical
from containers.contract.errors import EngineError, RequestError, StageError
from infra.engines import Engine
from infra.interruption import INTERRUPTED, INTERRUPTION, Interrupted
from infra.items import Alive, answered, lay, progress_of, read_answer, state_of, sweep
from infra.pace import Pace
from infra.stage import Errand, Exit, Job, Listener, Outcome, Progress, Runner, Slots, Start

log = logging.getLogger("voicecast.engine")

LOSSES = 5
"""How often an item may lose the machine under it; it goes on from its last checkpoint each time."""
ATTEMPTS_ALONE = 2
"""How often an item that took its engine down is tried again by itself; one that hung has cost enough already."""


@dataclass
class _Ticket:
    job: Job
    future: Future[Outcome] = field(default_factory=Future)
    context: Context = field(default_factory=copy_context)
    deaths: int = 0
    losses: int = 0

    def give_up(self) -> None:
        with suppress(InvalidStateError):
            self.future.set_exception(Interrupted(INTERRUPTED))


class Dispatcher:
    """Collects waiting jobs and runs them in batches, one lane for each engine, runner and options."""

    def __init__(self, work: Path, runners: dict[str, Runner], slots: Slots, listener: Listener) -> None:
        self._work, self._runners, self._slots, self._listener = work, runners, slots, listener
        self._mutex = threading.Lock()
        self._waiting: dict[str, deque[_Ticket]] = {}
        self._servers: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()
        self._pace = Pace()
        self._done = work / "done" / uuid.uuid4().hex[:12]
        alive = Alive(self._done)
        try:
            sweep(work / "starts")
            sweep(work / "done")
            alive.__enter__()
        except OSError as error:
            raise EngineError(
                f"{work} cannot be written ({error.strerror}); make room, or choose another --store"
            ) from error
        weakref.finalize(self, alive.__exit__)

    def run(self, job: Job) -> Outcome:
        """The outcome of a job; raises the StageError that its engine, or the machine, gave, and Interrupted."""
        if job.runner not in self._runners:
            raise RequestError(f"no runner {job.runner!r}; there are: {', '.join(self._runners)}")
        ticket = _Ticket(job)
        with INTERRUPTION.told(_wait if self.remote(job.runner) else ticket.give_up):
            self._enqueue(_lane(job), ticket)
            return ticket.future.result()

    def _enqueue(self, lane: str, ticket: _Ticket) -> None:
        with self._mutex:
            self._waiting.setdefault(lane, deque()).append(ticket)
            if self._servers[lane] < ticket.job.engine.at_most:
                self._servers[lane] += 1
                context = copy_context()
                server = threading.Thread(target=context.run, args=(self._serve, lane, ticket.job), daemon=True)
                server.start()

    def remote(self, runner: str) -> bool:
        """Whether that runner starts engines on other machines, so that inputs may stay in the store."""
        return runner in self._runners and self._runners[runner].remote

    def _serve(self, lane: str, job: Job) -> None:
        held = replace(job.engine, gpu=0, memory_gb=0.0) if self.remote(job.runner) else job.engine
        while self._goes_on(lane):
            try:
                with self._slots(held) as gpus:
                    INTERRUPTION.check()
                    batch = self._take(lane, job.engine)
                    if batch:
                        self._start(lane, batch, gpus)
            except Exception as error:  # noqa: BLE001 (a waiting caller must hear of anything)
                self._fail_all(lane, _of_machine(error))

    def _goes_on(self, lane: str) -> bool:
        with self._mutex:
            if self._waiting[lane]:
                return True
            self._servers[lane] -= 1
            return False

    def _take(self, lane: str, engine: Engine) -> list[_Ticket]:
        with self._mutex:
            waiting = self._waiting[lane]
            free = max(1, engine.at_most - self._busy[lane])
            alone = bool(waiting and waiting[0].deaths)
            size = 1 if alone else min(engine.batch, math.ceil(len(waiting) / free))
            if engine.at_most > 1:
                size = min(size, self._pace.fitting((lane, each.job.stage) for each in waiting))
            batch: list[_Ticket] = []
            while waiting and len(batch) < size and (not batch or not waiting[0].deaths):
                batch.append(waiting.popleft())
            self._busy[lane] += bool(batch)
            return batch

    def _fail_all(self, lane: str, error: Exception) -> None:
        with self._mutex:
            tickets = list(self._waiting[lane])
            self._waiting[lane].clear()
        for ticket in tickets:
            if not ticket.future.done():
                ticket.future.set_exception(error)

    def _start(self, lane: str, batch: list[_Ticket], gpus: tuple[str, ...]) -> None:
        try:
            self._run_batch(lane, batch, gpus)
        except Exception as error:  # noqa: BLE001 (a waiting caller must hear of anything)
            for ticket in batch:
                if not ticket.future.done():
                    ticket.future.set_exception(_of_machine(error))
        finally:
            with self._mutex:
                self._busy[lane] -= 1

    def _run_batch(self, lane: str, batch: list[_Ticket], gpus: tuple[str, ...]) -> None:
        job = batch[0].job
        folders = {f"{i:04d}-{each.job.identity[:16]}": each for i, each in enumerate(batch)}
        start = Start(
            id=uuid.uuid4().hex[:12],
            engine=job.engine,
            workdir=self._work / "starts" / uuid.uuid4().hex[:12],
            cache=self._work / "cache" / job.engine.name,
            items=len(batch),
            gpus=gpus,
            errands={
                name: Errand(claim=state_of(each.job, self._work).name, keys=each.job.keys)
                for name, each in folders.items()
            },
        )
        start.cache.mkdir(parents=True, exist_ok=True)
        with Alive(start.workdir):
            (start.workdir / "options.json").write_text(canonical(job.options), "utf-8")
            for name, ticket in folders.items():
                lay(start.workdir / "items" / name, ticket.job, self._work)
            left = dict(folders)
            ended = self._runners[job.runner].run(start, self._hears(lane, start.workdir / "items", folders, left))
            begun = [name for name in left if (start.workdir / "items" / name / "started").exists()]
            for name, ticket in left.items():
                suspect = name in begun or (not begun and len(left) == len(folders))
                self._answer(lane, ticket, start.workdir / "items" / name, ended, suspect=suspect)

    def _hears(
        self, lane: str, items: Path, folders: dict[str, _Ticket], left: dict[str, _Ticket]
    ) -> Callable[[str], None]:
        """Hears a start's output; what is answered while it goes on is taken out of `left`."""
        current = next(iter(folders.values()))
        early = self._runners[current.job.runner].in_place

        def hear(line: str) -> None:
            """What is no progress goes into the log of the item that was last heard of."""
            nonlocal current
            said = progress_of(line)
            if said:
                current = folders.get(said[0], current)
                job = current.job
                self._listener(Progress(name=job.name, stage=job.stage, engine=job.engine.name, done=said[1]))
                if early and said[1] >= 1 and said[0] in left and answered(items / said[0]):
                    self._answer(lane, left.pop(said[0]), items / said[0], Exit(reason="finished"), suspect=False)
            elif line.strip():
                current.context.run(log.info, "%s", line.rstrip())

        return hear

    def _answer(self, lane: str, ticket: _Ticket, folder: Path, ended: Exit, *, suspect: bool) -> None:
        answer = read_answer(folder, ended)
        if isinstance(answer, Outcome):
            shutil.rmtree(state_of(ticket.job, self._work), ignore_errors=True)
            kept = self._done / f"{folder.name}-{uuid.uuid4().hex[:8]}"
            folder.rename(kept)
            self._pace.note((lane, ticket.job.stage), float(answer.run.get("seconds", 0.0)))
            ticket.future.set_result(Outcome(engine=answer.engine, result=answer.result, folder=kept, run=answer.run))
        elif isinstance(answer, StageError):
            ticket.future.set_exception(answer)
        else:
            self._again(lane, ticket, ended, suspect=suspect)

    def _again(self, lane: str, ticket: _Ticket, ended: Exit, *, suspect: bool) -> None:
        """The engine died: the item it died on is tried alone, the ones not begun wait as before."""
        INTERRUPTION.check()
        if ended.reason == "lost":
            ticket.losses += 1
        else:
            ticket.deaths += suspect
        patience = 0 if ended.reason in ("stuck", "deadline") else ATTEMPTS_ALONE
        if ticket.deaths > patience or ticket.losses > LOSSES:
            ticket.future.set_exception(EngineError(_obituary(ticket.job, ended)))
            return
        with self._mutex:
            queue = self._waiting[lane]
            queue.append(ticket) if ticket.deaths else queue.appendleft(ticket)


def _wait() -> None:
    """What runs on other machines is brought to its end: its Job goes on without this process."""


def _of_machine(error: Exception) -> Exception:
    """A failure of slots, disks or runners, as what it is to an item: no fault of its own."""
    return error if isinstance(error, StageError | Interrupted) else EngineError(f"{type(error).__name__}: {error}")


def _lane(job: Job) -> str:
    return canonical([job.engine.name, job.runner, job.options])


def _obituary(job: Job, ended: Exit) -> str:
    cause = {
        "out_of_memory": f"ran out of memory; raise memory_gb of {job.engine.name} in engines.toml or free memory",
        "killed": "was killed, most often by the system for lack of memory (memory_gb in engines.toml),",
        "lost": f"lost the machine under it {LOSSES + 1} times",
        "deadline": "took longer than a Job may (VOICECAST_KUBERNETES_DEADLINE_HOURS)",
        "stuck": f"showed no progress for {job.engine.timeout_s:.0f} s (timeout_s in engines.toml)",
    }.get(ended.reason, "ended in a failure")
    return f"{job.engine.name} {cause} on {job.name}. {ended.message}".strip()
