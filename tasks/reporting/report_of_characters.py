"""Characters of a report, from the store: the section on the season's page, and a page of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from containers.contract.stages import Measurements
from infra.store import Store, parsed, read_many
from tasks.clips.dataset import Row
from tasks.orders import Shown
from tasks.reporting.report import CharacterReport, ClipReport, LineReport, VoiceReport, dropped_seconds
from tasks.reporting.report_character import to_hear
from tasks.reporting.report_media import Media, stored
from tasks.speech.speaking import provenance_of
from tasks.studio import Stored, Studio
from tasks.voices import Card, current_voice

CLIPS_SHOWN, LINES_SHOWN = 12, 12


@dataclass(frozen=True, kw_only=True)
class Known:
    """A character with all that the store knows of it; `report.clips` are all that can be played."""

    report: CharacterReport
    rows: tuple[Row, ...]
    card: Card | None


def known_character(studio: Studio, media: Media, slug: str) -> Known:
    """A character's data set, voice and lines, with the sounds that pages play."""
    lines = [json.loads(line) for line in _lines(studio.store, f"{studio.home}/characters/{slug}/manifest.jsonl")]
    rows = tuple(_row(line) for line in lines)
    card = current_voice(studio, slug)
    clips = _clips(studio, media, slug, rows, {line["clip"]: line for line in lines})
    report = CharacterReport(
        slug=slug,
        name=studio.series.characters[slug].name,
        kept=sum(row.duration for row in rows if row.verdict == "kept"),
        target=studio.series.targets.minutes * 60,
        dropped=dropped_seconds(rows),
        real=next((each.sound for each in reversed(clips) if each.verdict == "kept"), None),
        clips=clips,
        engines=lines[0]["engines"] if lines else {},
        voice=_voice(card) if card else None,
        lines=tuple(_spoken(studio, media, slug)),
        page=page_of(slug),
    )
    return Known(report=report, rows=rows, card=card)


def page_of(slug: str) -> str:
    """The name of a character's page, beside the season's."""
    return f"character-{slug}.html"


def on_the_season_page(clips: Sequence[ClipReport]) -> tuple[ClipReport, ...]:
    """Some of them: half from those in doubt and dropped, the rest from the least and the most certain of the kept."""
    others = [each for each in clips if each.verdict != "kept"][: CLIPS_SHOWN // 2]
    kept = [each for each in clips if each.verdict == "kept"]
    half = (CLIPS_SHOWN - len(others)) // 2
    return (*others, *kept[:half], *kept[half:][-half:])


def _lines(store: Store, key: str) -> list[bytes]:
    return store.read(key).splitlines() if store.size(key) is not None else []


def _row(line: dict[str, Any]) -> Row:
    measured = {field.name: line[field.name] for field in fields(Measurements) if field.name in line}
    known = {field.name: line[field.name] for field in fields(Row) if field.name in line}
    return Row(**known, measurements=Measurements(**measured))


def _clips(
    studio: Studio, media: Media, slug: str, rows: Sequence[Row], lines: dict[str, dict[str, Any]]
) -> tuple[ClipReport, ...]:
    chosen = to_hear(rows)
    shown = [Shown(file=_clip_file(studio, slug, lines[row.clip])) for row in chosen]
    sounds = media.sounds(f"clips of {slug}", shown)
    return tuple(ClipReport.of(row, sound) for row, sound in zip(chosen, sounds, strict=True) if sound)


def _clip_file(studio: Studio, slug: str, line: dict[str, Any]) -> Stored:
    """The clip as cleaned where it was kept, else as cut."""
    cleaned = line.get("cleaned")
    if cleaned and line["file"]:
        key = f"{studio.home}/characters/{slug}/{line['file']}"
        if (size := studio.store.size(key)) is not None:
            return Stored(key=key, sha256=cleaned["sha256"], size=size)
    return stored(studio, f"{studio.home}/episodes/{line['clip'].replace('/', '/clips/')}.flac")


def _voice(card: Card) -> VoiceReport:
    return VoiceReport(
        engine=card.engine,
        version=card.version,
        format=card.format,
        trained_on=card.minutes * 60,
        sample_rate_hz=card.sample_rate_hz,
        scores=card.scores,
        rights={name: str(value) for name, value in card.rights.items()},
        notes=(card.note,),
    )


def _spoken(studio: Studio, media: Media, slug: str) -> Iterable[LineReport]:
    keys = [key for key in studio.store.keys(f"{studio.home}/speech/{slug}") if key.endswith(".json")]
    card = current_voice(studio, slug)
    spoken = [(key, parsed(data, key)) for key, data in zip(keys, read_many(studio.store, keys), strict=True)]
    of_today = [(key, about) for key, about in spoken if card and about["voice"]["version"] == card.version]
    for key, about in of_today[:LINES_SHOWN]:
        sound = media.one(f"speech of {slug}", key.replace(".json", ".wav"), provenance_of(about))
        if sound:
            yield LineReport(
                text=about["source"].get("text") or "(a recording, converted)",
                speech=sound,
                source=media.one(f"source of {slug}", about["source"]["key"]),
                engines={"convert": about["engine"], "train": about["voice"]["engine"]}
                | ({"synthesize": about["source"]["engine"]} if "engine" in about["source"] else {}),
                source_similarity=about["similarity"]["before"],
                similarity=about["similarity"]["after"],
            )
