"""review: listen and say who is who, on a page; served from here, or written to a folder."""

from __future__ import annotations

import logging
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import gate
from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import console, say, stage_bars
from tasks import casting
from tasks.studio import Studio

if TYPE_CHECKING:
    from flows.review import SheetDesk

PORT = 8484
LOOK_SECONDS = 30


def add_to(app: typer.Typer) -> None:
    app.command()(review)


def review(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any that is free")] = PORT,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="A name people reach this service by; repeatable")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="VOICECAST_REVIEW_TOKEN", help="The token of the service. Default: a new one", hidden=True),
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the sheet to this folder instead: a page that opens from disk")
    ] = None,
    upload_to: Annotated[
        str | None,
        typer.Option(help="With --export: the page hands in to this review service, or by a link of a bucket: store"),
    ] = None,
    upload_days: Annotated[int, typer.Option(help="For how long it may", min=1, max=7)] = 7,
) -> None:
    """Listen and decide who is who on a page in the browser; several people can, at the same time."""
    from infra.slots import MachineSlots
    from tasks.opening import with_engines

    studio = opened(config, store, series)
    gate.settle(studio, casting.cast_of(studio), "ask")
    with stage_bars() as bars:
        able = with_engines(studio, MachineSlots(), bars)
        if export:
            _export(able, export, upload_to, upload_days)
        else:
            _serve(able, host, port, frozenset(name or ()), token)


def _export(studio: Studio, folder: Path, upload_to: str | None, days: int) -> None:
    from flows.sheet_export import export, upload_link

    link = upload_link(studio, upload_to, timedelta(days=days)) if upload_to else None
    page = export(studio, folder, link)
    say(f"Open {page.absolute()} in a browser, or give the folder {folder} to somebody who can.")
    if link:
        say(f"It hands in once, within {days} days, to {upload_to}. Whoever has the folder may: send it as a secret.")
    say("What is saved there is taken in by: voicecast label --file FILE")


def _serve(studio: Studio, host: str, port: int, names: frozenset[str], token: str | None) -> None:
    from flows.review import SheetDesk, wake
    from infra.review import listening, server
    from infra.review_doors import LOOPBACK, Doors, Links, new_token

    open_to_others = host not in LOOPBACK
    machine = frozenset({socket.gethostname().lower(), socket.getfqdn().lower()}) if open_to_others else frozenset()
    try:
        doors = Doors(
            token=token or new_token(),
            names=LOOPBACK | machine | {each.lower() for each in names},
            addresses=open_to_others,
        )
        bound = listening(host, port)
    except ValueError as error:
        raise typer.BadParameter(f"VOICECAST_REVIEW_TOKEN: {error}") from error
    except OSError as error:
        raise typer.BadParameter(
            f"{host}:{port} cannot be listened on: {error.strerror}; see --port, --host"
        ) from error
    if open_to_others:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    desk = SheetDesk(studio, Links(token=doors.token), wake)
    desk.page()  # what is wrong with the series is said here, and not in a browser
    with bound:
        shown = next(iter(sorted(names)), socket.gethostname() if host in ("0.0.0.0", "::") else host)
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{bound.getsockname()[1]}/"
        console.print("The label sheet is open; Ctrl-C ends it.", style="dim")
        say(address if token else f"{address}#{doors.token}")
        threading.Thread(target=desk.make_sounds, daemon=True).start()
        threading.Thread(target=_look_for_answers, args=(desk,), daemon=True).start()
        server(desk, doors, Links(token=doors.token)).run(sockets=[bound])


def _look_for_answers(desk: SheetDesk) -> None:
    """What was uploaded to a bucket tells nobody: look for it."""
    while True:
        try:
            desk.take_in()
        except Exception:
            logging.getLogger("voicecast.review").exception("answers that were uploaded could not be taken in")
        time.sleep(LOOK_SECONDS)
