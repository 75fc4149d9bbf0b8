"""Subtitles as cues: when a line is shown, what it says, and whether it is spoken, sung or written on the picture.

Reads what `extract` saves beside a recording (SRT, ASS). Who says a line is a
hint only: an actor's name in ASS, or the name some SRT files write before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pysubs2

Kind = Literal["dialogue", "song", "sign"]

_SONG_STYLE = re.compile(
    r"\b(op|ed|song|songs|karaoke|kara|lyrics?|insert|romaji|kanji|opening|ending)\b|歌", re.IGNORECASE
)
_SIGN_STYLE = re.compile(
    r"\b(signs?|ts|typeset\w*|titles?|caption\w*|screen|notes?|staff|credits?|eyecatch|next ?ep\w*)\b|看板|字幕",
    re.IGNORECASE,
)
_KARAOKE = re.compile(r"\\[kK][fo]?\d")
_PLACED = re.compile(r"\\(pos|move|clip|org)\(")
_NOTES = re.compile("[♪♫♬♩]")
_SOUND_ONLY = re.compile(r"^\s*[\[(（［〈【][^\])）］〉】]*[\])）］〉】]\s*$", re.DOTALL)
_BRACKETED_NAME = re.compile(r"^\s*[(（［\[]([^)）］\]\n]{1,20})[)）］\]]\s*(?=\S)")
_NAME_AND_COLON = re.compile(r"^\s*([^\W\d_][^\W\d_.'・ -]*(?:[ .・-]+[^\W\d_]+)?)(?::\s+|：\s*)(?=\S)")
_HABIT = 0.3
"""Share of the lines that must begin with a name and a colon for it to be names: "Listen: go" is speech."""


class SubtitlesError(ValueError):
    """A subtitle file cannot be read; the message names the way out."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """A line as shown, seconds from the start of the episode; `text` on one line, without the speaker's name."""

    start: float
    end: float
    text: str
    speaker_name: str | None
    kind: Kind


def read_cues(data: bytes, form: Literal["srt", "ass"], name: str = "the subtitles") -> tuple[Cue, ...]:
    """The lines of a subtitle file in order of time; comments, drawings and lines without text are none."""
    try:
        events = pysubs2.SSAFile.from_string(data.decode("utf-8-sig", "replace"), format_=form)
    except (pysubs2.Pysubs2Error, ValueError, KeyError, IndexError) as error:
        raise SubtitlesError(
            f"{name} cannot be read as {form.upper()} ({error}); take it out or save it anew"
        ) from error
    lines = [event for event in events if event.is_text and event.end > max(event.start, 0)]
    named = sum(bool(_NAME_AND_COLON.match(event.plaintext)) for event in lines)
    prefixes = (_BRACKETED_NAME, _NAME_AND_COLON) if named >= _HABIT * len(lines) else (_BRACKETED_NAME,)
    found = [_cue(event, prefixes) for event in lines]
    return tuple(sorted((cue for cue in found if cue.text), key=lambda cue: (cue.start, cue.end, cue.text)))


def _cue(event: pysubs2.SSAEvent, prefixes: tuple[re.Pattern[str], ...]) -> Cue:
    text = " ".join(event.plaintext.split())
    kind = kind_of(event, text)
    speaker = event.name.strip() or None
    if kind == "dialogue" and speaker is None:
        found = next((match for prefix in prefixes if (match := prefix.match(text))), None)
        if found:
            speaker, text = found[1].strip(), text[found.end() :]
    return Cue(start=max(event.start, 0) / 1000, end=event.end / 1000, text=text, speaker_name=speaker, kind=kind)


def kind_of(event: pysubs2.SSAEvent, text: str) -> Kind:
    """Whether an event is spoken, sung or written on the picture; `text`: what it shows, on one line."""
    style = re.sub(r"[_\-.]|(?<=[a-z])(?=[A-Z0-9])", " ", event.style)
    if _KARAOKE.search(event.text) or _NOTES.search(text) or _SONG_STYLE.search(style):
        return "song"
    if _SIGN_STYLE.search(style) or _SOUND_ONLY.match(text) or (_PLACED.search(event.text) and not event.name.strip()):
        return "sign"
    return "dialogue"
