"""A series file, read; and its mistakes, each by its line and the way out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from tasks.series.characters import Character, Document, Rights
from tasks.series.choices import CastSize, Dereverb, Keep, Quality, Questions, Separate, Targets
from tasks.series.fields import SeriesError, Wrong
from tasks.series.series import Series
from tasks.speech.words import KINDS, Word


class _Loader(yaml.SafeLoader):
    """YAML without dates: they stay text, and are checked with all other fields."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_series(path: Path) -> Series:
    """The series of a file; SeriesError names the line and the fix."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        folder = shlex.quote(str(path.parent))
        raise SeriesError(
            f"{path} is not there; name yours with --config FILE (or VOICECAST_CONFIG), "
            f"or write one with: voicecast init {folder}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SeriesError(f"{path} cannot be read as UTF-8 text: {error}") from error
    try:
        data = yaml.load(text, Loader=_Loader)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        said = str(getattr(error, "problem", error))
        hint = "; YAML is indented by spaces, and never by tabs" if r"'\t'" in said else ""
        raise SeriesError(f"{path}: {line}this is not YAML ({said}){hint}") from error
    if not isinstance(data, dict):
        raise SeriesError(f"{path} must hold fields such as `series:` and `episodes:`; see voicecast init")
    try:
        if "folder" in data:  # a field of the value, but none of the file
            data = {**data, "folder:": data["folder"]}
        return Series.model_validate({**data, "folder": path.parent.resolve()})
    except ValidationError as error:
        found = [_complaint(each, node, text) for each in error.errors()]
        raise SeriesError(f"{path} has {len(found)} mistake(s):\n" + "\n".join(found)) from error


def _complaint(error: Any, node: yaml.Node | None, text: str) -> str:
    wrong = error.get("ctx", {}).get("error")
    path = [str(part).rstrip(":") for part in error["loc"] if part not in ("[key]", *KINDS)]
    path += wrong.path if isinstance(wrong, Wrong) else ()
    line = _line_of(node, path)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"is no field here (a typing mistake? fields are: {', '.join(_fields_beside(path))})"
    elif error["type"].startswith("date"):
        message = f"{message.removeprefix('Input ')}; write it as 2026-11-22"
    elif error["type"] == "missing":
        message = "is missing; add it"
    elif error["type"] == "string_pattern_mismatch" and path[:1] in (["series"], ["characters"]):
        message = "may hold only a-z, 0-9, _ and - (the name people see goes into `name:` or `title:`)"
    elif error["type"] == "string_pattern_mismatch" and path == ["language"]:
        message = "must be two or three small letters (ISO 639), such as ja or en"
    elif error["type"] in ("model_type", "dict_type", "dataclass_type") and path[-1:] == ["rights"]:
        message = 'must say whose word it is: {basis: "licence from ...", by: "who granted it", date: 2026-11-22}'
    shown = text.splitlines()[line - 1].strip() if 0 < line <= len(text.splitlines()) else ""
    return f"  line {line}: {'.'.join(path) or 'the file'} {message}" + (f"   [{shown}]" if shown else "")


def _fields_beside(path: list[str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "targets": Targets,
        "cast_size": CastSize,
        "rights": Rights,
        "document": Document,
        "questions": Questions,
        "quality": Quality,
        "dereverb": Dereverb,
        "separate": Separate,
        "keep": Keep,
    }
    if len(path) == 1:
        return [name for name in Series.model_fields if name != "folder"]
    if path[0] == "characters" and len(path) == 3:
        return list(Character.model_fields)
    if path[0] == "dictionary":
        return list(Word.model_fields)
    return list(models.get(path[-2], Series).model_fields)


def _line_of(node: yaml.Node | None, path: list[str]) -> int:
    """The line (from 1) of a field, or of the nearest one above it that is there."""
    line = node.start_mark.line + 1 if node else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line
