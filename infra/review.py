"""The review service: one page, its media and its answers over HTTP, behind a token.

It knows nothing of labels: what is shown and taken comes from a `Desk`. Files
are sent by names that the desk gave out, so that no path of a request ever
meets the disk.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.review_doors import LARGEST_ANSWER, Doors, Links, from_own_page

log = logging.getLogger("voicecast.review")

HAND_IN = "/hand-in"
"""Where an answer comes by a link, from a page that lies on a disk: without a cookie, and of no site."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FROM_A_DISK = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "PUT",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "600",
}
"""What lets a page of no site put its answer there and read what came of it; nothing else of the service says so."""


class NotThere(LookupError):
    """The desk has nothing of that name."""


class Unusable(ValueError):
    """What was sent cannot be read; the message says why."""


class Desk(Protocol):
    """What the service shows and takes."""

    def entrance(self) -> str:
        """The page for somebody without the token."""

    def page(self) -> str:
        """The page."""

    def tell(self, what: str, which: str) -> Any:
        """Something the page asks for, as JSON; NotThere if there is none."""

    def take(self, what: str, said: Any) -> tuple[int, Any]:
        """Something the page sends: HTTP status and JSON of the reply; NotThere if that cannot be sent."""

    def hand_in(self, link: str, said: Any) -> tuple[int, Any]:
        """Something that came by a link that was given out, by its secret: HTTP status and JSON of the reply."""

    def file(self, name: str) -> Path:
        """The file of a name that was given out; NotThere for any other."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any that is free. OSError says who has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=128)
    bound.set_inheritable(False)
    return bound


def server(desk: Desk, doors: Doors, links: Links) -> uvicorn.Server:
    """The service, to be run on a listening socket; requests are logged here, without what follows a `?`."""
    config = uvicorn.Config(
        application(desk, doors, links),
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def application(desk: Desk, doors: Doors, links: Links) -> ASGIApp:
    """The service without its sockets."""

    def page(request: Request) -> Response:
        inside = doors.lets_in(_cookie(request.headers), request.headers.get("authorization"))
        body, status = (desk.page(), HTTPStatus.OK) if inside else (desk.entrance(), HTTPStatus.UNAUTHORIZED)
        return HTMLResponse(body, status, headers={"Cache-Control": "no-store"})

    async def enter(request: Request) -> Response:
        said = await _said(request)
        if not isinstance(said, Mapping) or not doors.opened_by(str(said.get("token", ""))):
            return _refusal(HTTPStatus.UNAUTHORIZED, "this is not the token of this service")
        reply = JSONResponse({})
        name, tls = _cookie_name(request.headers), request.headers.get("origin", "").startswith("https://")
        reply.set_cookie(name, doors.pass_, httponly=True, samesite="lax", path="/", secure=tls)
        return reply

    def tell(request: Request) -> Response:
        found = desk.tell(request.path_params["what"], request.path_params.get("which", ""))
        return JSONResponse(found, headers={"Cache-Control": "no-store"})

    async def take(request: Request) -> Response:
        said = await _said(request)
        status, reply = await run_in_threadpool(desk.take, request.path_params["what"], said)
        return JSONResponse(reply, status, headers={"Cache-Control": "no-store"})

    async def hand_in(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=FROM_A_DISK)
        said = await _said(request)
        status, reply = await run_in_threadpool(desk.hand_in, request.query_params.get("link", ""), said)
        return JSONResponse(reply, status, headers={"Cache-Control": "no-store", **FROM_A_DISK})

    def media(request: Request) -> Response:
        name, asked = request.path_params["name"], request.query_params
        if not links.holds(name, asked.get("until"), asked.get("signature")):
            return _refusal(HTTPStatus.FORBIDDEN, "this link is over, or was never given out")
        path = desk.file(name)
        if path.is_symlink():
            log.warning("%s is a link to elsewhere and is not sent", path)
            raise NotThere(name)
        return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})

    routes = [
        Route("/", page),
        Route("/enter", enter, methods=["POST"]),
        Route(HAND_IN, hand_in, methods=["PUT", "OPTIONS"]),
        Route("/api/{what}", take, methods=["POST"]),
        Route("/api/{what}", tell),
        Route("/api/{what}/{which:path}", tell),
        Route("/media/{name}", media),
    ]
    known = {NotThere: _not_found, Unusable: _unusable}
    return _Guarded(Starlette(routes=routes, exception_handlers=known), doors)


class _Guarded:
    """Looks at every request before the service does, and logs how it ended."""

    def __init__(self, app: ASGIApp, doors: Doors) -> None:
        self._app, self._doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
                log.info("%s %s %d", scope["method"], scope["path"], message["status"])
            await send(message)

        refused = self._refused(scope["method"], scope["path"], Headers(scope=scope))
        await (refused or self._app)(scope, receive, sent)

    def _refused(self, method: str, path: str, headers: Headers) -> Response | None:
        doors, host = self._doors, headers.get("host")
        if not doors.answers_to(host):
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST, f"this service is not called {host!r:.100}; see --name")
        if path == HAND_IN and method in ("PUT", "OPTIONS"):
            return None
        asked = (headers.get("origin"), headers.get("sec-fetch-site"), headers.get("content-type"))
        if method not in ("GET", "HEAD") and not from_own_page(host, *asked):
            return _refusal(HTTPStatus.FORBIDDEN, "only this service's own page may send something here")
        if path not in ("/", "/enter") and not doors.lets_in(_cookie(headers), headers.get("authorization")):
            return _refusal(HTTPStatus.UNAUTHORIZED, "open the link that voicecast review showed first")
        return None


async def _said(request: Request) -> Any:
    """The JSON that was sent; raises Unusable."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise Unusable(f"an answer has at most {LARGEST_ANSWER} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"this is no JSON ({error})") from error


def _cookie_name(headers: Headers) -> str:
    """Browsers share cookies between the ports of a machine, so the port is in the name."""
    port = (headers.get("host") or "").rpartition(":")[2]
    return f"voicecast-review-{port if port.isdecimal() else 'web'}"


def _cookie(headers: Headers) -> str | None:
    return cookie_parser(headers.get("cookie", "")).get(_cookie_name(headers))


def _refusal(status: HTTPStatus, why: str) -> Response:
    return JSONResponse({"message": why}, status, headers={"Cache-Control": "no-store"})


def _handler(status: HTTPStatus, why: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_: Request, error: Exception) -> Response:
        return _refusal(status, why or str(error))

    return handle


_not_found = _handler(HTTPStatus.NOT_FOUND, "there is nothing of that name")
_unusable = _handler(HTTPStatus.BAD_REQUEST, "")
