"""The gate's form in Prefect: a run waits while it is open, people answer in the dashboard or by API.

A local run pauses, a deployment's run suspends and frees its machine. Nothing
is taken from what Prefect hands back on resuming: answers are read from the
server, by the forms that the store knows, so that a run that died while it
waited has lost none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

from prefect import get_client, get_run_logger, pause_flow_run, suspend_flow_run
from prefect.client.base import ServerType, determine_server_type
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.exceptions import FlowPauseTimeout, ObjectNotFound, PrefectHTTPStatusError
from prefect.input import RunInput
from prefect.input.run_input import keyset_from_base_key
from prefect.utilities.urls import url_for
from pydantic import Field, create_model

from containers.contract.codec import decode
from infra.settings import settings
from infra.store import read_json, write_json
from tasks.domain import Suggestion
from tasks.labelling import label_form
from tasks.labelling.decisions import Labels, decide
from tasks.labelling.label_form import Form, read_answer
from tasks.labelling.label_rules import news, seen
from tasks.labelling.labels import LabelsError, Overtaken, history, load, record
from tasks.server import server_set_up
from tasks.speakers.casting import Cast
from tasks.studio import Studio

WANTED = "voicecast.labels.wanted"
"""The event that says a run waits for labels."""
POLL_SECONDS = 3
TELL: ContextVar[Callable[[str], None] | None] = ContextVar("TELL", default=None)
"""Who else is told where the form is, beside the run's log: the command line."""


class NotWaiting(LabelsError):
    """The run waits for no answer: somebody else gave one, or it has ended."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What the answers to a run's forms left: speakers for another day, and those to be asked again and why."""

    later: frozenset[str] = frozenset()
    again: dict[str, str] = field(default_factory=dict)


class _Shown(RunInput):
    """A form whose answer is read by `take_in`, since it may be of any form that was ever shown."""

    @classmethod
    def load(cls, keyset: Any, flow_run_id: UUID | None = None) -> _Shown:  # noqa: ARG003
        return cls.model_construct()


def asker() -> FlowRun | None:
    """The run that can wait for people here; None in a subflow, on the temporary server of a run, or outside a run."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.parent_task_run_id or settings().labels_wait_hours <= 0:
        return None
    return run if server_set_up() else None


def ask(studio: Studio, cast: Cast, run: FlowRun, asked: Sequence[Suggestion], again: Mapping[str, str]) -> bool:
    """Show a form and wait; False if nobody answered in time. A deployment's run ends here and begins anew."""
    labels = load(studio.store, studio.series.series)
    number = len([each for each in forms(studio) if each.run == str(run.id)]) + 1
    key = f"labels-{number}"
    form = Form(
        run=str(run.id),
        number=number,
        version=labels.version,
        prefill={each.speaker: label_form.prefill(each, labels) for each in asked},
        before=seen(labels, [each.speaker for each in asked]),
        answer=keyset_from_base_key(f"{'suspended' if run.deployment_id else 'paused'}-{key}")["response"],
    )
    write_json(studio.store, _key(studio, form), form)
    _announce(studio, run, form)
    shown, timeout = _model(studio, cast, labels, form, asked, again), int(settings().labels_wait_hours * 3600)
    if run.deployment_id:
        suspend_flow_run(wait_for_input=shown, timeout=timeout, key=key)
    try:
        pause_flow_run(wait_for_input=shown, timeout=timeout, poll_interval=POLL_SECONDS, key=key)
    except FlowPauseTimeout:
        return False
    return True


def _model(
    studio: Studio, cast: Cast, labels: Labels, form: Form, asked: Sequence[Suggestion], again: Mapping[str, str]
) -> type[RunInput]:
    """The form as Prefect's pages show it. The version is a constant of its schema: an answer to another is refused."""
    speakers = {each.id: each for each in cast.speakers}
    turns = label_form.count_turns(studio, [speakers[each.speaker] for each in asked])
    characters = studio.series.characters
    choice, names = Literal[label_form.choices(characters, form)], {slug: c.name for slug, c in characters.items()}
    fields: dict[str, Any] = {}
    for each in asked:
        speaker = speakers[each.speaker]
        text = label_form.field_text(speaker, each, names, again.get(speaker.id))
        title = label_form.field_title(speaker, turns[speaker.id])
        fields[speaker.id] = (choice, Field(form.prefill[speaker.id], title=title, description=text))
    fields["new_names"] = (str, Field("", title="Ids of new characters", description="such as S007 = kidou_yuuto"))
    fields["labelled_by"] = (str, Field(title="Labelled by", description="your name", min_length=1))
    version = f"{form.version}-{form.number}"
    fields["version"] = (Literal[version], Field(version, title="Version of the labels"))
    model: type[RunInput] = create_model("Labels", __base__=_Shown, **fields)
    model._description = label_form.description(studio.series.title or studio.series.series, characters, labels, again)
    return model


