"""init and check: a series file, and a look into its episodes."""

from __future__ import annotations

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from containers.contract.errors import RecordingError, StageError
from containers.contract.stages import ProbeResult
from flows.cli.options import Config, StoreAt, opened
from flows.cli.terminal import cell, console, say, stage_bars
from tasks.domain import Episode
from tasks.episodes.episode_subtitles import language_of, sidecars_of
from tasks.series import SLUG, SeriesError
from tasks.studio import Studio

TEMPLATE = """\
# A series of voicecast. Paths are relative to this file.
series: {slug}                  # a-z, 0-9, - and _; the name of its folder in the store
# title: 風のイレブン            # what people see
episodes: episodes              # a folder, a glob such as "episodes/*.mkv", s3://bucket/prefix, or a list of them
language: ja                    # of the audio track, and of speech from text (ISO 639)

characters:
  endou_mamoru:                 # a-z, 0-9, - and _
    name: 円堂守                 # what people see
    aliases: [円堂, Endou]       # how subtitles and cast lists name the character
    references: refs/endou/*    # speech of this character alone, 10 s or more; leave out to be asked
    # Nobody's voice is trained or spoken without rights:
    # rights: {{basis: "licence from ...", by: "who granted it", date: {today}}}

# engines: {{separate: demucs, diarize: pyannote, train: rvc}}   # light, everywhere, by default
# options: {{demucs: {{model: htdemucs_ft}}}}                      # what an engine's README says it takes
# cast_size: {{at_least: 4, at_most: 12}}    # people who speak in an episode; `exactly` if it is known
# targets: {{minutes: 25, clip_seconds: [1, 15]}}   # min_minutes: with less nobody is trained; 0.25, for rvc 2
# casts: {{s01e01: [endou_mamoru]}}          # who speaks in an episode, where it is known; or a .yaml or .csv file
# dictionary: readings.csv        # words with their readings (surface,reading,accent), or here:
# dictionary: [{{surface: 豪炎寺, reading: ごうえんじ, accent: 0}}]   # see it by: voicecast read --text ...
# questions: {{min_seconds: 5, min_share: 0.05, at_once: 12}}   # below this, nobody is asked about a speaker
# quality: balanced             # strict, balanced or all: what a clip must be to train on; single thresholds so:
# quality: {{preset: balanced, min_snr_db: 12}}   # docs/quality.md names them; voicecast dataset --explain tries them
# separate: {{only: speech}}     # leave out where nobody speaks; pays with demucs and uvr: docs/needless.md
# separate: {{recurring: once}}    # take an opening's vocals from the first episode that has it; or both of them
# keep: reusable                # all, reusable or least: what of prepared episodes stays in the store; docs/keeping.md
# disk_budget_gb: 40            # what the store may hold; no episode is begun for which there is no room
# denoise: auto                 # auto (only where it helps), never, always
# dereverb: {{engine: uvr, options: {{model: FOLDER}}}}   # off unless said: docs/quality.md
# labels: ask                   # ask, or auto: what references do not decide is left out
"""


def add_to(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(check)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write series.yaml")] = Path(),
    series: Annotated[str | None, typer.Option(help="Its id; default: the folder's name")] = None,
) -> None:
    """Write a commented series.yaml to begin with."""
    import datetime

    from tasks.episodes.episodes import slug

    path = folder / "series.yaml"
    if path.exists():
        raise SeriesError(f"{path} is there already; nothing was written")
    name = series or slug(folder.resolve().name)
    if not re.fullmatch(SLUG, name):
        raise SeriesError(f"--series {name}: an id may hold only a-z, 0-9, _ and -; `title:` is what people see")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(slug=name, today=datetime.date.today()), "utf-8")
    then = shlex.join(["voicecast", "check", "--config", str(path)])
    say(f"Wrote {path}. Say there which characters you want, then run: {then}")


def check(config: Config = None, store: StoreAt = None) -> None:
    """Look into every episode: tracks, languages, subtitles, problems. Decodes nothing."""
    from infra.slots import MachineSlots
    from tasks.episodes.episodes import list_episodes, not_taken
    from tasks.opening import with_engines
    from tasks.speakers.references import references_of

    studio = opened(config, store)
    references = references_of(studio)
    with console.status("Reading the episodes (the first time, each file is hashed) ..."):
        episodes = list_episodes(studio.series, studio.store)
    with stage_bars() as bars, ThreadPoolExecutor(32) as pool:
        able = with_engines(studio, MachineSlots(), bars)
        found = list(pool.map(lambda each: probed(able, each), episodes))
    console.print(table(episodes, found))
    if more := not_taken(studio.series):
        say(f"Not taken: {more}", style="yellow")
    for slug, character in studio.series.characters.items():
        count = sum(owner == slug for owner, _ in references)
        rights = "rights recorded" if character.rights else "NO RIGHTS: neither trained nor spoken"
        say(f"{slug} ({character.name}): {count} references, {rights}")
    failed = {episode: each for episode, each in zip(episodes, found, strict=True) if isinstance(each, StageError)}
    for episode, error in failed.items():
        say(f"Cannot be used: {episode.key} ({Path(episode.file).name}): {error}", style="yellow")
    if failed:
        others = [each.exit_code for each in failed.values() if not isinstance(each, RecordingError)]
        raise typer.Exit(others[0] if others else 3)


def probed(studio: Studio, episode: Episode) -> ProbeResult | StageError:
    from tasks import orders

    try:
        return studio.make(orders.probe(studio, episode)).result
    except StageError as error:
        return error


def table(episodes: tuple[Episode, ...], found: list[ProbeResult | StageError]) -> Table:
    """An episode a row; `>` marks the track that would be taken."""
    shown = Table(Column("episode", overflow="fold"), "file", "minutes", "audio", "subtitles", "problems")
    for episode, about in zip(episodes, found, strict=True):
        name = Path(episode.file).name
        if isinstance(about, StageError):
            shown.add_row(episode.key, cell(name), "", "", "", cell("cannot be used, see below", style="red"))
            continue
        tracks = [
            f"{'>' if each.index == about.track else ' '}{each.language or '?'} {each.codec} {each.channels}ch"
            for each in about.tracks
        ]
        subtitles = [f"{each.language or '?'} {each.codec}" for each in about.subtitles]
        subtitles += [f"{language_of(each, episode)} {each.name}" for each in sidecars_of(episode)]
        minutes = f"{about.duration / 60:.1f}" if about.duration else "?"
        problems = "\n".join(each.text for each in about.problems)
        told = (name, minutes, "\n".join(tracks), "\n".join(subtitles), problems)
        shown.add_row(episode.key, *map(cell, told))
    return shown
