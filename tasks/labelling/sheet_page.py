"""The label sheet's page: one HTML file with its styles, script and data inside.

The same page is served by `voicecast review`, where it asks for sounds and
hands in its answers, and opened from disk, where the sounds lie beside it and
the answers are saved as a file. Reads no store and writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup

from containers.contract.codec import encode
from tasks.domain import NOBODY
from tasks.labelling.label_sheet import Sheet
from tasks.pages.inline_page import ENVIRONMENT, data_inside, hash_of_script, inside


def render(sheet: Sheet, sounds: Mapping[str, Any] | None = None, upload: str | None = None) -> str:
    """The page.

    `sounds`: of an exported page, `clips` (speaker -> its clips' sounds) and `known` (character -> one), each
    {"of", "player", "picture"} with paths beside the page; None where a service is asked for them. `upload`: where an
    exported page puts its answer.
    """
    data = {"sheet": encode(sheet), "nobody": NOBODY, "sounds": sounds, "upload": upload}
    return ENVIRONMENT.get_template("label_sheet.html").render(
        sheet=sheet,
        served=sounds is None,
        upload=upload is not None,
        connect=_origin(upload) if upload else "'self'" if sounds is None else "'none'",
        style=Markup(_STYLE),
        script=Markup(_SCRIPT),
        script_hash=hash_of_script(_SCRIPT),
        data=Markup(data_inside(data)),
    )


def entrance(what: str = "sheet", command: str = "review") -> str:
    """The page that takes the token of a page that a command serves, from the link's end or from a person."""
    return ENVIRONMENT.get_template("label_sheet_entrance.html").render(
        style=Markup(_STYLE), script=Markup(_ENTER), script_hash=hash_of_script(_ENTER), what=what, command=command
    )


def _origin(link: str) -> str:
    """The site of a link, as a content security policy names it."""
    parts = urlsplit(link)
    return f"{parts.scheme}://{parts.netloc}"


_STYLE = inside("label_sheet_style.html", "style")
_SCRIPT = "".join(inside(f"label_sheet_{part}.html", "script") for part in ("player", "view", "hand_in"))
_ENTER = inside("label_sheet_enter.html", "script")
