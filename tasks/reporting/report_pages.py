"""The report of a series: what lies in the store, gathered for the page on which a person listens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from containers.contract.codec import decode, write_atomically
from containers.contract.stages import Turn
from infra.settings import HERE
from infra.store import Store, read_json
from tasks.domain import Speaker, Suggestion
from tasks.episodes.episodes import list_episodes
from tasks.episodes.prepared import STAGES, Prepared, find_all_prepared, heard_episode
from tasks.labelling.decisions import Labels
from tasks.labelling.labels import load
from tasks.orders import Shown
from tasks.reporting.report import EpisodeReport, Figure, Report, Sound, SpeakerReport, StageTime
from tasks.reporting.report_assets import AssetsPage, assets_page
from tasks.reporting.report_character import (
    CharacterPage,
    episode_bars,
    histograms_of,
    lost_by_reason,
    seconds_in_doubt,
)
from tasks.reporting.report_media import Media, stored
from tasks.reporting.report_of_characters import Known, known_character, on_the_season_page
from tasks.reporting.report_page import render, render_assets, render_character
from tasks.reporting.report_training import training_curves
from tasks.reporting.report_turns import turns_of_speakers
from tasks.speakers import casting
from tasks.studio import Studio
from tasks.voices import Card

HEARD_WHOLE = 90 * 60.0
"""Seconds of episodes that get players; of a long season the rest is shown without sound."""
SPEAKERS_SHOWN = 20
LAYERS = {"mix": "recording.flac", "vocals": "stems/vocals.flac", "background": "stems/background.flac"}
"""What is heard of an episode, and where it lies in its folder, if the series keeps it."""
ASSETS_PAGE = "assets.html"


def write_report(studio: Studio, folder: Path, note: str | None = None) -> Path:
    """Write `index.html`, a page for each character, and their media; `note`: plain words if it is no real speech."""
    media, labels = Media(studio=studio, folder=folder), load(studio.store, studio.series.series)
    episodes = list_episodes(studio.series, studio.store)
    prepared = list(find_all_prepared(studio, episodes).values())
    known = [known_character(studio, media, slug) for slug in studio.series.characters]
    assets = assets_page(studio, media, prepared, note)
    report = Report(
        series=studio.series.series,
        title=studio.series.title or studio.series.series,
        made=datetime.now(UTC),
        language=studio.series.language,
        synthetic_note=note,
        episodes=tuple(_episodes(studio, media, prepared, labels)),
        characters=tuple(replace(each.report, clips=on_the_season_page(each.report.clips)) for each in known),
        speakers=tuple(_speakers(studio, media, labels)),
        how_to_label="voicecast label",
        times=tuple(_times(studio, prepared, [each.card for each in known if each.card])),
        figures=_figures(),
        assets_page=ASSETS_PAGE if assets else None,
    )
    return _written(folder, report, [_page(studio, report, each, prepared) for each in known], assets)


def _written(folder: Path, report: Report, pages: Sequence[CharacterPage], assets: AssetsPage | None) -> Path:
    """The season's page last, so that what it links to is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(pages):
        write_atomically(folder / str(each.character.page), render_character(each, number))
    if assets:
        write_atomically(folder / ASSETS_PAGE, render_assets(assets))
    page = folder / "index.html"
    write_atomically(page, render(report))
    return page


def _page(studio: Studio, report: Report, known: Known, prepared: list[Prepared]) -> CharacterPage:
    return CharacterPage(
        series=report.series,
        title=report.title,
        made=report.made,
        language=report.language,
        synthetic_note=report.synthetic_note,
        character=known.report,
        kept_clips=sum(row.verdict == "kept" for row in known.rows),
        in_doubt=seconds_in_doubt(known.rows),
        lost=lost_by_reason(known.rows),
        episodes=episode_bars(known.rows, [each.episode for each in prepared]),
        histograms=histograms_of(known.rows),
        curves=training_curves(studio, known.card) if known.card else (),
    )


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
    layers = {name: f"{folder}/{path}" for name, path in LAYERS.items()}
    there = {name: key for name, key in layers.items() if media and studio.store.size(key) is not None}
    shown = [Shown(file=stored(studio, key)) for key in there.values()]
    sounds = dict(zip(there, media.sounds(each.episode, shown) if media else (), strict=True))
    heard = heard_episode(studio.store, studio.home, each.episode)
    local = [decode(Turn, turn) for turn in read_json(studio.store, f"{folder}/turns.json")["turns"]]
    turns = turns_of_speakers(local, heard.clips, speakers)
    return EpisodeReport(
        key=each.episode,
        title=each.episode,
        duration=each.duration,
        mix=sounds.get("mix"),
        vocals=sounds.get("vocals"),
        background=sounds.get("background"),
        pruned=tuple(name for name in layers if media and name not in there),
        turns=turns,
        labels={turn.speaker: who for turn in turns if (who := labels.character(turn.speaker))},
        engines=each.engines,
        times=tuple(_times_of(studio.store, folder, each)),
        problems=each.problems,
    )


def _times_of(store: Store, folder: str, each: Prepared) -> Iterable[StageTime]:
    for stage in STAGES:
        run = read_json(store, f"{folder}/stages/{stage}.run.json")
        gpu_hours = run.get("gpus", 0) * run["seconds"] / 3600
        yield StageTime(
            stage=stage, engine=each.engines[stage], seconds=run["seconds"], audio=each.duration, gpu_hours=gpu_hours
        )


def _times(studio: Studio, prepared: list[Prepared], cards: list[Card]) -> Iterable[StageTime]:
    """Stages over all episodes, then training."""
    per_stage: dict[str, list[StageTime]] = {}
    for each in prepared:
        for time in _times_of(studio.store, f"{studio.home}/episodes/{each.episode}", each):
            per_stage.setdefault(time.stage, []).append(time)
    for stage, times in per_stage.items():
        seconds, audio = sum(each.seconds for each in times), sum(each.audio or 0.0 for each in times)
        gpu_hours = sum(each.gpu_hours for each in times)
        yield StageTime(stage=stage, engine=times[0].engine, seconds=seconds, audio=audio, gpu_hours=gpu_hours)
    runs = [
        read_json(studio.store, f"{studio.home}/voices/{card.character}/{card.version}/stages/train.run.json")
        for card in cards
    ]
    if runs:
        seconds = sum(run["seconds"] for run in runs)
        gpu_hours = sum(run.get("gpus", 0) * run["seconds"] for run in runs) / 3600
        yield StageTime(stage="train", engine=cards[0].engine, seconds=seconds, gpu_hours=gpu_hours)


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
