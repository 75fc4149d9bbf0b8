"""A user's labels file: YAML, JSON or CSV, one line a speaker; or the answers that an exported label sheet saved.

    speaker,character          S001: endou_mamoru
    S001,endou_mamoru          S002: nobody
    S002,nobody                S003:              # not decided yet

Reading says what the file says and where it is wrong; deciding is in `labels`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from containers.contract.codec import decode
from containers.contract.errors import RequestError
from tasks.labelling.label_rules import check
from tasks.labelling.labels import LabelsError
from tasks.labelling.sheet_answer import SheetAnswer
from tasks.tables import Unreadable, decoded, delimited

SHEET = {"id", "who", "labels", "before"}
"""What tells the answers of a sheet from a file of labels."""
Pair = tuple[str, Any, Any]
"""Where it stands in the file, speaker, character."""


def read_labels_file(
    path: Path, speakers: Collection[str], characters: Collection[str], names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Speaker -> character or "nobody"; a speaker with an empty character is not decided and left out.

    `names`: display name -> character, accepted in place of the character's id. Raises LabelsError.
    """
    try:
        text = decoded(path)
    except Unreadable as error:
        raise LabelsError(f"the labels file {error}") from error
    readers = {".csv": _csv, ".tsv": _csv, ".txt": _csv, ".json": _json, ".yaml": _yaml, ".yml": _yaml}
    if path.suffix.lower() not in readers:
        raise LabelsError(f"the labels file {path.name} must end in .yaml, .json or .csv")
    said: dict[str, str] = {}
    for where, speaker, character in readers[path.suffix.lower()](text, path.name):
        for value in (speaker, character):
            if value is not None and not isinstance(value, str):
                raise LabelsError(f"{where}: names are text, got {value!r}; put it in quotes")
        if not (speaker or "").strip():
            raise LabelsError(f"{where}: the speaker is missing")
        who = (names or {}).get((character or "").strip(), (character or "").strip())
        if not who:
            continue
        if said.setdefault(speaker.strip(), who) != who:
            raise LabelsError(f"{where}: {speaker.strip()} is {said[speaker.strip()]!r} further up and {who!r} here")
        try:
            check({speaker.strip(): who}, speakers, characters)
        except LabelsError as error:
            raise LabelsError(f"{where}: {error}") from error
    return said


def read_sheet_answer(path: Path) -> SheetAnswer | None:
    """The answers that an exported sheet saved; None if the file is another one. Raises LabelsError."""
    if path.suffix.lower() != ".json":
        return None
    try:
        said = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not said.keys() >= SHEET:
        return None
    try:
        return decode(SheetAnswer, said, path.name)
    except RequestError as error:
        raise LabelsError(f"{path.name} is no answer of a label sheet as this version writes it: {error}") from error


def _csv(text: str, name: str) -> Iterator[Pair]:
    lines, skipped, delimiter = delimited(text)
    columns = (0, 1)
    for number, row in enumerate(csv.reader(lines[skipped:], delimiter=delimiter), start=skipped + 1):
        words = [cell.strip().lower() for cell in row]
        if number == skipped + 1 and {"speaker", "character"} <= set(words):
            columns = (words.index("speaker"), words.index("character"))
            continue
        if not any(words):
            continue
        if len(row) <= max(columns):
            raise LabelsError(f"{name}, line {number}: needs speaker,character, got {row[0]!r}")
        yield f"{name}, line {number}", row[columns[0]], row[columns[1]]


def _json(text: str, name: str) -> Iterator[Pair]:
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except ValueError as error:
        raise LabelsError(f"{name} is no JSON: {error}") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise LabelsError(f'{name} must be one object, {{"S001": "character", ...}}')
    for speaker, character in pairs:
        yield name, speaker, character


def _yaml(text: str, name: str) -> Iterator[Pair]:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            raise LabelsError(f"{name} must be lines of `speaker: character`")
        for key, value in node.value:
            where = f"{name}, line {key.start_mark.line + 1}"
            yield where, loader.construct_object(key, deep=True), loader.construct_object(value, deep=True)
    except yaml.YAMLError as error:
        raise LabelsError(f"{name} is no YAML: {error}") from error
