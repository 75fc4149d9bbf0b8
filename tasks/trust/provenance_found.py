"""What a sound file tells of where it came from: tags, manifest, watermark, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infra.signing import anchors
from infra.signing_c2pa import Credentials, read
from infra.watermark_detector import detect, detectors
from infra.watermarks import watermark_plug_in
from tasks.trust.provenance import statement_in
from tasks.trust.provenance_tags import READABLE, kind_in, texts_in
from tasks.trust.watermarking import bits_of_ours

Verdict = Literal["marked", "unsigned", "changed", "unmarked", "unreadable"]
EXIT_CODES: Mapping[Verdict, int] = {"marked": 0, "unsigned": 10, "changed": 11, "unmarked": 12, "unreadable": 2}
_SURE = 0.5


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A watermark: `checked` by which engine or plug-in (None: none is here), and how sure it is, 0 to 1 (None: it
    cannot read the file). `our_bits`: how many bits of the message are those of our own marks; chance makes 8 of 16."""

    checked: str | None = None
    certainty: float | None = None
    our_bits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is in a file. `tags`: our statement, if the tags hold it; `problem`: why it could not be read.

    marked: a valid signed manifest says synthetic · unsigned: tags or watermark say so, and no signature holds it ·
    changed: there is a manifest and the file no longer agrees with it · unmarked: nothing says so.
    """

    file: str
    verdict: Verdict
    kind: str | None = None
    tags: Mapping[str, Any] | None = None
    credentials: Credentials | None = None
    watermark: Mark | None = None
    problem: str | None = None


def inspect(path: Path, trusted: bytes = b"") -> Found:
    """What a file tells; never an error for what is in it. `trusted`: more certificates (PEM) that are known."""
    try:
        with open(path, "rb") as stream:
            kind = kind_in(stream)
            if kind is None:
                return _unreadable(path, "no WAV, FLAC, MP3, MP4, Matroska or Ogg file")
            tags = statement_in(texts_in(stream, kind))
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))
    said = read(path, READABLE.get(kind, kind), anchors() + trusted)
    mark = _watermark(path)
    return Found(
        file=str(path),
        verdict=_verdict(tags, said, mark),
        kind=kind,
        tags=tags,
        credentials=said,
        watermark=mark,
    )


def worst(found: list[Found]) -> int:
    """The exit code of several files: that of the one with the least to say for itself."""
    order = list(EXIT_CODES.values())
    return max((EXIT_CODES[each.verdict] for each in found), key=order.index, default=0)


def _verdict(tags: Mapping[str, Any] | None, said: Credentials, mark: Mark) -> Verdict:
    if said.state == "invalid":
        return "changed"
    if said.state in ("valid", "trusted") and said.synthetic:
        return "marked"
    return "unsigned" if tags or (mark.certainty or 0) >= _SURE else "unmarked"


def _watermark(path: Path) -> Mark:
    """What the surest of those says who can be asked here."""
    marks = []
    for engine in detectors():
        found = detect(engine, path)
        if found is None:
            marks.append(Mark(checked=engine.name))
        else:
            name, said = found
            marks.append(Mark(checked=name, certainty=said.certainty, our_bits=bits_of_ours(said.message)))
    if plug_in := watermark_plug_in():
        marks.append(Mark(checked=plug_in.name, certainty=plug_in.detect(path.read_bytes())))
    return max(marks, key=lambda mark: mark.certainty or 0.0, default=Mark())


def _unreadable(path: Path, problem: str) -> Found:
    return Found(file=str(path), verdict="unreadable", problem=problem)
