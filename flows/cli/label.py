"""label: say who each speaker is, in the terminal, by a file, or take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows import gate
from flows.cli.label_ask import ask
from flows.cli.options import Config, SeriesId, StoreAt, opened
from flows.cli.terminal import say
from tasks.labelling.decisions import Evidence, undone
from tasks.labelling.label_form import lines_to_add
from tasks.labelling.label_rules import newcomers
from tasks.labelling.labels import LabelsError, history, load
from tasks.labelling.sheet_answer import take_back
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.speakers.questions import open_questions
from tasks.studio import Studio


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
    """Say who each speaker in doubt is: hear clips, press one key a character, take out what is another voice."""
    studio = opened(config, store, series)
    if show_history:
        return _show_history(studio)
    if undo_last:
        return _undo(studio, undo_last, who or gate.person())
    cast = casting.cast_of(studio)
    if file:
        taken = gate.take_file(studio, cast, file, who=who)
        say(f"{len(taken.labels.speakers)} speakers are labelled.")
        for what, why in taken.conflicts.items():
            say(f"Not taken: {what}: {why}. Listen, and say it again: voicecast label --all", style="yellow")
    else:
        gate.settle(studio, cast, "ask")
        ask(studio, all_speakers, who or gate.person())
    return _go_on(studio, casting.cast_of(studio), who or gate.person())


def label_waiting(studio: Studio) -> None:
    """Ask about the speakers in doubt, for a season that stopped for them."""
    ask(studio, everybody=False, who=gate.person())


def _go_on(studio: Studio, cast: Cast, who: str) -> None:
    """Say what the series file lacks, and wake the runs that wait, once nothing is in doubt."""
    labels = load(studio.store, studio.series.series)
    named = newcomers(labels, studio.series.characters)
    if named:
        say(f"The series file lacks characters that were named. Add to it:\n{lines_to_add(named)}")
    shown = next(iter(studio.store.keys(f"{studio.home}/cast/forms/")), None)
    if shown is None or open_questions(studio, cast, labels):
        return
    from flows import forms

    for run in forms.waiting_runs(studio):
        forms.answer(run, who=who)
        say(f"Flow run {run} goes on.")


def _show_history(studio: Studio) -> None:
    known = history(studio.store, studio.series.series)
    gone = undone(known)
    for each in known:
        said = [
            f"{speaker}={character}{_beside(each.evidence.get(speaker))}" for speaker, character in each.labels.items()
        ]
        said += [f"{len(each.rejected)} clips rejected"] if each.rejected else []
        said += [f"{len(clips)} clips taken out of {speaker}" for speaker, clips in each.split.items()]
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
    take_back(studio, which, who, "cli")
    say(f"Decision {which} no longer counts.")
