"""What is kept of a dub: the slot-fit table, the record, the signed track, and its entry in the audit log."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from containers.contract.stages import LineMixed, MixResult, MuxResult
from infra.store import find_json, write_json
from tasks.speech.dubbing_plan import Replaced, Unsaid, fit_of
from tasks.speech.saying import Said
from tasks.speech.scripts import Script, ScriptLine
from tasks.studio import Made, Stored, Studio
from tasks.trust import audit
from tasks.trust.provenance import TrackProvenance, Voice, marked, now
from tasks.trust.rights import recorded
from tasks.voices import Card


@dataclass(frozen=True, kw_only=True)
class How:
    """How an episode is dubbed. `name`: of the dub within the episode; `language`: ISO 639, of the texts and the track.

    `slowest`, `fastest`: bounds of a line's pace. `default`: players choose the new track.
    """

    name: str
    language: str
    slowest: float = 0.85
    fastest: float = 1.25
    unsaid: Unsaid = "original"
    default: bool = False
    title: str | None = None


@dataclass(frozen=True, kw_only=True)
class LineDone:
    """A line of a script that was said, or why it was not."""

    line: ScriptLine
    said: Said | None = None
    problem: str | None = None


def of_video(video: Made[MuxResult]) -> dict[str, Any]:
    return {
        "tracks": [asdict(each) for each in video.result.tracks],
        "track": video.result.track,
        "left_out": list(video.result.left_out),
        "engine": video.engine,
    }


def table_of(done: Sequence[LineDone], mixed: MixResult, levels: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    """The slot-fit table, a row a line of the script."""
    results = iter(zip(mixed.lines, levels, strict=True))
    rows = []
    for each in done:
        line = each.line
        row: dict[str, Any] = {
            "line": line.number,
            "row": line.row,
            "character": line.character,
            "said": line.said,
            "start": line.start,
            "end": line.end,
            "slot": None if line.slot is None else round(line.slot, 3),
        }
        if each.said and each.said.pace:
            at, level = next(results)
            row |= _fitted(each.said, line, at) | {"loudness_lufs": at.loudness_lufs, "loudness_of": level[1]}
        else:
            row |= {"fit": "not said", "problem": each.problem}
        rows.append({**row, "notes": line.notes})
    return _with_collisions(rows)


def _fitted(said: Said, line: ScriptLine, at: LineMixed) -> dict[str, Any]:
    pace = said.pace
    assert pace
    over = 0.0 if line.slot is None else max(0.0, said.duration - line.slot)
    return {
        "natural": round(pace.natural, 3),
        "rate": pace.rate,
        "tempo": pace.tempo,
        "pace": round(pace.pace, 3),
        "said_start": round(at.start, 4),
        "said_end": round(at.end, 4),
        "fit": fit_of(line.slot, said.duration, pace.pace),
        "over": round(over, 3),
        "limited_db": at.limited_db,
        "similarity": said.converted.similarity,
    }


def _with_collisions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`into`: rows of the script whose lines begin before this one, which is too long, has ended."""
    for row in rows:
        into = [
            other["row"]
            for other in rows
            if row.get("fit") == "over"
            and other is not row
            and "said_start" in other
            and row["said_start"] <= other["said_start"] < row["said_end"] - 0.01
        ]
        row["into"] = " ".join(map(str, into))
    return rows


def about_of(  # noqa: PLR0913, PLR0917 (what a dub is, is all of this)
    studio: Studio,
    script: Script,
    cards: Mapping[str, Card],
    episode: str,
    mixed: Made[MixResult],
    taken: Replaced,
    how: How,
    done: Sequence[LineDone],
    watermark: str,
) -> dict[str, Any]:
    return {
        "synthetic": True,
        "series": studio.series.series,
        "episode": episode,
        "name": how.name,
        "language": how.language,
        "script": {"file": script.file.name, "sha256": hashlib.sha256(script.file.read_bytes()).hexdigest()},
        "voices": {
            slug: {"name": card.name, "version": card.version, "engine": card.engine, "rights": card.rights}
            for slug, card in sorted(cards.items())
        },
        "engines": sorted({mixed.engine, *(each.said.engine for each in done if each.said)}),
        "bounds": {"slowest": how.slowest, "fastest": how.fastest},
        "unsaid": how.unsaid,
        "replaced": [[each.start, each.end] for each in taken.spans],
        "original_dialogue_left": [[each.start, each.end] for each in taken.unsaid],
        "duration": mixed.result.duration,
        "sample_rate_hz": mixed.result.sample_rate_hz,
        "channels": mixed.result.channels,
        "mix": mixed.identity,
        "watermark": watermark,
    }


def keep(
    studio: Studio,
    home: str,
    about: dict[str, Any],
    track: Stored,
    rows: Sequence[Mapping[str, Any]],
    script: Script,
) -> dict[str, Any]:
    """Write the signed track, table and record, once for what they say: their time is that of the first making."""
    key = f"{home}/dub.json"
    with studio.store.locked(key):
        known = find_json(studio.store, key)
        same = known is not None and all(known.get(name) == value for name, value in about.items())
        if (
            same
            and known is not None
            and all(studio.store.size(f"{home}/{each}") for each in ("dub.flac", "lines.csv"))
        ):
            return dict(known)
        record = {**about, "time": now()}
        stated = stated_of(record)
        data = marked(studio.store.read(track.key), stated)
        record["sha256"] = hashlib.sha256(data).hexdigest()
        _enter(studio, record)
        studio.store.write(f"{home}/dub.flac", data)
        studio.store.write(f"{home}/script{script.file.suffix.lower()}", script.file.read_bytes())
        studio.store.write(f"{home}/lines.csv", in_csv(rows))
        write_json(studio.store, key, record)
        return record


def in_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The table as UTF-8 with the mark by which spreadsheets know it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, names, restval="")
    table.writeheader()
    table.writerows({name: _safe(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _safe(value: Any) -> Any:
    """No cell is a formula to a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _enter(studio: Studio, record: Mapping[str, Any]) -> None:
    """Into the audit log, before the dub is there."""
    series = studio.series.series
    for slug, voice in record["voices"].items():
        audit.rights_seen(studio.store, series, slug, recorded(studio.series.characters[slug].rights))
        said = {"character": slug, "voice": voice["version"], "episode": record["episode"], "dub": record["name"]}
        audit.append(
            studio.store, series, "dub", **said, script_sha256=record["script"]["sha256"], sha256=record["sha256"]
        )


def stated_of(record: Mapping[str, Any]) -> TrackProvenance:
    voices = {slug: Voice(name=each["name"], version=each["version"]) for slug, each in record["voices"].items()}
    return TrackProvenance(
        series=record["series"],
        episode=record["episode"],
        language=record["language"],
        voices=voices,
        engine=", ".join(record["engines"]),
        script_sha256=record["script"]["sha256"],
        time=record["time"],
        watermark=record["watermark"],
    )
