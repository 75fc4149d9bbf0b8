"""label: say who each speaker is, in the terminal, by a file, or take it back."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flows import gate
from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import console, say
from tasks import casting
from tasks.casting import Cast
from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.label_form import lines_to_add
from tasks.label_rules import newcomers, seen
from tasks.labels import Evidence, LabelsError, Overtaken, history, load, undo, undone
from tasks.series import SLUG
from tasks.studio import Studio

PLAYERS = (("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"), ("play", "-q"), ("afplay",), ("aplay", "-q"))
KEYS = "123456789abcdefghijklmortvwxyz"
"""One key a character; n, s, p, u, q and + are commands. Characters beyond them are written out."""
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
    who: Annotated[str | None, typer.Option("--who", help="Who labels, for the record. Default: the user")] = None,
) -> None:
    """Say who each speaker in doubt is: hear clips, press one key a character."""
    studio = opened(config, store, series)
    if show_history:
        return _show_history(studio)
    if undo_last:
        return _undo(studio, undo_last, who or gate.person())
    cast = casting.cast_of(studio)
    if file:
        taken = gate.take_file(studio, cast, file)
        say(f"{len(taken.labels.speakers)} speakers are labelled.")
        for what, why in taken.conflicts.items():
            say(f"Not taken: {what}: {why}. Listen, and say it again: voicecast label --all", style="yellow")
    else:
        gate.settle(studio, cast, "ask")
        _ask(studio, cast, all_speakers, who or gate.person())
    return _go_on(studio, cast, who or gate.person())


def label_waiting(studio: Studio) -> None:
    """Ask about the speakers in doubt, for a season that stopped for them."""
    _ask(studio, casting.cast_of(studio), everybody=False, who=gate.person())


def _ask(studio: Studio, cast: Cast, everybody: bool, who: str) -> None:
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
        before = seen(load(studio.store, studio.series.series), [speaker.id])
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
            undo(studio.store, studio.series.series, decision, who)
        elif key == "p":
            play([studio.store.path(each) for each in _clips(studio, speaker)])
        elif key == "s":
            at += 1
        elif key in (*slugs, "n", "+") or key in studio.series.characters:
            made = _decide(studio, cast, speaker, slugs.get(key, key), before, who)
            if made:
                given.append((at, made))
                at += 1
        else:
            say("Nothing is there to undo." if key == "u" else f"{key!r} is none of the keys")
    say(f"{len(given)} labels were added.")
    if ended:
        say(f"The input ended; {len(asked) - at} speakers were not asked about. A file says it too: --file labels.yaml")
        raise typer.Exit(LABELS_WANTED)


def _decide(
    studio: Studio, cast: Cast, speaker: Speaker, key: str, before: Mapping[str, str | None], who: str
) -> str | None:
    """Record a label and give the decision's id; None where the person has to think again."""
    new = []
    if key == "+":
        new = [typer.prompt("Id of the new character (a-z, 0-9, _ and -)").strip()]
        if not re.match(SLUG, new[0]) or new[0] == NOBODY:
            say(f"{new[0]!r} cannot be an id, such as kidou_yuuto.")
            return None
    chosen = new[0] if new else NOBODY if key == "n" else key
    try:
        return gate.add(studio, cast, {speaker.id: chosen}, how="cli", who=who, before=before, new=new)
    except Overtaken as news:
        say(f"Not recorded: {news}.", style="yellow")
        return None


def _questions(studio: Studio, cast: Cast, everybody: bool) -> list[Suggestion]:
    if everybody:
        return list(cast.suggestions)
    return list(casting.questions(studio, cast, load(studio.store, studio.series.series)))


def _go_on(studio: Studio, cast: Cast, who: str) -> None:
    """Say what the series file lacks, and wake the runs that wait, once nothing is in doubt."""
    labels = load(studio.store, studio.series.series)
    named = newcomers(labels, studio.series.characters)
    if named:
        say(f"The series file lacks characters that were named. Add to it:\n{lines_to_add(named)}")
    shown = next(iter(studio.store.keys(f"{studio.home}/cast/forms/")), None)
    if shown is None or casting.questions(studio, cast, labels):
        return
    from flows import forms

    for run in forms.waiting_runs(studio):
        forms.answer(run, who=who)
        say(f"Flow run {run} goes on.")


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
    keys += ["n nobody", "+ new", "s skip", "p play", "u undo", "q quit"]
    console.print("  ".join(keys), markup=False, highlight=False)


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
    known = history(studio.store, studio.series.series)
    gone = undone(known)
    for each in known:
        said = [
            f"{speaker}={character}{_beside(each.evidence.get(speaker))}" for speaker, character in each.labels.items()
        ]
        said += [f"{len(each.rejected)} clips rejected"] if each.rejected else []
        said += [f"takes back {each.undoes}"] if each.undoes else []
        back = f"  [taken back by {gone[each.id].who}]" if each.id in gone else ""
        say(f"{each.id}  {each.time[:19]}Z  {each.who} ({each.how}): {', '.join(said) or 'nothing'}{back}")


def _beside(evidence: Evidence | None) -> str:
    return f" ({evidence.score:.2f}, {evidence.margin:+.2f})" if evidence else ""


def _undo(studio: Studio, which: str, who: str) -> None:
    series = studio.series.series
    if which == "last":
        known = history(studio.store, series)
        gone = undone(known)
        mine = [each.id for each in known if not each.undoes and each.how != "auto" and each.id not in gone]
        if not mine:
            raise LabelsError("nobody has decided anything that could be taken back")
        which = mine[-1]
    undo(studio.store, series, which, who)
    say(f"Decision {which} no longer counts.")
