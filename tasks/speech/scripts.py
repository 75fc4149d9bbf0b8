"""Scripts: lines to be said, from a file of a person's: CSV, SRT or ASS. Read and checked as a whole, before any work.

What is wrong is told with file and line, all of it at once. Nothing is opened here but the script itself.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.series import Character, Series
from tasks.series.names import folded, ids_by_name
from tasks.speech import scripts_csv, scripts_subtitles
from tasks.speech.readings import ReadingError, said_as
from tasks.speech.scripts_text import Row, ScriptError, decoded, seconds_of

__all__ = ["Script", "ScriptError", "ScriptLine", "read_script"]

FORMS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".srt": "srt", ".ass": "ass", ".ssa": "ass"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")
_MOST = 20
"""So many mistakes are told at once."""


@dataclass(frozen=True, kw_only=True)
class ScriptLine:
    """A line: what is said, a text or a recording of somebody saying it, by whom and when.

    `row`: where it stands in the file. `start`, `end` in seconds of the episode; None: no slot is given. `language`: of
    this text, where it is not that of the others.
    """

    number: int
    row: int
    character: str
    text: str | None = None
    source: Path | None = None
    start: float | None = None
    end: float | None = None
    notes: str = ""
    pitch_shift: float | None = None
    language: str | None = None

    @property
    def slot(self) -> float | None:
        return None if self.start is None or self.end is None else self.end - self.start

    @property
    def said(self) -> str:
        """What is said, in a person's words."""
        return self.text or (self.source.name if self.source else "")


@dataclass(frozen=True, kw_only=True)
class Script:
    """The lines of a file in its order."""

    file: Path
    lines: tuple[ScriptLine, ...]

    @property
    def characters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.character for line in self.lines))


def read_script(path: Path, characters: Mapping[str, Character], speaker: str | None = None) -> Script:
    """The script of a file; ScriptError tells everything that is wrong, with its line.

    `speaker`: who says lines that name nobody.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise ScriptError(f"{path.name}: a script is a file named {', '.join(f'*{each}' for each in FORMS)}")
    text = decoded(path)
    known = ids_by_name(characters)
    if form == "csv":
        rows = scripts_csv.rows(path.name, text)
    else:
        rows = scripts_subtitles.rows(path.name, text, form, known, alone=speaker is not None)
    wrong: list[tuple[int, str]] = []
    lines: list[ScriptLine] = []
    for row in rows:
        line = _line(row, len(lines) + 1, path.parent, known, speaker, wrong)
        lines += [line] if line else []
    wrong += _overlaps(lines)
    if wrong:
        raise ScriptError(_told(path, wrong))
    if not lines:
        raise ScriptError(f"{path.name} has no lines; a line names a character, and a text or a recording")
    return Script(file=path, lines=tuple(lines))


def check_readings(script: Script, series: Series, language: str | None = None) -> None:
    """ScriptError for readings written into lines that cannot be said; `language` where it is not the series'."""
    wrong = []
    for line in script.lines:
        try:
            said_as(series, line.text or "", line.language or language)
        except ReadingError as error:
            wrong.append((line.row, str(error)))
    if wrong:
        raise ScriptError(_told(script.file, wrong))


def check_times(script: Script, duration: float) -> None:
    """ScriptError for lines without a start, and those that begin or end after the episode."""
    wrong = []
    for line in script.lines:
        if line.start is None:
            wrong.append((line.row, "has no start; a line of an episode needs one"))
        elif max(line.start, line.end or 0) > duration:
            wrong.append((line.row, f"ends after the episode, which is {duration:.2f} s long"))
    if wrong:
        raise ScriptError(_told(script.file, wrong))


def _line(
    row: Row, number: int, folder: Path, known: Mapping[str, str], speaker: str | None, wrong: list[tuple[int, str]]
) -> ScriptLine | None:
    """The line of a row; what is wrong with it is added to `wrong`."""
    before = len(wrong)
    character = known.get(folded(row.character)) if row.character.strip() else speaker
    if character is None:
        wrong.append((row.row, _who(row.character, known)))
    text, source = row.text.strip(), row.source.strip()
    path = folder / Path(source.replace("\\", "/")).expanduser() if source else None
    if bool(text) == bool(source):
        wrong.append((row.row, "needs either a text or a source recording" + (", not both" if text else "")))
    elif path and not path.is_file():
        wrong.append((row.row, f"its source {source} is no file (looked for {path})"))
    times: dict[str, float | None] = {}
    for name, said in (("start", row.start), ("end", row.end)):
        times[name] = seconds_of(said)
        if said.strip() and times[name] is None:
            wrong.append((row.row, f"{name} {said.strip()!r} is no time; write 62.5 or 00:01:02.500"))
    start, end = times["start"], times["end"]
    if end is not None and start is None and not row.start.strip():
        wrong.append((row.row, "has an end and no start"))
    if start is not None and end is not None and end <= start:
        wrong.append((row.row, f"ends at {end:g} s, which is not after its start at {start:g} s"))
    shift = _shift(row, wrong)
    language = row.language.strip().lower().replace("_", "-")
    if language and not _LANGUAGE.fullmatch(language):
        wrong.append((row.row, f"language {row.language.strip()!r} is no code of ISO 639, such as ja or en"))
    if len(wrong) > before or character is None:
        return None
    return ScriptLine(
        number=number,
        row=row.row,
        character=character,
        text=text or None,
        source=path,
        start=start,
        end=end,
        notes=row.notes.strip(),
        pitch_shift=shift,
        language=language or None,
    )


def _shift(row: Row, wrong: list[tuple[int, str]]) -> float | None:
    said = row.pitch_shift.strip().replace(",", ".")
    if not said:
        return None
    try:
        shift = float(said)
    except ValueError:
        shift = math.nan
    if not -24 <= shift <= 24:
        wrong.append((row.row, f"pitch_shift {said!r} is no number of semitones from -24 to 24"))
        return None
    return shift


def _overlaps(lines: Sequence[ScriptLine]) -> list[tuple[int, str]]:
    """Lines of one character that begin before the one before is over."""
    wrong = []
    last: dict[str, ScriptLine] = {}
    for line in sorted((each for each in lines if each.start is not None), key=lambda each: each.start or 0):
        before = last.get(line.character)
        if before and line.start is not None and before.start is not None:
            end = before.start + 0.001 if before.end is None else before.end
            if line.start < end - 1e-6:
                wrong.append(
                    (
                        line.row,
                        f"{line.character} begins at {line.start:g} s, still saying line {before.row} of the file",
                    )
                )
        if before is None or (line.end or line.start or 0) >= (before.end or before.start or 0):
            last[line.character] = line
    return wrong


def _who(name: str, known: Mapping[str, str]) -> str:
    there = ", ".join(dict.fromkeys(known.values()))
    if not name.strip():
        return f"names no character; there are {there}"
    near = difflib.get_close_matches(folded(name), list(known), 1)
    hint = f" (did you mean {known[near[0]]}?)" if near else ""
    return f"{name.strip()!r} is no character of the series file{hint}; there are {there}"


def _told(path: Path, wrong: Iterable[tuple[int, str]]) -> str:
    found = sorted(wrong)
    lines = [f"  line {row}: {what}" for row, what in found[:_MOST]]
    rest = [f"  and {len(found) - _MOST} more"] if len(found) > _MOST else []
    return "\n".join([f"{path} has {len(found)} mistake(s), and nothing was said:", *lines, *rest])
