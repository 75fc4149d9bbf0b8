"""label: say who each speaker is, in the terminal, by a file, or take it back."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from flows import gate
from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import console, say
from tasks import casting
from tasks.casting import Cast
from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.labels import LabelsError, history, load, undo
from tasks.studio import Studio

PLAYERS = (("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"), ("play", "-q"), ("afplay",), ("aplay", "-q"))
KEYS = "123456789abcdefghijklmortvwxyz"
"""One key a character; n, s, p, u and q are commands. Characters beyond them are written out."""
LABELS_WANTED = 4
CLIPS_TO_HEAR = 5


def add_to(app: typer.Typer) -> None:
    app.command()(label)


def label(
    config: Config = None,
    store: StoreAt = None,
    series: SeriesId = None,
    file: Annotated[
        Path | None, typer.Option(help="Take labels from a YAML, JSON or CSV file: speaker, character")
    ] = None,
    all_speakers: Annotated[bool, typer.Option("--all", help="Ask about every speaker, labelled or not")] = False,
    show_history: Annotated[bool, typer.Option("--history", help="Show what was decided, by whom and when")] = False,
    undo_last: Annotated[str | None, typer.Option("--undo", help="Take a decision back: its id, or `last`")] = None,
) -> None:
    """Say who each speaker in doubt is: hear clips, press one key a character."""
    studio = opened(config, store, series)
    if show_history:
        return _show_history(studio)
    if undo_last:
        return _undo(studio, undo_last)
    cast = casting.cast_of(studio)
    if file:
        before = load(studio.store, studio.series.series)
        after = gate.take_file(studio, cast, before, file)
        say(f"{len(after.speakers)} speakers are labelled.")
        return None
    gate.ask_labels(studio, cast, "ask")
    return _ask(studio, cast, all_speakers)


def _ask(studio: Studio, cast: Cast, everybody: bool) -> None:
    """Ask until nothing is in doubt, or the person has had enough."""
    asked = _questions(studio, cast, everybody)
    if not asked:
        say("No speaker is in doubt. `voicecast label --all` asks about everybody.")
        return
    slugs = dict(zip(KEYS, studio.series.characters, strict=False))
    given: list[tuple[int, str]] = []
    at, ended = 0, False
    while at < len(asked):
        speaker = next(each for each in cast.speakers if each.id == asked[at].speaker)
        _show(studio, speaker, asked[at], f"{at + 1} of {len(asked)}", slugs)
        try:
            key = typer.prompt("Who is it?", default="s").strip()
        except typer.Abort:
            ended = True
            break
        if key == "q":
            break
        if key == "u" and given:
            at, decision = given.pop()
            undo(studio.store, studio.series.series, decision, gate.person())
        elif key == "p":
            play([studio.store.path(each) for each in _clips(studio, speaker)])
        elif key == "s":
            at += 1
        elif key in slugs or key == "n" or key in studio.series.characters:
            chosen = NOBODY if key == "n" else slugs.get(key, key)
            gate.add(studio, cast, {speaker.id: chosen}, how="cli")
            given.append((at, history(studio.store, studio.series.series)[-1].id))
            at += 1
        else:
            say("Nothing is there to undo." if key == "u" else f"{key!r} is none of the keys")
    say(f"{len(given)} labels were added.")
    if ended:
        say(f"The input ended; {len(asked) - at} speakers were not asked about. A file says it too: --file labels.yaml")
        raise typer.Exit(LABELS_WANTED)


def _questions(studio: Studio, cast: Cast, everybody: bool) -> list[Suggestion]:
    if everybody:
        return list(cast.suggestions)
    return list(casting.questions(studio, cast, load(studio.store, studio.series.series)))


def _show(studio: Studio, speaker: Speaker, found: Suggestion, place: str, slugs: dict[str, str]) -> None:
    console.rule(f"{speaker.id} ({place})")
    episodes = ", ".join(speaker.episodes[:6]) + (" ..." if len(speaker.episodes) > 6 else "")
    say(f"{speaker.seconds / 60:.1f} min in {len(speaker.clips)} clips of {episodes}")
    if found.character:
        say(f"nearest: {found.character} ({found.score:.2f}, {found.margin:+.2f} over the second)")
    for key in _clips(studio, speaker):
        say(f"  {studio.store.path(key)}")
    keys = [f"{key} {studio.series.characters[slug].name}" for key, slug in slugs.items()]
    if len(studio.series.characters) > len(slugs):
        keys.append("or a character's id")
    console.print("  ".join([*keys, "n nobody", "s skip", "p play", "u undo", "q quit"]), markup=False, highlight=False)


def _clips(studio: Studio, speaker: Speaker) -> list[str]:
    """Keys of a few clips, spread over all of them."""
    step = max(1, len(speaker.clips) // CLIPS_TO_HEAR)
    chosen = speaker.clips[::step][:CLIPS_TO_HEAR]
    return [f"{studio.home}/episodes/{each.replace('/', '/clips/')}.flac" for each in chosen]


def play(paths: list[Path]) -> None:
    """Play sound files with whatever player the machine has."""
    player = next((each for each in PLAYERS if shutil.which(each[0])), None)
    if player is None:
        say("No player found (ffplay, sox, afplay or aplay); open the files above instead.")
        return
    for path in paths:
        subprocess.run([*player, str(path)], check=False)


def _show_history(studio: Studio) -> None:
    for each in history(studio.store, studio.series.series):
        said = ", ".join(f"{speaker}={character}" for speaker, character in each.labels.items())
        if each.undoes:
            said = f"takes back {each.undoes}"
        say(f"{each.id}  {each.time[:19]}Z  {each.who} ({each.how}): {said}")


def _undo(studio: Studio, which: str) -> None:
    series = studio.series.series
    if which == "last":
        known = history(studio.store, series)
        undone = {each.undoes for each in known}
        mine = [each.id for each in known if not each.undoes and each.how != "auto" and each.id not in undone]
        if not mine:
            raise LabelsError("nobody has decided anything that could be taken back")
        which = mine[-1]
    undo(studio.store, series, which, gate.person())
    say(f"Decision {which} no longer counts.")
