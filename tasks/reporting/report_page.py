"""The report's page: one HTML file that opens from disk, with its styles and script inside.

Reads no store and writes no file. The media lie beside the page, below media/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from tasks.domain import NOBODY
from tasks.pages.inline_page import ENVIRONMENT, hash_of_script, inside
from tasks.reporting.report import REASONS, EpisodeReport, Report, Sound
from tasks.reporting.report_assets import AssetsPage
from tasks.reporting.report_character import CharacterPage


def render(report: Report) -> str:
    """The page, whole: styles and script are in it, and it asks for nothing but the media beside it."""
    names = {each.slug: each.name for each in report.characters}
    hues = {slug: _hue(index) for index, slug in enumerate(names)}
    timelines = {each.key: _timeline(each, names, hues) for each in report.episodes}
    return _rendered("report.html", report=report, names=names, hues=hues, timelines=timelines)


def render_character(page: CharacterPage, number: int) -> str:
    """A character's own page; `number`: its place among the characters, for its colour."""
    return _rendered("report_character.html", report=page, hues={page.character.slug: _hue(number)})


def render_assets(page: AssetsPage) -> str:
    """The page of music and effects."""
    return _rendered("report_assets.html", report=page, hues={})


def _rendered(template: str, **values: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(
        **values,
        style=Markup(_STYLE),
        script=Markup(_SCRIPT),
        script_hash=hash_of_script(_SCRIPT),
    )


def _hue(index: int) -> float:
    """Hues in degrees, neighbours far apart however many there are: steps of the golden angle."""
    return round((28 + index * 137.508) % 360, 1)


def _timeline(episode: EpisodeReport, names: Mapping[str, str], hues: Mapping[str, float]) -> dict[str, Any]:
    """Lanes, one a character or unnamed speaker: characters first, then who speaks longest."""
    lanes: dict[str, dict[str, Any]] = {}
    for turn in episode.turns:
        label = episode.labels.get(turn.speaker)
        kind = "unnamed" if label is None else "nobody" if label == NOBODY else "character"
        who = turn.speaker if label is None else label
        name = "no character" if kind == "nobody" else names.get(who, who)
        lane = lanes.setdefault(
            f"{kind} {who}", {"name": name, "kind": kind, "hue": hues.get(who, 0), "seconds": 0.0, "turns": []}
        )
        lane["seconds"] += turn.end - turn.start
        lane["turns"].append((round(turn.start, 2), round(turn.end, 2)))
    order = ("character", "unnamed", "nobody")
    ordered = sorted(lanes.values(), key=lambda lane: (order.index(lane["kind"]), -lane["seconds"], lane["name"]))
    return {
        "lanes": ordered,
        "turns": json.dumps(
            [[*turn, number] for number, lane in enumerate(ordered) for turn in lane["turns"]], separators=(",", ":")
        ),
    }


# ---------------------------------------------------------------- words for numbers


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.{1 if seconds >= 1 or seconds == 0 else 2}f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _sounds(*pairs: tuple[str, Sound | None]) -> list[dict[str, Any]]:
    """What the page's script reads of a player's layers."""
    return [
        {
            "label": label,
            "src": quote(sound.player),
            "picture": quote(sound.picture) if sound.picture else None,
            "duration": round(sound.duration, 3),
        }
        for label, sound in pairs
        if sound is not None
    ]


def _environment() -> Environment:
    made = ENVIRONMENT.overlay()
    made.filters = {
        **made.filters,
        "clock": _clock,
        "span": _span,
        "reason": lambda reason: REASONS.get(reason, reason),
    }
    made.globals = {**made.globals, "sounds": _sounds}
    return made


_ENVIRONMENT = _environment()
_STYLE = inside("report_style.html", "style") + inside("report_charts_style.html", "style")
_SCRIPT = inside("report_script.html", "script")
