"""Jobs become starts of engines, by the real process runner on stub: shared, fair, and nobody is left waiting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers.contract.codec import encode
from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import sha256_of
from containers.contract.stages import DiarizeRequest, File, ProbeRequest, SeparateRequest
from infra import dispatch
from infra.dispatch import Dispatcher, _lane
from infra.engines import Engine, engines
from infra.identity import identity
from infra.interruption import Interrupted, Interruption
from infra.items import Alive, progress_of, sweep
from infra.runners import process
from infra.runners.process import ProcessRunner
from infra.stage import Exit, Job, Outcome, Progress, Start

HERE = Path(__file__).parents[2]
STUB = replace(engines()["stub"], at_most=1)


class Counted(ProcessRunner):
    """The process runner, counting the items of each start."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.starts: list[int] = []

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        self.starts.append(start.items)
        return super().run(start, heard)


class House:
    """A dispatcher over a folder, whose slots stay shut until all jobs wait."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = Counted(folder / "work")
        self.heard: list[Progress] = []
        self.open = threading.Event()
        self.dispatcher = Dispatcher(folder / "work", {"process": self.runner}, self._slots, self.heard.append)

    @contextmanager
    def _slots(self, _: Engine) -> Iterator[tuple[str, ...]]:
        self.open.wait()
        yield ()

    def job(self, name: str, engine: Engine = STUB, options: dict[str, Any] | None = None, **script: Any) -> Job:
        """A job to look into a scripted video."""
        video = self.folder / f"{name}.mkv"
        video.write_text(json.dumps({"stub": {"title": name, "duration": 5, **script}}))
        request = encode(ProbeRequest(video=File(path="in/video", sha256=sha256_of(video))))
        return Job(
            name=f"probe {name}",
            identity=identity(engine, "probe", request, options or {}),
            engine=engine,
            runner="process",
            options=options or {},
            stage="probe",
            request=request,
            inputs={"in/video": video},
        )

    def stage(self, stage: str, name: str, options: dict[str, Any]) -> Job:
        """A job of a later stage of a scripted episode; other options are another lane."""
        job = self.job(name, options=options)
        file = File(path="in/video", sha256=sha256_of(job.inputs["in/video"]))
        asked = SeparateRequest(recording=file) if stage == "separate" else DiarizeRequest(vocals=file)
        return replace(job, name=f"{stage} {name}", stage=stage, request=encode(asked), identity=f"{stage}{name}" * 9)

    def run(self, *jobs: Job) -> list[Outcome | BaseException]:
        """What becomes of jobs that all wait before the first start."""
        self.open.clear()
        with ThreadPoolExecutor(len(jobs)) as pool:
            futures: list[Future[Outcome]] = [pool.submit(self.dispatcher.run, job) for job in jobs]
            until = time.monotonic() + 10
            while sum(map(len, self.dispatcher._waiting.values())) < len(jobs):
                assert time.monotonic() < until
                time.sleep(0.005)
            self.open.set()
            answers = [future.exception() or future.result() for future in futures]
        wait_until(lambda: not any(self.dispatcher._servers.values()), "a start outlives its last answer")
        return answers


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def processes_of(folder: Path) -> list[int]:
    """Processes of this machine that were started on something below a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in each.read_bytes() and each.parent.name != str(os.getpid()):
                found.append(int(each.parent.name))
        except OSError:
            continue
    return found