def _announce(studio: Studio, run: FlowRun, form: Form) -> None:
    """Tell who can answer: in the log, in the terminal, and by an event that automations turn into messages."""
    count, series = len(form.prefill), studio.series.series
    address = page_of(run)
    wait = f"{count} speakers of {series} wait for a label" if count > 1 else f"A speaker of {series} waits for a label"
    text = f"{wait}: open {address} and choose Resume in its menu, or run voicecast label."
    get_run_logger().warning(text)
    tell = TELL.get()
    if tell:
        tell(text)
    emit_event(
        WANTED,
        resource={"prefect.resource.id": f"voicecast.series.{series}", "prefect.resource.name": series},
        related=[{"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.role": "flow-run"}],
        payload={"series": series, "speakers": count, "address": address, "text": text},
    )


def page_of(run: FlowRun) -> str:
    """The address of a run's page, where its form is; of the newer pages, whose selects a mouse can open."""
    address = url_for("flow-run", obj_id=run.id)
    if address is None:
        return f"the page of flow run {run.name}"
    return address.replace("/runs/", "/v2/runs/") if determine_server_type() is ServerType.SERVER else address


def answer(run: UUID | str, answers: Mapping[str, str] | None = None, *, who: str, new_names: str = "") -> None:
    """Answer the form of a waiting run, as its page would; a speaker that is not named stays as it is.

    Without answers, the run only looks again at the labels in the store. Raises NotWaiting, and LabelsError with the
    server's reason for an answer that is none.
    """
    given = {**(answers or {}), "labelled_by": who, "new_names": new_names}
    with get_client(sync_client=True) as client:
        for _ in range(40):
            try:
                said = client.resume_flow_run(UUID(str(run)), run_input=given)
            except ObjectNotFound as error:
                raise NotWaiting(f"the Prefect server knows no flow run {run}") from error
            reason = getattr(said.details, "reason", None) or ""
            if said.status == SetStateStatus.ACCEPT:
                return
            if said.status == SetStateStatus.ABORT:
                raise NotWaiting(f"flow run {run} waits for no labels by now: somebody else gave them, or it has ended")
            if "schema not found" not in reason:  # the state is there a moment before the form is
                raise LabelsError(f"flow run {run} did not take the answer: {reason}")
            time.sleep(0.25)
    raise LabelsError(f"flow run {run} shows no form: {reason}")


def waiting_runs(studio: Studio) -> tuple[str, ...]:
    """Ids of the runs that wait for labels of this series, by what the store and the server know."""
    if not server_set_up():
        return ()
    return tuple(sorted({each.run for each in forms(studio) if not _given(each) and _is(each.run, "paused")}))


def take_in(studio: Studio, cast: Cast, run: FlowRun) -> Taken:
    """Make decisions of all answers that none was made of yet, be they to forms of this run or of one that died."""
    later: set[str] = set()
    again: dict[str, str] = {}
    for form in forms(studio):
        given = _given(form)
        if given:
            left, asked = _decide(studio, cast, form, given)
            if form.run == str(run.id):
                later, again = (later | left) - (form.prefill.keys() - left), asked
        if form.run != str(run.id) and _is(form.run, "final"):
            studio.store.delete(_key(studio, form))
    return Taken(later=frozenset(later), again=again)


def _decide(studio: Studio, cast: Cast, form: Form, given: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
    """Record what an answer says, once; gives the speakers left for another day, and those to be asked again."""
    store, series = studio.store, studio.series.series
    while True:
        known, labels = history(store, series), load(store, series)
        recorded = next((set(each.labels) for each in known if each.id == form.decision), None)
        found = read_answer(form, given, labels)
        again = {speaker: why for speaker, why in found.again.items() if speaker not in (recorded or ())}
        said = news(found.said, labels)
        if recorded is not None or not said:
            return set(found.later), again
        decision = replace(decide(found.who, "form", said, suggestions=cast.suggestions), id=form.decision)
        try:
            record(store, series, decision, seen=seen(labels, said))
        except Overtaken:
            continue
        get_run_logger().info("%s labelled %d speakers of %s", found.who, len(said), series)


def forms(studio: Studio) -> list[Form]:
    """The forms of runs that may still be answered, or were and not taken in; in the order they were shown in a run."""
    keys = studio.store.keys(f"{studio.home}/cast/forms/")
    found = [decode(Form, read_json(studio.store, key), key) for key in keys]
    return sorted(found, key=lambda each: (each.run, each.number))


def _key(studio: Studio, form: Form) -> str:
    return f"{studio.home}/cast/forms/{form.run}-{form.number}.json"


def _given(form: Form) -> dict[str, Any] | None:
    with get_client(sync_client=True) as client:
        try:
            given: dict[str, Any] = json.loads(client.read_flow_run_input(UUID(form.run), form.answer))
        except PrefectHTTPStatusError as error:
            if error.response.status_code == HTTPStatus.NOT_FOUND:
                return None
            raise
    return given


def _is(run: str, state: Literal["paused", "final"]) -> bool:
    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        now = client.read_flow_run(UUID(run)).state
        return now is not None and (now.is_paused() if state == "paused" else now.is_final())
    return False
