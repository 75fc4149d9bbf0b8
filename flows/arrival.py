"""The event `episode.arrived`, as voicecast emits it; any program may emit the same."""

from __future__ import annotations

import hashlib

from prefect import get_client
from prefect.events import Event
from pydantic import ValidationError

from flows.deploying import check_server
from flows.deployments_forms import AS_SAID, Arrival
from tasks.series import SeriesError

ARRIVED = "episode.arrived"


def tell(file: str, *, config: str = "", store: str = "", labels: str | None = None) -> None:
    """Tell the server, and know that it has heard. Raises SeriesError for what the deployment would refuse."""
    try:
        payload = Arrival.model_validate({"file": file, "config": config, "store": store, "labels": labels or AS_SAID})
    except ValidationError as error:
        first = error.errors()[0]
        raise SeriesError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    check_server()
    event = Event(
        event=ARRIVED,
        resource={
            "prefect.resource.id": f"voicecast.episode.{hashlib.sha256(file.encode()).hexdigest()[:16]}",
            "prefect.resource.name": file,
        },
        payload=payload.model_dump(mode="json", exclude={"engines"}),
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json", exclude_none=True)]).raise_for_status()
