"""Exports: a character's data set in the form another tool reads, from the one manifest.

Needs the rights that training needs. Reads any store, writes one folder that
appears whole: clips, the format's own lists, README.md with the rights,
manifest.jsonl with the provenance of every clip.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from infra.store import write_json
from tasks.exporting import exports_audiofolder, exports_gpt_sovits, exports_lhotse, exports_ljspeech, exports_wavs
from tasks.exporting.exports_folder import check_free, write_folder
from tasks.exporting.exports_material import ExportError, Layout, Material, clip_bytes, gather
from tasks.exporting.exports_readme import readme
from tasks.studio import Studio
from tasks.trust import audit
from tasks.trust.provenance import now

FORMATS: MappingProxyType[str, Callable[[Material], Layout]] = MappingProxyType(
    {
        "wavs": exports_wavs.layout,
        "lhotse": exports_lhotse.layout,
        "audiofolder": exports_audiofolder.layout,
        "gpt-sovits": exports_gpt_sovits.layout,
        "ljspeech": exports_ljspeech.layout,
    }
)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written; `without_text`: kept clips that the format could not take."""

    folder: Path
    clips: int
    seconds: float
    without_text: int


def export(studio: Studio, character: str, format: str, output: Path) -> Exported:
    """Write a character's data set to `output`; RightsError, NoVoice or ExportError, and nothing is written."""
    if format not in FORMATS:
        raise ExportError(f"--format {format}: there is none of that name; there are {', '.join(FORMATS)}")
    check_free(output)
    material = gather(studio, character)
    layout = FORMATS[format](material)
    audit.rights_seen(studio.store, material.series, character, dict(material.rights))
    audit.append(studio.store, material.series, "export", character=character, format=format, clips=len(layout.clips))
    write_folder(output, _files(studio, material, layout, format))
    said = {"character": character, "format": format, "folder": str(output.absolute()), "time": now()}
    write_json(studio.store, f"{studio.home}/exports/{character}/{uuid.uuid4().hex[:12]}.json", said)
    return Exported(
        folder=output,
        clips=len(layout.clips),
        seconds=sum(each.duration for each in layout.clips),
        without_text=len(material.utterances) - len(layout.clips),
    )


def _files(studio: Studio, material: Material, layout: Layout, format: str) -> Iterator[tuple[str, bytes]]:
    rows = [{**each.row, "file": f"{layout.folder}/{each.file}"} for each in layout.clips]
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    yield "README.md", readme(material, layout, format).encode()
    yield "manifest.jsonl", lines.encode()
    yield from layout.texts.items()
    for each in layout.clips:
        yield f"{layout.folder}/{each.file}", clip_bytes(studio, each.key, each.sha256)
