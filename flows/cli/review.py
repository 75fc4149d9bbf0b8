"""review: listen and say who is who, on a page; served from here, or written to a folder."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import gate
from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.serving import PORT, Host, Names, Place, Port, Token, serve
from flows.cli.terminal import say, stage_bars
from tasks.speakers import casting
from tasks.studio import Studio

if TYPE_CHECKING:
    from flows.review import SheetDesk

LOOK_SECONDS = 30


def add_to(app: typer.Typer) -> None:
    app.command()(review)


def review(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    host: Host = "127.0.0.1",
    port: Port = PORT,
    name: Names = None,
    token: Token = None,
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
            _serve(able, Place(host=host, port=port, names=frozenset(name or ()), token=token))


def _export(studio: Studio, folder: Path, upload_to: str | None, days: int) -> None:
    from flows.sheet_export import export, upload_link

    link = upload_link(studio, upload_to, timedelta(days=days)) if upload_to else None
    page = export(studio, folder, link)
    say(f"Open {page.absolute()} in a browser, or give the folder {folder} to somebody who can.")
    if link:
        say(f"It hands in once, within {days} days, to {upload_to}. Whoever has the folder may: send it as a secret.")
    say("What is saved there is taken in by: voicecast label --file FILE")


def _serve(studio: Studio, place: Place) -> None:
    from flows.review import SheetDesk, wake

    def beside(desk: SheetDesk) -> None:
        threading.Thread(target=desk.make_sounds, daemon=True).start()
        threading.Thread(target=_look_for_answers, args=(desk,), daemon=True).start()

    serve("The label sheet", place, lambda links: SheetDesk(studio, links, wake), beside)


def _look_for_answers(desk: SheetDesk) -> None:
    """What was uploaded to a bucket tells nobody: look for it."""
    while True:
        try:
            desk.take_in()
        except Exception:
            logging.getLogger("voicecast.review").exception("answers that were uploaded could not be taken in")
        time.sleep(LOOK_SECONDS)
