"""The label sheet's page: one HTML file with its styles, script and data inside.

The same page is served by `voicecast review`, where it asks for sounds and
hands in its answers, and opened from disk, where the sounds lie beside it and
the answers are saved as a file. Reads no store and writes no file.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from containers.contract.codec import encode
from tasks.domain import NOBODY
from tasks.label_sheet import Sheet


def render(sheet: Sheet, sounds: Mapping[str, Any] | None = None, upload: str | None = None) -> str:
    """The page.

    `sounds`: of an exported page, `clips` (speaker -> its clips' sounds) and `known` (character -> one), each
    {"of", "player", "picture"} with paths beside the page; None where a service is asked for them. `upload`: where an
    exported page puts its answer.
    """
    data = {"sheet": encode(sheet), "nobody": NOBODY, "sounds": sounds, "upload": upload}
    return _ENVIRONMENT.get_template("label_sheet.html").render(
        sheet=sheet,
        served=sounds is None,
        upload=upload is not None,
        connect=_origin(upload) if upload else "'self'" if sounds is None else "'none'",
        style=Markup(_STYLE),
        script=Markup(_SCRIPT),
        script_hash=_hash(_SCRIPT),
        data=Markup(_data(data)),
    )


def entrance() -> str:
    """The page that takes the token, from the link's end or from a person."""
    return _ENVIRONMENT.get_template("label_sheet_entrance.html").render(
        style=Markup(_STYLE), script=Markup(_ENTER), script_hash=_hash(_ENTER)
    )


def _origin(link: str) -> str:
    """The site of a link, as a content security policy names it."""
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


def _data(value: Any) -> str:
    """JSON that stands in a script element and cannot end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _inside(name: str, tag: str) -> str:
    text = Path(__file__).with_name(name).read_text("utf-8")
    return text.partition(f"<{tag}>")[2].rpartition(f"</{tag}>")[0]


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = _inside("label_sheet_style.html", "style")
_SCRIPT = "".join(_inside(f"label_sheet_{part}.html", "script") for part in ("player", "view", "hand_in"))
_ENTER = _inside("label_sheet_enter.html", "script")
