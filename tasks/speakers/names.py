"""Names as subtitles and cast lists write them, and whose they are."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks.series import Series, SeriesError
from tasks.tables import decoded, delimited

NOISE = re.compile(r"[\s・･·'’.,_\-]+|[(（\[【][^)）\]】]*[)）\]】]")
"""What names are written with or without: spaces, dots, and remarks in brackets such as (off)."""
HONORIFIC = re.compile(r"(さん|くん|君|ちゃん|様|さま|先輩|せんぱい|監督)$")


def character_names(series: Series) -> dict[str, str]:
    """Every way to write a character's name, folded -> the character; a name that two share is nobody's."""
    found: dict[str, str | None] = {}
    for slug, character in series.characters.items():
        for name in {folded(each) for each in (slug, character.name, *character.aliases)}:
            found[name] = slug if found.get(name, slug) == slug else None
    return {name: slug for name, slug in found.items() if slug and name}


def whose(name: str, names: Mapping[str, str]) -> str | None:
    """The character a name means, with or without an honorific; None for anybody else.

    >>> whose("円堂 くん", {"円堂": "endou_mamoru"}), whose("Teacher A", {"円堂": "endou_mamoru"})
    ('endou_mamoru', None)
    """
    plain = folded(name)
    return names.get(plain) or names.get(HONORIFIC.sub("", plain))


def folded(name: str) -> str:
    return NOISE.sub("", unicodedata.normalize("NFKC", name)).casefold()


def casts_of(series: Series) -> dict[str, frozenset[str]]:
    """Episode -> the characters on its cast list, if it has one. SeriesError for a bad file."""
    told = series.casts if isinstance(series.casts, dict) else _read(series.folder / series.casts)
    names = character_names(series)
    return {
        episode: frozenset(slug for each in people if (slug := whose(each, names))) for episode, people in told.items()
    }


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    """A YAML or JSON mapping of lists, or CSV lines `episode,name,name ...`."""
    try:
        text = decoded(path)
        if path.suffix.lower() == ".csv":
            lines, skipped, delimiter = delimited(text)
            rows = [[cell.strip() for cell in row] for row in csv.reader(lines[skipped:], delimiter=delimiter) if row]
            found: dict[str, list[str]] = {}
            for episode, *people in rows:
                found.setdefault(episode, []).extend(name for name in people if name)
            return {episode: tuple(people) for episode, people in found.items()}
        said: Any = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise SeriesError(f"casts: {path} cannot be read ({error}); correct it, or leave `casts` out") from error
    if not isinstance(said, dict) or not all(isinstance(people, list) for people in said.values()):
        raise SeriesError(f"casts: {path} must hold lines such as `s01e01: [endou_mamoru, gouenji]`")
    return {str(episode): tuple(str(name) for name in people) for episode, people in said.items()}
