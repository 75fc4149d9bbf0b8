"""Serving a page from the command line: its door, its address, and the loop that ends with Ctrl-C."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from flows.cli.terminal import console, say

if TYPE_CHECKING:
    from infra.review import Desk
    from infra.review_doors import Doors, Links

D = TypeVar("D", bound="Desk")

PORT = 8484

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 for any that is free")]
Names = Annotated[list[str] | None, typer.Option("--name", help="A name people reach this service by; repeatable")]
Token = Annotated[
    str | None,
    typer.Option(envvar="VOICECAST_REVIEW_TOKEN", help="The token of the service. Default: a new one", hidden=True),
]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page is served; `token` None: a new one, which the address then tells."""

    host: str
    port: int
    names: frozenset[str]
    token: str | None

    @property
    def open_to_others(self) -> bool:
        from infra.review_doors import LOOPBACK

        return self.host not in LOOPBACK


def serve(what: str, place: Place, desk_of: Callable[[Links], D], begin: Callable[[D], None] = lambda _: None) -> None:
    """Serve a desk until Ctrl-C; `begin` starts what goes on beside it. BadParameter for a port that is taken."""
    from infra.review import server
    from infra.review_doors import Links

    doors, bound = _door(place)
    if place.open_to_others:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    links = Links(token=doors.token)
    desk = desk_of(links)
    desk.page()  # what is wrong with the series is said here, and not in a browser
    with bound:
        shown = next(iter(sorted(place.names)), socket.gethostname() if place.host in ("0.0.0.0", "::") else place.host)
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{bound.getsockname()[1]}/"
        console.print(f"{what} is open; Ctrl-C ends it.", style="dim")
        say(address if place.token else f"{address}#{doors.token}")
        begin(desk)
        server(desk, doors, links).run(sockets=[bound])


def _door(place: Place) -> tuple[Doors, socket.socket]:
    from infra.review import listening
    from infra.review_doors import LOOPBACK, Doors, new_token

    others = place.open_to_others
    machine = frozenset({socket.gethostname().lower(), socket.getfqdn().lower()}) if others else frozenset()
    try:
        doors = Doors(
            token=place.token or new_token(),
            names=LOOPBACK | machine | {each.lower() for each in place.names},
            addresses=others,
        )
        return doors, listening(place.host, place.port)
    except ValueError as error:
        raise typer.BadParameter(f"VOICECAST_REVIEW_TOKEN: {error}") from error
    except OSError as error:
        raise typer.BadParameter(
            f"{place.host}:{place.port} cannot be listened on: {error.strerror}; see --port, --host"
        ) from error
