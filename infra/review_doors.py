"""Who may come in to the review service, and with which links: decided from a request's headers alone.

Three dangers are met here. Somebody without the token: every request but the
entrance needs it, as a cookie or a header; but an answer may come by a link
that was given out for it, which the desk knows. A page of another site in the
browser of somebody with the cookie: what changes something is taken from this
site's own pages only. A name of another site that is made to point here (DNS
rebinding): only names that the service was told are answered.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

LARGEST_ANSWER = 1 << 20
"""Bytes; a sheet of a thousand speakers is a tenth of it."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def new_token() -> str:
    """A token nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """The service's token and the names it answers to; `addresses`: it also answers to addresses in figures,
    which no other site's name can be."""

    token: str
    names: frozenset[str] = LOOPBACK
    addresses: bool = False

    def __post_init__(self) -> None:
        if len(self.token) < 16:
            raise ValueError("a token needs 16 characters or more; without one a good one is made")

    @property
    def pass_(self) -> str:
        """What the cookie holds: made from the token, and the token cannot be made from it."""
        return _signed(self.token, "cookie")

    def answers_to(self, host: str | None) -> bool:
        """Whether a Host header names this service."""
        name = _name(host)
        return name is not None and (name in self.names or (self.addresses and _is_address(name)))

    def opened_by(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())

    def lets_in(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether a request shows the cookie, or the token itself as `Bearer`."""
        bearer = (authorization or "").removeprefix("Bearer ") if authorization else ""
        return self.opened_by(bearer) or hmac.compare_digest((cookie or "").encode(), self.pass_.encode())


def from_own_page(host: str | None, origin: str | None, site: str | None, content_type: str | None) -> bool:
    """Whether a POST comes from a page of this service, as its browser says, or from a program.

    A page of another site cannot leave out Origin, nor send JSON without asking first, which nobody allows.
    """
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        return False
    if site not in (None, "same-origin"):
        return False
    return origin is None or urlsplit(origin).netloc.lower() == (host or "").lower() != ""


@dataclass(frozen=True, kw_only=True)
class Links:
    """Signs links to media, each for one name and for a while."""

    token: str
    seconds: int = 900

    def sign(self, name: str, now: float | None = None) -> str:
        """The link, relative to the service's address."""
        until = int((time.time() if now is None else now) + self.seconds)
        return f"media/{name}?until={until}&signature={self._signature(name, until)}"

    def holds(self, name: str, until: str | None, signature: str | None, now: float | None = None) -> bool:
        """Whether a link was signed here, for just this name, and is not over."""
        if not (until or "").isdecimal() or len(until or "") > 12:
            return False
        good = hmac.compare_digest((signature or "").encode(), self._signature(name, int(until or 0)).encode())
        return good and int(until or 0) >= (time.time() if now is None else now)

    def _signature(self, name: str, until: int) -> str:
        return _signed(self.token, f"media\n{name}\n{until}")


def _signed(token: str, text: str) -> str:
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


def _name(host: str | None) -> str | None:
    """The name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host or ''}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
