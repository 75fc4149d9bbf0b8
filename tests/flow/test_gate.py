"""The gate on a real Prefect server: a run waits, is answered by API, and goes on with what was said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from prefect import flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events import emit_event
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_API_URL
from prefect.states import Running, Suspended
from typer.testing import CliRunner

from containers.contract.codec import encode
from containers.stub import people
from flows import forms
from flows.automations import ensure_automations
from flows.automations import main as ensure
from flows.cli.main import app
from flows.forms import NotWaiting, answer
from flows.gate import Labelled, ask_labels
from flows.season import season
from infra.dispatch import Dispatcher
from infra.settings import settings
from infra.stage import Job, Outcome
from infra.store import write_json
from tasks.domain import NOBODY, EpisodeClip, Speaker, Suggestion
from tasks.labelling.decisions import decide
from tasks.labelling.label_form import LATER, NEW
from tasks.labelling.labels import LabelsError, history, load, record
from tasks.labelling.sheet_answer import SheetAnswer, take_answer
from tasks.opening import open_series
from tasks.series import SeriesError
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.studio import Studio
from tests.flow.conftest import Scripted
from tests.unit import sheet_material as material

HERE = Path(__file__).parents[2]

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]


@flow(name="season", persist_result=False)
def gate(config: str, store: str) -> Labelled:
    """The gate of a season, without what stands before and after it."""
    studio = open_series(config, store)
    return ask_labels(studio, casting.cast_of(studio), "ask")


class Series:
    """A series whose speakers were heard: S001 may be anna, S002 may be anybody, S003 was accepted as ben."""

    def __init__(self, folder: Path) -> None:
        self.scripted = Scripted(folder)
        self.scripted.write({"anna": "", "ben": ""})
        (folder / "episodes" / "Toy S01E01.mkv").write_text("{}")
        self.studio: Studio = open_series(self.scripted.config, str(self.scripted.store))
        store, home = self.studio.store, self.studio.home
        speakers = [
            Speaker(id=f"S00{n}", clips=(f"s01e01/{n}",), episodes=("s01e01",), seconds=90.0) for n in (1, 2, 3)
        ]
        suggested = (("S001", "anna", "ask"), ("S002", None, "ask"), ("S003", "ben", "accept"))
        suggestions = [Suggestion(speaker=s, character=c, score=0.8, margin=0.1, band=b) for s, c, b in suggested]
        cast = Cast(identity="made", model=people.MODEL, speakers=tuple(speakers), suggestions=tuple(suggestions))
        write_json(store, f"{home}/cast/speakers.json", encode(cast))
        spans = [{"start": 10.0 * n, "end": 10.0 * n + 5, "speaker": f"SPEAKER_0{n}"} for n in (1, 2, 3)]
        heard = [(heard_clip(n, span), people.vector(str(n), str(n))) for n, span in enumerate(spans, start=1)]
        material.write_episode(self.studio, "s01e01", heard)
        turns = {"turns": [*spans, *spans[:1]], "exclusive": spans, "overlap": []}
        write_json(store, f"{home}/episodes/s01e01/turns.json", turns)
        for n in (1, 2, 3):
            store.write(f"{home}/episodes/s01e01/clips/{n}.flac", b"")

    def start(self, work: Callable[[], Any] | None = None) -> Future[Any]:
        """Run the gate beside the test."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result((work or self.gate)())
            except BaseException as error:  # noqa: BLE001
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return done

    def gate(self) -> Labelled:
        return gate(str(self.scripted.config), str(self.scripted.store))

    def waiting(self, done: Future[Any], number: int = 1) -> str:
        """The run that waits, once it shows its form of that number."""
        for _ in range(300):
            if done.done():
                done.result()
                raise AssertionError("the run waited for nobody")
            for form in forms.forms(self.studio):
                if form.number == number and form.run in forms.waiting_runs(self.studio) and shown(form.run, number):
                    return form.run
            time.sleep(0.2)
        raise AssertionError("no run waits")

    def says(self, speaker: str, character: str, who: str) -> None:
        """Somebody decides elsewhere."""
        record(self.studio.store, "toy", decide(who, "sheet", {speaker: character}))

    def labels(self) -> dict[str, tuple[str, str]]:
        """Speaker -> (character, who)."""
        return {s: (label.character, label.who) for s, label in load(self.studio.store, "toy").speakers.items()}


