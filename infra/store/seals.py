"""Seals: a JSON document of the store carries the hash of itself, so that one changed bit in it is seen.

The seal is the last field, `"~sha256"`: the SHA-256 of all bytes before it. Documents without one (of older
versions, or of other programs) are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

FIELD = "~sha256"
TAIL = f'"{FIELD}":"{"0" * 64}"}}\n'.encode()


class Unreadable(ValueError):
    """A document is no JSON, or not what was sealed."""


def sealed(document: bytes) -> bytes:
    """A canonical JSON object with its seal.

    >>> sealed(b'{"a":1}\\n')[:18]
    b'{"a":1,"~sha256":"'
    """
    body = document[: -len(b"}\n")]
    body += b"," if body != b"{" else b""
    return body + f'"{FIELD}":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode()


def opened(document: bytes) -> Any:
    """The JSON value of a document, without its seal; Unreadable if it is not whole."""
    try:
        value = json.loads(document)
    except ValueError as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        return value
    if _looks_sealed(document) or FIELD in value:
        body = document[: -len(TAIL)]
        if value.pop(FIELD, None) != hashlib.sha256(body).hexdigest() or document[-2:] != b"}\n":
            raise Unreadable("its bytes are not those that were written")
    return value


def _looks_sealed(document: bytes) -> bool:
    """Whether it ends as a sealed one does, even with one byte of that damaged."""
    end = document[-len(TAIL) :]
    fixed = [place for place, byte in enumerate(TAIL) if byte != ord("0")]
    return len(end) == len(TAIL) and sum(end[place] != TAIL[place] for place in fixed) <= 1
