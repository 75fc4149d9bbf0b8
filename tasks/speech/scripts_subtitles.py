"""Scripts as subtitles: who speaks stands in the actor's field (ASS), or before the text: `ren: Go!`, `（円堂）行くぞ`.

A text `[[takes/012.wav]]` names a source recording. Comments, signs and songs are no lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import pysubs2

from tasks.episodes.subtitles import kind_of
from tasks.series.names import folded
from tasks.speech.scripts_text import Row, ScriptError

_BEFORE = re.compile(r"^\s*(?:[(（［\[]([^)）］\]\n]{1,40})[)）］\]]|([^:：\n]{1,40})[:：])\s*(?=\S)")
_SOURCE = re.compile(r"^\s*\[\[(.+)\]\]\s*$")
_SRT_TIME = re.compile(r"^\s*\d+:\d\d:\d\d[.,]\d+\s*-->")
_ASS_EVENT = re.compile(r"^(Dialogue|Comment)\s*:")


def rows(name: str, text: str, form: str, known: Mapping[str, str], *, alone: bool = False) -> list[Row]:
    """The lines of a subtitle file in its order; `known`: names of characters, folded. `alone`: lines need not name
    anybody, so that what stands before a colon is only a name if a character has it."""
    wanted: Literal["srt", "ass"] = "ass" if form == "ass" else "srt"
    try:
        events = list(pysubs2.SSAFile.from_string(text, format_=wanted))
    except (pysubs2.Pysubs2Error, ValueError, KeyError, IndexError) as error:
        raise ScriptError(f"{name} cannot be read as {form.upper()} ({error}); save it anew") from error
    places = _places(text, _ASS_EVENT if form == "ass" else _SRT_TIME)
    if len(places) != len(events):
        raise ScriptError(f"{name} cannot be read: {len(places)} times and {len(events)} lines; save it anew")
    found = []
    for row, event in zip(places, events, strict=True):
        if event.is_comment or event.is_drawing:
            continue
        said = " ".join(event.plaintext.split())
        character = event.name.strip()
        before = _BEFORE.match(said)
        named = (before[1] or before[2]).strip() if before else ""
        if before and not character and (not alone or folded(named) in known):
            character, said = named, said[before.end() :]
        if not said or (folded(character) not in known and kind_of(event, said) != "dialogue"):
            continue
        source = _SOURCE.match(said)
        found.append(
            Row(
                row=row,
                character=character,
                text="" if source else said,
                source=source[1] if source else "",
                start=f"{max(event.start, 0) / 1000:.3f}",
                end=f"{max(event.end, 0) / 1000:.3f}",
            )
        )
    return found


def _places(text: str, mark: re.Pattern[str]) -> list[int]:
    """The line of the file, from 1, of every event."""
    return [number for number, line in enumerate(text.splitlines(), start=1) if mark.match(line)]