def heard_clip(n: int, span: dict[str, Any]) -> EpisodeClip:
    return EpisodeClip(
        id=f"s01e01/{n}", episode="s01e01", sha256="", consistency=1.0, measurements=material.MEASURED, **span
    )


def shown(run: str, number: int = 1) -> dict[str, Any] | None:
    """The form's schema, as the dashboard gets it; None while there is none."""
    with get_client(sync_client=True) as client:
        read = client._client.get(f"/flow_runs/{run}/input/paused-labels-{number}-schema")
        return read.json() if read.status_code == 200 else None


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "labels_wait_hours", 0.1)
    monkeypatch.setattr(forms, "POLL_SECONDS", 0.5)


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return Series(tmp_path / "toy")


def test_a_run_waits_shows_only_speakers_in_doubt_and_goes_on_with_the_answer(series: Series) -> None:
    done = series.start()
    run = series.waiting(done)
    schema = shown(run)
    assert schema
    fields = schema["properties"]
    assert list(fields) == ["S001", "S002", "new_names", "labelled_by", "version"]
    assert fields["S001"]["title"] == "S001 (1.5 min, 2 turns)"
    assert fields["S001"]["enum"] == ["anna", "ben", NOBODY, NEW, LATER]
    assert (fields["S001"]["default"], fields["S002"]["default"]) == ("anna", LATER)
    assert schema["required"] == ["labelled_by"]

    with pytest.raises(LabelsError, match="did not take the answer"):
        answer(run, {"S001": "zoe"}, who="mika")
    with pytest.raises(LabelsError, match="did not take the answer"):
        answer(run, {"version": "of another form"}, who="mika")
    answer(run, {"S001": "ben", "S002": NOBODY}, who="mika")
    with pytest.raises(NotWaiting, match="somebody else"):
        answer(run, {"S001": "anna"}, who="aki")
    assert done.result(60).waiting == ()
    assert series.labels() == {"S001": ("ben", "mika"), "S002": (NOBODY, "mika"), "S003": ("ben", "references")}
    assert [each.how for each in history(series.studio.store, "toy")] == ["auto", "form"]


def test_what_the_form_cannot_check_is_asked_again_with_the_reason(series: Series) -> None:
    """A new character without an id; and a speaker that somebody else labelled meanwhile."""
    done = series.start()
    run = series.waiting(done)
    series.says("S001", "ben", who="aki")
    answer(run, {"S001": NOBODY, "S002": NEW}, who="mika")
    assert series.waiting(done, number=2) == run
    fields = shown(run, 2)["properties"]  # type: ignore[index]
    assert "ASKED AGAIN: meanwhile aki said ben, and you said nobody" in fields["S001"]["description"]
    assert fields["S001"]["default"] == "ben"
    assert "has no id yet" in fields["S002"]["description"]
    answer(run, {"S001": "ben", "S002": NEW}, who="mika", new_names="S002 = carl")
    assert done.result(60).waiting == ()
    assert series.labels() == {"S001": ("ben", "aki"), "S002": ("carl", "mika"), "S003": ("ben", "references")}


def test_a_decision_made_meanwhile_is_not_overwritten_by_a_stale_prefill(series: Series) -> None:
    done = series.start()
    run = series.waiting(done)
    series.says("S001", "ben", who="aki")
    answer(run, {"S001": "anna", "S002": LATER}, who="mika")
    assert done.result(60).waiting == ()
    assert series.labels()["S001"] == ("ben", "aki")
    assert "S002" not in series.labels()


def test_labels_given_in_the_terminal_wake_the_run_that_waits(series: Series) -> None:
    done = series.start()
    series.waiting(done)
    said = CliRunner().invoke(
        app, ["label", "--config", str(series.scripted.config), "--who", "aki"], input="2\n+\ncarl\n"
    )
    assert said.exit_code == 0, said.output
    assert "goes on" in said.output
    assert "carl:" in said.output
    assert done.result(60).waiting == ()
    assert series.labels() == {"S001": ("ben", "aki"), "S002": ("carl", "aki"), "S003": ("ben", "references")}


