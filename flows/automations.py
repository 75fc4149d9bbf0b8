"""What a Prefect server does by itself for voicecast: it tells people that labels are wanted, and ends dead runs.

`ensure_automations` brings a server to this state, whatever it was before. So does, for the server that
PREFECT_API_URL names: python -m flows.automations --notify https://hooks.example.org/...
"""

from __future__ import annotations

import argparse
from datetime import timedelta

from prefect import get_client
from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from flows.forms import WANTED
from infra.settings import settings
from tasks.series import SeriesError

SILENCE_SECONDS = 150
"""Five heartbeats (flows.DEFAULTS) that did not come; one or two may be late on a busy machine."""
RESTART_SECONDS = 90
"""A worker may tell a crash a second time, some seconds later; a run that lived again by then would be ended by it."""
WEBHOOK = "voicecast-labels"
"""The notification block that is made of a webhook's address."""


def ensure_automations(
    notify: str | None = None, silence_seconds: float = SILENCE_SECONDS, restart_seconds: float = RESTART_SECONDS
) -> tuple[str, ...]:
    """Create the automations, or bring them up to date; gives their names.

    `notify`: a webhook's address, or type/name of a notification block; default: VOICECAST_NOTIFY. With neither,
    nobody is told, and no automation pretends to. Raises SeriesError for a block the server does not have.
    """
    wanted = [_dead_runs(silence_seconds), _started_again(restart_seconds)]
    told = notify or settings().notify
    if told:
        wanted.append(_labels_wanted(_block(told)))
    for each in wanted:
        _ensure(each)
    return tuple(each.name for each in wanted)


def _ensure(wanted: Automation) -> None:
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(name=wanted.name)
        if not known:
            client.create_automation(AutomationCore(**wanted.model_dump(exclude={"id"})))
            return
        found, *twins = known
        for twin in twins:
            client.delete_automation(twin.id)
        if AutomationCore(**found.model_dump()) != AutomationCore(**wanted.model_dump()):
            client.update_automation(found.id, AutomationCore(**wanted.model_dump(exclude={"id", "owner_resource"})))


def _labels_wanted(block: str) -> Automation:
    """A message for every form that a run shows; what it says stands in the event."""
    return Automation(
        name="voicecast: labels are wanted",
        description="A season waits until somebody says who is who.",
        trigger=EventTrigger(
            expect={WANTED},
            match=ResourceSpecification({"prefect.resource.id": "voicecast.series.*"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="{{ event.payload.series }}: labels are wanted",
                body="{{ event.payload.text }}",
            )
        ],
    )


def _dead_runs(silence_seconds: float) -> Automation:
    """A run that beat and then fell silent has died, unless it said how it ended or that it lets its machine go."""
    ends = ("Completed", "Failed", "Cancelled", "Crashed", "Suspended", "Paused", "AwaitingRetry")
    return Automation(
        name="voicecast: dead runs are crashed",
        description="A run whose process was killed would stay Running for ever.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *(f"prefect.flow-run.{each}" for each in ends)},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=silence_seconds),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="Its process has died: no heartbeat came.")],
    )


def _started_again(seconds: float) -> Automation:
    """A deployment's run that crashed and was not taken up by anybody is started again (flows.lives says how often)."""
    taken_up = ("Scheduled", "AwaitingRetry", "Pending", "Running", "Completed", "Failed", "Cancelled", "Cancelling")
    return Automation(
        name="voicecast: crashed runs start again",
        description="What was finished is in the store; the run goes on with the rest.",
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={f"prefect.flow-run.{each}" for each in taken_up},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.voicecast"}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.SCHEDULED, name="AwaitingRetry", message="It died; what was finished is kept."
            )
        ],
    )


def _block(notify: str) -> str:
    """The id of the notification block that is meant."""
    if notify.startswith(("http://", "https://")):
        said = {"text": "{{subject}}\n{{body}}"}  # what Slack, Mattermost and Rocket.Chat read
        block = CustomWebhookNotificationBlock(name=WEBHOOK, url=notify, json_data=said)
        return str(block.save(WEBHOOK, overwrite=True))
    kind, _, name = notify.partition("/")
    with get_client(sync_client=True) as client:
        try:
            return str(client.read_block_document_by_name(name=name, block_type_slug=kind).id)
        except ObjectNotFound as error:
            raise SeriesError(
                f"the Prefect server has no notification block {notify!r}; make one on its Blocks page, and name it "
                "as type/name such as slack-webhook/team, or give a webhook's address"
            ) from error


def main(arguments: list[str] | None = None) -> None:
    """The command: create the automations, and say which there are now."""
    parser = argparse.ArgumentParser(prog="python -m flows.automations", description="Create voicecast's automations.")
    parser.add_argument(
        "--notify", help="a webhook, or type/name of a notification block; default: VOICECAST_NOTIFY, else nobody"
    )
    for name in ensure_automations(parser.parse_args(arguments).notify):
        print(name)


if __name__ == "__main__":
    main()
