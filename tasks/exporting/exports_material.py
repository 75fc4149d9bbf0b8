"""What there is to export of a character: kept clips with their provenance, and the rights they stand on.

A format is a pure function from this to a Layout: where clips lie, and the texts beside them.
"""

from __future__ import annotations

import hashlib
import io
import json
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.clips import clean_ledger, data_sets
from tasks.labelling import labels
from tasks.speakers import casting
from tasks.studio import Studio
from tasks.trust.rights import check_rights, recorded


class ExportError(ValueError):
    """Nothing was exported; the message says why, and what to do about it."""


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A clip of the data set; `name`: its file without ending; `row`: its row of `manifest.jsonl`.

    `samples` and `sample_rate_hz` as its WAV's header says. `text` is one line; None where nobody knows the words.
    """

    name: str
    key: str
    sha256: str
    samples: int
    sample_rate_hz: int
    text: str | None
    row: Mapping[str, Any]

    @property
    def duration(self) -> float:
        return self.samples / self.sample_rate_hz

    @property
    def file(self) -> str:
        return f"{self.name}.wav"


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that is exported of one character; `language` is ISO 639."""

    series: str
    title: str
    character: str
    name: str
    language: str
    rights: Mapping[str, str]
    utterances: tuple[Utterance, ...]

    @property
    def with_text(self) -> tuple[Utterance, ...]:
        """Those whose words are known; ExportError if there are none."""
        found = tuple(each for each in self.utterances if each.text)
        if not found:
            raise ExportError(
                f"no clip of {self.character} has a text, which this format needs. Put subtitles (.srt, .ass) beside "
                "the episodes or use episodes that carry them, run voicecast dataset again, or export another format"
            )
        return found


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A format's folder: `clips` go to `folder`, `texts` are files (path -> contents), `use` says how to load it.

    `card`: fields of the README's YAML head, for tools that read one.
    """

    folder: str
    clips: tuple[Utterance, ...]
    texts: Mapping[str, bytes]
    use: str
    card: Mapping[str, Any] = field(default_factory=dict)


def gather(studio: Studio, character: str) -> Material:
    """The character's kept clips; RightsError, NoVoice or ExportError with the way out."""
    about = check_rights(studio, character, "export")
    _check_current(studio, character)
    home = f"{studio.home}/characters/{character}"
    rows = [json.loads(line) for line in studio.store.read(f"{home}/manifest.jsonl").splitlines()]
    kept = [row for row in rows if row["verdict"] == "kept" and row["file"]]
    if not kept:
        raise ExportError(f"the data set of {character} holds no clip; voicecast status says what is missing")
    return Material(
        series=studio.series.series,
        title=studio.series.title or studio.series.series,
        character=character,
        name=about.name,
        language=studio.series.language,
        rights=recorded(about.rights),
        utterances=tuple(_utterance(studio, home, row) for row in kept),
    )


def _check_current(studio: Studio, character: str) -> None:
    """ExportError unless the data set is what labels and series file ask for now, rejected clips left out."""
    made, cast = data_sets.load_data_set(studio, character), casting.load_cast(studio)
    if made is None or cast is None:
        raise ExportError(f"{character} has no data set yet; run: voicecast dataset (or voicecast season)")
    counted = labels.load(studio.store, studio.series.series)
    if made.identity != data_sets.identity_of(studio, cast, counted, character):
        raise ExportError(
            f"the data set of {character} is older than its labels, the series file or this version of voicecast; "
            "run: voicecast dataset"
        )


def _utterance(studio: Studio, home: str, row: Mapping[str, Any]) -> Utterance:
    key, name = f"{home}/{row['file']}", clean_ledger.clip_name(row["clip"])
    data = clip_bytes(studio, key, row["cleaned"]["sha256"])
    with wave.open(io.BytesIO(data)) as sound:
        samples, rate = sound.getnframes(), sound.getframerate()
    text = one_line(row["text"] or "")
    return Utterance(
        name=name,
        key=key,
        sha256=row["cleaned"]["sha256"],
        samples=samples,
        sample_rate_hz=rate,
        text=text or None,
        row=row,
    )


def clip_bytes(studio: Studio, key: str, sha256: str) -> bytes:
    """A clip's WAV from any store; ExportError if it is not the one that the manifest names."""
    with studio.store.using(key, sha256) as path:
        data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ExportError(f"{key} is not the clip that its manifest names; delete it and run: voicecast dataset")
    return data


def one_line(text: str) -> str:
    """A text without line breaks, tabs and other control characters, which end a row of most lists."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def field_of_list(text: str) -> str:
    """A text for a list whose fields end at a bar: the bar as its full-width twin."""
    return one_line(text).replace("|", "\N{FULLWIDTH VERTICAL LINE}")


def provenance(each: Utterance) -> dict[str, Any]:
    """The row of the manifest, without the fields that a format says in its own way."""
    return {name: value for name, value in each.row.items() if name not in ("text", "file")}
