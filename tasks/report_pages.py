"""The report of a series: what lies in the store, gathered for the page on which a person listens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from containers.contract.codec import decode, write_atomically
from containers.contract.stages import Measurements, Turn
from infra.settings import HERE
from infra.store import Store, read_json
from tasks import casting
from tasks.dataset import Row
from tasks.domain import Speaker, Suggestion
from tasks.episodes import list_episodes
from tasks.labels import Labels, load
from tasks.orders import Shown
from tasks.prepared import STAGES, Prepared, find_all_prepared, heard_episode
from tasks.report import (
    CharacterReport,
    ClipReport,
    EpisodeReport,
    Figure,
    LineReport,
    Report,
    Sound,
    SpeakerReport,
    StageTime,
    VoiceReport,
    dropped_seconds,
)
from tasks.report_media import Media, stored
from tasks.report_page import render
from tasks.report_turns import turns_of_speakers
from tasks.studio import Studio
from tasks.voices import Card, current_voice

HEARD_WHOLE = 90 * 60.0
"""Seconds of episodes that get players; of a long season the rest is shown without sound."""
CLIPS_SHOWN, SPEAKERS_SHOWN, LINES_SHOWN = 12, 20, 12


def write_report(studio: Studio, folder: Path, note: str | None = None) -> Path:
    """Write `index.html` and its media; `note`: plain words if the material is no real speech."""
    media, labels = Media(studio=studio, folder=folder), load(studio.store, studio.series.series)
    episodes = list_episodes(studio.series, studio.store)
    prepared = list(find_all_prepared(studio, episodes).values())
    report = Report(
        series=studio.series.series,
        title=studio.series.title or studio.series.series,
        made=datetime.now(UTC),
        language=studio.series.language,
        synthetic_note=note,
        episodes=tuple(_episodes(studio, media, prepared, labels)),
        characters=tuple(_character(studio, media, slug) for slug in studio.series.characters),
        speakers=tuple(_speakers(studio, media, labels)),
        how_to_label="voicecast label",
        times=tuple(_times(studio, prepared)),
        figures=_figures(),
    )
    page = folder / "index.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(page, render(report))
    return page


# ---------------------------------------------------------------- episodes


def _episodes(studio: Studio, media: Media, prepared: list[Prepared], labels: Labels) -> Iterable[EpisodeReport]:
    heard, cast = 0.0, casting.load_cast(studio)
    speakers = cast.speakers if cast else ()
    for each in prepared:
        heard += each.duration
        yield _episode(studio, media if heard <= HEARD_WHOLE else None, each, speakers, labels)


def _episode(
    studio: Studio, media: Media | None, each: Prepared, speakers: tuple[Speaker, ...], labels: Labels
) -> EpisodeReport:
    folder = f"{studio.home}/episodes/{each.episode}"
    keys = [f"{folder}/{name}" for name in ("recording.flac", "stems/vocals.flac", "stems/background.flac")]
    shown = [Shown(file=stored(studio, key)) for key in keys] if media else []
    mix, vocals, background = (media.sounds(each.episode, shown) if media else []) or [None, None, None]
    heard = heard_episode(studio.store, studio.home, each.episode)
    local = [decode(Turn, turn) for turn in read_json(studio.store, f"{folder}/turns.json")["turns"]]
    turns = turns_of_speakers(local, heard.clips, speakers)
    return EpisodeReport(
        key=each.episode,
        title=each.episode,
        duration=each.duration,
        mix=mix,
        vocals=vocals,
        background=background,
        turns=turns,
        labels={turn.speaker: who for turn in turns if (who := labels.character(turn.speaker))},
        engines=each.engines,
        times=tuple(_times_of(studio.store, folder, each)),
        problems=each.problems,
    )


def _times_of(store: Store, folder: str, each: Prepared) -> Iterable[StageTime]:
    for stage in STAGES:
        run = read_json(store, f"{folder}/stages/{stage}.run.json")
        yield StageTime(stage=stage, engine=each.engines[stage], seconds=run["seconds"], audio=each.duration)


def _times(studio: Studio, prepared: list[Prepared]) -> Iterable[StageTime]:
    """Stages over all episodes, then training."""
    per_stage: dict[str, list[StageTime]] = {}
    for each in prepared:
        for time in _times_of(studio.store, f"{studio.home}/episodes/{each.episode}", each):
            per_stage.setdefault(time.stage, []).append(time)
    for stage, times in per_stage.items():
        seconds, audio = sum(each.seconds for each in times), sum(each.audio or 0.0 for each in times)
        yield StageTime(stage=stage, engine=times[0].engine, seconds=seconds, audio=audio)
    cards = [card for slug in studio.series.characters if (card := current_voice(studio, slug))]
    runs = [read_json(studio.store, f"{_voice_home(studio, card)}/stages/train.run.json") for card in cards]
    if runs:
        seconds = sum(run["seconds"] for run in runs)
        yield StageTime(stage="train", engine=cards[0].engine, seconds=seconds)


# ---------------------------------------------------------------- characters


def _character(studio: Studio, media: Media, slug: str) -> CharacterReport:
    manifest = f"{studio.home}/characters/{slug}/manifest.jsonl"
    rows = [_row(json.loads(line)) for line in _lines(studio.store, manifest)]
    card = current_voice(studio, slug)
    clips = _clips(studio, media, slug, rows)
    return CharacterReport(
        slug=slug,
        name=studio.series.characters[slug].name,
        kept=sum(row.duration for row in rows if row.verdict == "kept"),
        target=studio.series.targets.minutes * 60,
        dropped=dropped_seconds(rows),
        real=next((each.sound for each in reversed(clips) if each.verdict == "kept"), None),
        clips=clips,
        engines=json.loads(_lines(studio.store, manifest)[0])["engines"] if rows else {},
        voice=_voice(card) if card else None,
        lines=tuple(_spoken(studio, media, slug)),
    )


def _lines(store: Store, key: str) -> list[bytes]:
    return store.read(key).splitlines() if store.size(key) is not None else []


def _row(line: dict[str, Any]) -> Row:
    measured = {field.name: line[field.name] for field in fields(Measurements)}
    known = {field.name: line[field.name] for field in fields(Row) if field.name != "measurements"}
    return Row(**known, measurements=Measurements(**measured))


def _clips(studio: Studio, media: Media, slug: str, rows: list[Row]) -> tuple[ClipReport, ...]:
    """Some clips to hear: those in doubt and dropped first, then the least and the most certain of the kept."""
    doubtful = [row for row in rows if row.verdict != "kept"][: CLIPS_SHOWN // 2]
    kept = sorted((row for row in rows if row.verdict == "kept"), key=lambda row: row.purity or 0.0)
    half = (CLIPS_SHOWN - len(doubtful)) // 2
    chosen = [*doubtful, *kept[:half], *kept[half:][-half:]]
    shown = [Shown(file=stored(studio, _clip_key(studio, slug, row))) for row in chosen]
    sounds = media.sounds(f"clips of {slug}", shown)
    return tuple(ClipReport.of(row, sound) for row, sound in zip(chosen, sounds, strict=True) if sound)


def _clip_key(studio: Studio, slug: str, row: Row) -> str:
    clean = f"{studio.home}/characters/{slug}/clips/{row.clip.replace('/', '-')}.wav"
    as_cut = f"{studio.home}/episodes/{row.clip.replace('/', '/clips/')}.flac"
    return clean if studio.store.size(clean) is not None else as_cut


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


def _voice_home(studio: Studio, card: Card) -> str:
    return f"{studio.home}/voices/{card.character}/{card.version}"


def _spoken(studio: Studio, media: Media, slug: str) -> Iterable[LineReport]:
    keys = [key for key in studio.store.keys(f"{studio.home}/speech/{slug}") if key.endswith(".json")]
    card = current_voice(studio, slug)
    spoken = [(key, read_json(studio.store, key)) for key in keys]
    of_today = [(key, about) for key, about in spoken if card and about["voice"]["version"] == card.version]
    for key, about in of_today[:LINES_SHOWN]:
        sound = media.one(f"speech of {slug}", key.replace(".json", ".wav"))
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


# ---------------------------------------------------------------- speakers, figures


def _speakers(studio: Studio, media: Media, labels: Labels) -> Iterable[SpeakerReport]:
    """Speakers that nobody has named: those in doubt, then strangers, the longest first."""
    cast = casting.load_cast(studio)
    if cast is None:
        return
    suggestions: dict[str, Suggestion] = {each.speaker: each for each in cast.suggestions}
    unnamed = [each for each in cast.speakers if each.clips and labels.character(each.id) is None]
    for each in sorted(unnamed, key=lambda speaker: -speaker.seconds)[:SPEAKERS_SHOWN]:
        keys = [f"{studio.home}/episodes/{clip.replace('/', '/clips/')}.flac" for clip in each.clips[:3]]
        there = [Shown(file=stored(studio, key)) for key in keys if studio.store.size(key) is not None]
        sounds: list[Sound | None] = media.sounds(f"clips of {each.id}", there)
        yield SpeakerReport(
            speaker=each.id,
            seconds=each.seconds,
            episodes=each.episodes,
            sounds=tuple(sound for sound in sounds if sound),
            suggestion=suggestions.get(each.id),
        )


def _figures() -> tuple[Figure, ...]:
    """Figures measured on real speech, as `make bench-quality` wrote them; none where the repository is not at hand."""
    path = HERE / "docs" / "figures.json"
    return tuple(Figure(**each) for each in json.loads(path.read_text("utf-8"))) if path.exists() else ()