def wait_until(true: Callable[[], object], what: str, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def test_items_that_wait_together_share_a_start(house: House) -> None:
    outcomes = house.run(*(house.job(f"e{i}") for i in range(5)))
    assert house.runner.starts == [5]
    assert all(isinstance(each, Outcome) for each in outcomes)
    assert {each.name for each in house.heard if each.done == 1} == {f"probe e{i}" for i in range(5)}


def test_a_start_takes_no_more_than_its_fair_share_and_its_batch(house: House) -> None:
    house.run(*(house.job(f"e{i}", replace(STUB, at_most=2)) for i in range(3)))
    assert sorted(house.runner.starts) == [1, 2]
    house.runner.starts.clear()
    house.run(*(house.job(f"e{i}", replace(STUB, batch=2)) for i in range(3)))
    assert house.runner.starts == [2, 1]


class Reading(Counted):
    """Goes on with what a start of several items says only when `further` is set."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        self.further = threading.Event()

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        def slowly(line: str) -> None:
            heard(line)
            said = progress_of(line)
            if start.items > 1 and said and said[1] >= 1:
                assert self.further.wait(20), "nothing went on meanwhile"

        return super().run(start, slowly)


def test_an_episode_is_diarized_while_others_of_the_same_start_are_separated(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.runner = runner = Reading(tmp_path / "work")
    house.dispatcher = Dispatcher(tmp_path / "work", {"process": runner}, house._slots, house.heard.append)

    def prepared(name: str) -> Outcome:
        house.dispatcher.run(house.stage("separate", name, {}))
        outcome = house.dispatcher.run(house.stage("diarize", name, {"sleep_s": 0.01}))
        runner.further.set()
        return outcome

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(prepared, f"e{i}") for i in range(3)]
        wait_until(lambda: sum(map(len, house.dispatcher._waiting.values())) == 3, "not all wait")
        house.open.set()
        assert all(isinstance(each.result(), Outcome) for each in futures)
    assert runner.starts[0] == 3
    told = [each.name for each in house.heard if each.done == 1]
    first, second, third = (each for each in told if each.startswith("separate"))
    assert told.index(first.replace("separate", "diarize")) < told.index(second) < told.index(third)


def test_a_start_that_has_others_beside_it_takes_no_more_than_a_minutes_items(house: House) -> None:
    for engine, starts in ((replace(STUB, at_most=2), [1, 1, 1, 1]), (STUB, [4])):
        jobs = [house.job(f"e{i}", engine) for i in range(4)]
        house.dispatcher._pace.note((_lane(jobs[0]), "probe"), 1000.0)
        house.runner.starts.clear()
        house.run(*jobs)
        assert house.runner.starts == starts


def test_other_options_are_another_start(house: House) -> None:
    house.run(house.job("e1"), house.job("e2", options={"sleep_s": 0.01}))
    assert house.runner.starts == [1, 1]


def test_an_item_that_kills_its_engine_fails_alone_and_says_so(house: House) -> None:
    first, killer, third, fourth = house.run(
        house.job("e1"), house.job("e2", die="probe", times=99), house.job("e3"), house.job("e4")
    )
    assert all(isinstance(each, Outcome) for each in (first, third, fourth))
    assert isinstance(killer, EngineError)
    assert "stub was killed" in str(killer)
    assert "probe e2" in str(killer)
    assert house.runner.starts[0] == 4
    assert sorted(house.runner.starts[-2:]) == [1, 1]
    wait_until(lambda: not list((house.folder / "work" / "starts").iterdir()), "folders of starts stay")


def test_state_survives_the_death_of_an_engine_and_ends_with_the_result(house: House) -> None:
    """Stub counts its attempts there: it dies in the first two."""
    (outcome,) = house.run(house.job("e1", die="probe", times=2))
    assert isinstance(outcome, Outcome)
    assert house.runner.starts == [1, 1, 1]
    assert list((house.folder / "work" / "state").iterdir()) == []


def test_a_broken_recording_fails_with_its_own_message_and_no_other_does(house: House) -> None:
    good, broken = house.run(house.job("e1"), house.job("e2", fail="recording"))
    assert isinstance(good, Outcome)
    assert isinstance(broken, RecordingError)
    assert house.runner.starts == [2]


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (replace(STUB, name="nowhere"), "nowhere cannot start"),
        (replace(STUB, environment="own"), "voicecast engines install stub"),
    ],
)
def test_an_engine_that_cannot_be_set_up_tells_all_who_wait(house: House, engine: Engine, said: str) -> None:
    failures = house.run(*(house.job(f"e{i}", engine) for i in range(3)))
    assert all(isinstance(each, EngineError) and said in str(each) for each in failures)


def test_wrong_options_are_named(house: House) -> None:
    (failure,) = house.run(house.job("e1", options={"nonsense": 1}))
    assert isinstance(failure, RequestError)
    assert "nonsense" in str(failure)


def test_an_engine_without_a_sign_of_progress_is_killed(house: House) -> None:
    (failure,) = house.run(house.job("e1", replace(STUB, timeout_s=0.1), sleep_s=60))
    assert isinstance(failure, EngineError)
    assert "no progress" in str(failure)
    wait_until(lambda: not processes_of(house.folder), "the stuck engine goes on")


def test_an_interruption_ends_the_engines_here_and_nobody_waits_for_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    struck = Interruption()
    for module in (dispatch, process):
        monkeypatch.setattr(module, "INTERRUPTION", struck)
    jobs = [house.job("long", sleep_s=60), house.job("waits", sleep_s=60)]
    with ThreadPoolExecutor() as pool:
        house.open.set()
        futures = [pool.submit(house.dispatcher.run, each) for each in jobs]
        wait_until(lambda: list(house.folder.glob("work/starts/*/items/*/started")), "no item has begun")
        began = time.monotonic()
        struck.strike()
        assert all(isinstance(each.exception(timeout=10), Interrupted) for each in futures)
        assert time.monotonic() - began < 5
    wait_until(lambda: not processes_of(house.folder), "an engine goes on")
    with pytest.raises(Interrupted):
        house.dispatcher.run(house.job("later"))


def test_a_failure_of_the_slots_is_told_to_all_who_wait_and_the_next_job_runs(tmp_path: Path) -> None:
    house, broken = House(tmp_path), threading.Event()
    broken.set()

    @contextmanager
    def slots(engine: Engine) -> Iterator[tuple[str, ...]]:
        with house._slots(engine):
            if broken.is_set():
                raise ConnectionError("the server is gone")
            yield ()

    house.dispatcher = Dispatcher(tmp_path / "work", {"process": house.runner}, slots, house.heard.append)
    failures = house.run(*(house.job(f"e{i}") for i in range(3)))
    assert all(isinstance(each, EngineError) and "the server is gone" in str(each) for each in failures)
    broken.clear()
    (outcome,) = house.run(house.job("e9"))
    assert isinstance(outcome, Outcome)


def test_twins_of_a_job_do_not_disturb_each_other(house: House) -> None:
    """As when a series has the same file under two names."""
    one = house.job("e1", replace(STUB, at_most=2, batch=1), sleep_s=0.3)
    outcomes = house.run(one, replace(one, name="probe again"))
    assert all(isinstance(each, Outcome) for each in outcomes)


def test_a_runner_that_is_none_is_refused(house: House) -> None:
    with pytest.raises(RequestError, match="no runner 'moon'; there are: process"):
        house.dispatcher.run(replace(house.job("e1"), runner="moon"))


def test_secrets_of_the_environment_do_not_reach_an_engine(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    with ThreadPoolExecutor(1) as pool:
        house.open.set()
        running = pool.submit(house.dispatcher.run, house.job("e1", sleep_s=1))
        wait_until(lambda: list(house.folder.glob("work/starts/*/items/*/started")), "it does not start")
        (child,) = processes_of(house.folder)
        environment = Path(f"/proc/{child}/environ").read_bytes()
        running.result()
    assert b"PYTHONPATH" in environment
    assert b"hush" not in environment


RUNS = """
import sys, tests.unit.test_dispatch as here
from pathlib import Path
house = here.House(Path(sys.argv[1]))
house.open.set()
house.dispatcher.run(house.job("done")).folder
house.dispatcher.run(house.job("long", sleep_s=60))
"""


def test_a_killed_run_leaves_no_process_and_its_files_are_swept_by_the_next(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", RUNS, str(tmp_path)], cwd=HERE)
    wait_until(lambda: list(tmp_path.glob("work/done/*/*/result.json")), "no item is done")
    wait_until(lambda: list(tmp_path.glob("work/starts/*/items/*/started")), "no item has begun")
    wait_until(lambda: processes_of(tmp_path / "work"), "no engine runs")
    sweep(tmp_path / "work" / "starts")
    assert list(tmp_path.glob("work/starts/*")), "what is alive is not swept"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not processes_of(tmp_path), "the engine outlives its run")
    House(tmp_path)
    assert not list(tmp_path.glob("work/starts/*"))
    assert not list(tmp_path.glob("work/done/*/*/result.json"))


def test_sweeps_and_starts_at_the_same_time_do_no_harm(tmp_path: Path) -> None:
    stop = threading.Event()

    def sweeping() -> None:
        while not stop.is_set():
            sweep(tmp_path)

    with ThreadPoolExecutor(3) as pool:
        sweepers = [pool.submit(sweeping) for _ in range(3)]
        try:
            for i in range(400):
                with Alive(tmp_path / str(i % 7)):
                    assert (tmp_path / str(i % 7) / "alive").exists()
        finally:
            stop.set()
        assert [each.result() for each in sweepers] == [None] * 3


def test_a_dispatcher_that_is_done_with_leaves_an_empty_work_folder(tmp_path: Path) -> None:
    dispatcher = Dispatcher(tmp_path, {}, lambda _: nullcontext(()), lambda _: None)
    assert list((tmp_path / "done").iterdir())
    del dispatcher
    assert list((tmp_path / "done").iterdir()) == []