def test_who_came_of_a_speaker_that_was_split_is_asked_about_by_the_same_run(series: Series) -> None:
    """S001 is Anna with a stranger among her clips: somebody splits her on the sheet while the form is open."""
    speakers = [material.Heard(id="S001", person="A", clips=8, suggestion="anna", intruder="X", intruders=2)]
    material.lay(series.studio, speakers)
    done = series.start()
    run = series.waiting(done)
    cast = casting.cast_of(series.studio)
    marked = cast.speakers[0].clips[-1:]
    said = SheetAnswer(
        id="0123456789ab", who="aki", labels={"S001": "anna"}, before={"S001": None}, split={"S001": marked}
    )
    take_answer(series.studio, cast, said)
    answer(run, who="aki")
    assert series.waiting(done, number=2) == run
    assert list(shown(run, 2)["properties"]) == ["S002", "new_names", "labelled_by", "version"]  # type: ignore[index]
    answer(run, {"S002": NOBODY}, who="aki")
    assert done.result(60).waiting == ()
    assert series.labels() == {"S001": ("anna", "aki"), "S002": (NOBODY, "aki")}


def test_an_answer_to_a_run_that_died_is_taken_in_by_the_next_one(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after the answer came, before it was made a decision."""
    with monkeypatch.context() as dies:
        take_in, lives = forms.take_in, [True]

        def dying(*arguments: Any) -> Any:
            if not lives:
                raise RuntimeError("killed")
            lives.clear()
            return take_in(*arguments)

        dies.setattr(forms, "take_in", dying)
        done = series.start()
        answer(series.waiting(done), {"S001": "ben", "S002": NOBODY}, who="mika")
        with pytest.raises(RuntimeError, match="killed"):
            done.result(60)
    assert series.labels().keys() == {"S003"}
    assert series.gate().waiting == ()
    assert series.labels()["S001"] == ("ben", "mika")
    assert series.gate().waiting == ()
    assert len(history(series.studio.store, "toy")) == 2
    assert forms.forms(series.studio) == []


def test_nobody_answers_in_time_and_nothing_is_lost(series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "labels_wait_hours", 1 / 3600)
    assert [each.speaker for each in series.gate().waiting] == ["S001", "S002"]


@pytest.mark.proof
def test_a_deployments_season_suspends_and_runs_no_finished_stage_again_after_it_was_answered(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone while people think: the run is executed twice, as a worker would."""
    scripted.write({"anna": "A", "carl": ""})
    scripted.episode(1, cast=["A", "C"])
    parameters = {"config": str(scripted.config), "store": str(scripted.store)}
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(season)
        deployment = client.create_deployment(flow_id=flow_id, name="gate")
        run = client.create_flow_run_from_deployment(deployment, parameters=parameters)

    started, run_item = list[tuple[str, str]](), Dispatcher.run

    def counted(self: Dispatcher, job: Job) -> Outcome:
        started.append((job.stage, job.identity))
        return run_item(self, job)

    monkeypatch.setattr(Dispatcher, "run", counted)

    def execute() -> FlowRun:
        with get_client(sync_client=True) as client:
            with suppress(Pause):
                run_flow(season, flow_run=client.read_flow_run(run.id), parameters=parameters)
            return client.read_flow_run(run.id)

    assert execute().state_name == "Suspended"
    first = list(started)
    assert {stage for stage, _ in first} >= {"extract", "separate", "diarize", "cut", "embed"}
    studio = open_series(scripted.config, str(scripted.store))
    assert forms.waiting_runs(studio) == (str(run.id),)
    (form,) = forms.forms(studio)
    answer(run.id, dict.fromkeys(form.prefill, "carl"), who="mika")
    assert execute().state_name == "Completed"
    assert {stage for stage, _ in started[len(first) :]} == {"clean", "train"}
    assert len(started) == len(set(started)), "nothing was run twice"
    assert scripted.keys("voices/*/current.json") == ["voices/anna/current.json", "voices/carl/current.json"]
    assert [each.who for each in history(studio.store, "toy")] == ["references", "mika"]


@pytest.fixture
def inbox() -> Iterator[tuple[str, Queue[str]]]:
    """A webhook: its address, and what it was told."""
    said: Queue[str] = Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", said
    server.shutdown()


def test_a_webhook_is_told_where_labels_are_wanted_however_often_automations_are_ensured(
    series: Series,
    inbox: tuple[str, Queue[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, said = inbox
    names = ensure_automations(address)
    with get_client(sync_client=True) as client:
        before = [client.read_automations_by_name(name) for name in names]
        ensure(["--notify", address])
        assert capsys.readouterr().out.splitlines() == list(names)
        assert [client.read_automations_by_name(name) for name in names] == before
        client.pause_automation(before[0][0].id)
        ensure_automations(address)
        assert client.read_automations_by_name(names[0])[0].enabled
    assert [len(found) for found in before] == [1, 1, 1]
    monkeypatch.setattr(settings(), "labels_wait_hours", 1 / 3600)
    time.sleep(2)  # triggers are loaded a moment after they are made
    series.gate()
    text = said.get(timeout=60)
    assert text.startswith("toy: labels are wanted\n2 speakers of toy wait for a label: open http")
    assert "/v2/runs/flow-run/" in text


def test_a_notification_block_that_is_not_there_is_said() -> None:
    with pytest.raises(SeriesError, match="has no notification block 'slack-webhook/team'"):
        ensure_automations("slack-webhook/team")


@pytest.mark.proof
def test_a_run_that_fell_silent_is_crashed_and_one_that_is_suspended_is_not() -> None:
    ensure_automations(silence_seconds=10)
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(flow_id=client.create_flow(gate), name="heartbeats")
        runs = [client.create_flow_run_from_deployment(deployment, parameters={}).id for _ in range(2)]
        time.sleep(2)
        for run in runs:
            client.set_flow_run_state(run, Running(), force=True)
            emit_event("prefect.flow-run.heartbeat", resource={"prefect.resource.id": f"prefect.flow-run.{run}"})
        time.sleep(1)
        client.set_flow_run_state(runs[1], Suspended(timeout_seconds=3600))
        for _ in range(120):
            if client.read_flow_run(runs[0]).state_name == "Crashed":
                break
            time.sleep(0.5)
        assert [client.read_flow_run(run).state_name for run in runs] == ["Crashed", "Suspended"]
    ensure_automations()


ENDLESS = """
import time
import flows
from prefect import flow

@flow
def endless():
    time.sleep(3600)

endless()
"""


@pytest.mark.proof
def test_a_run_whose_process_is_killed_is_crashed_by_the_server() -> None:
    """With the heartbeats that our flows send; nobody is left to say that the run has ended."""
    ensure_automations(silence_seconds=45)
    with get_client(sync_client=True) as client:
        known = {each.id for each in client.read_flow_runs()}
        process = subprocess.Popen(
            [sys.executable, "-c", ENDLESS],
            env={**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or "", "PYTHONPATH": str(HERE)},
        )
        try:
            run = first(lambda: [each.id for each in client.read_flow_runs() if each.id not in known])
            beat = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "resource": {"id": [f"prefect.flow-run.{run}"]}}
            first(lambda: client._client.post("/events/filter", json={"filter": beat}).json()["events"])
        finally:
            process.kill()
            process.wait()
        assert client.read_flow_run(run).state_name == "Running"
        first(lambda: [each for each in [client.read_flow_run(run)] if each.state_name == "Crashed"])
    ensure_automations()


def first(found: Callable[[], Sequence[Any]], seconds: float = 180) -> Any:
    """What is found, as soon as it is."""
    for _ in range(round(seconds / 0.5)):
        if got := found():
            return got[0]
        time.sleep(0.5)
    raise AssertionError("nothing was found in time")


@pytest.mark.proof
def test_a_season_in_a_terminal_without_a_page_asks_there_and_goes_on(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "labels_wait_hours", 0)
    monkeypatch.setattr("flows.cli.run.at_terminal", lambda: True)
    scripted.write({"anna": "A", "carl": ""}, rights="")
    scripted.episode(1, cast=["A", "C"])
    done = CliRunner().invoke(app, ["season", "--config", str(scripted.config)], input="2\n")
    assert done.exit_code == 0, done.output
    assert "1 labels were added" in done.output
    assert scripted.keys("characters/carl/clips/*.wav") != []
