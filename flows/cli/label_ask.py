"""Asking in the terminal who each speaker is: what each line that is typed does, as the label sheet's keys do."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import typer

from flows.cli.label_show import HELP, path_of, play, show, show_clips
from flows.cli.outcomes import LABELS_WANTED
from flows.cli.terminal import say
from tasks.domain import NOBODY, Suggestion
from tasks.labelling.decisions import Labels
from tasks.labelling.label_rules import seen
from tasks.labelling.label_sheet import Heard, SheetClip, heard_by, more_clips
from tasks.labelling.labels import LabelsError, Overtaken, load
from tasks.labelling.sheet_answer import SheetAnswer, take_answer, take_back
from tasks.labelling.sheet_media import known_file
from tasks.series import SLUG
from tasks.speakers import casting
from tasks.speakers.questions import open_questions
from tasks.studio import Studio

KEYS = "123456789abdefghijklmtvwyz"
"""One key a character; those left out, and words, are commands. Characters beyond them are written out."""
CLIPS = re.compile(r"([pxo])\s*(\d[\d\s,]*)")


@dataclass
class Asking:
    """A person at the terminal. `asked`: speakers, of whom number `at` is asked about; `before`: what was seen of it;
    `given`: where each thing was said, and the answer that recorded it."""

    studio: Studio
    who: str
    heard: Heard
    asked: list[str]
    at: int = 0
    before: dict[str, str | None] = field(default_factory=dict)
    given: list[tuple[str, str]] = field(default_factory=list)
    clips: list[SheetClip] = field(default_factory=list)
    stale: bool = True

    @property
    def speaker(self) -> str:
        return self.asked[self.at]

    @property
    def slugs(self) -> dict[str, str]:
        """Key -> character."""
        return dict(zip(KEYS, self.studio.series.characters, strict=False))

    def labels(self) -> Labels:
        return load(self.studio.store, self.studio.series.series)

    def go(self, at: int) -> None:
        self.at, self.stale = at, True

    def show(self) -> None:
        """This speaker, unless it stands there already."""
        if not self.stale:
            return
        labels, self.stale = self.labels(), False
        self.before = seen(labels, [self.speaker])
        self.clips = list(self.heard.clips.get(self.speaker, ()))
        cast, place = self.heard.cast, f"{self.at + 1} of {len(self.asked)}"
        speaker = next(each for each in cast.speakers if each.id == self.speaker)
        found = next(each for each in cast.suggestions if each.speaker == self.speaker)
        show(self.studio, self.heard, speaker, found, place, self.slugs)
        show_clips(self.studio, self.clips, labels)

    def said(self, **what: Any) -> bool:
        """Record something about this speaker; False, and the reason told, where that cannot be."""
        try:
            answer = SheetAnswer(id=secrets.token_hex(6), who=self.who, **what)
            taken = take_answer(self.studio, self.heard.cast, answer, how="cli")
        except Overtaken as news:
            say(f"Not recorded: {news}.", style="yellow")
            self.stale = True
            return False
        except (LabelsError, ValueError) as error:
            say(f"Not recorded: {error}.", style="yellow")
            return False
        self.given.append((self.speaker, answer.id))
        for why in taken.conflicts.values():
            say(f"Not recorded: {why}.", style="yellow")
        if answer.split:
            self.look_again()
        return True

    def look_again(self) -> None:
        """After clips went from one speaker to another; whoever is new is asked about next."""
        known = {each.id for each in self.heard.cast.speakers}
        self.heard, labels = heard_by(self.studio), self.labels()
        for each in [each.id for each in self.heard.cast.speakers if each.id not in known and each.clips]:
            named = labels.character(each)
            say(f"{each} is a new speaker: {named or 'asked about next'}.")
            if named is None:
                self.asked.insert(self.at + 1, each)
        self.asked = [each for at, each in enumerate(self.asked) if at <= self.at or each in {*self.heard.voices}]
        self.stale = True


def ask(studio: Studio, everybody: bool, who: str) -> None:
    """Ask until nothing is in doubt, or the person has had enough."""
    found = _questions(studio, everybody)
    if not found:
        say("No speaker is in doubt. `voicecast label --all` asks about everybody.")
        return
    asking = Asking(studio, who, heard_by(studio), [each.speaker for each in found])
    ended = False
    while asking.at < len(asking.asked):
        asking.show()
        try:
            line = typer.prompt("Who is it?", default="s").strip()
        except typer.Abort:
            ended = True
            say("")
            break
        if line == "q":
            break
        obey(asking, line)
    say(f"{len(asking.given)} labels were added.")
    if ended:
        left = len(asking.asked) - asking.at
        say(f"{left} speakers were not asked about: voicecast label asks again; a file says it too: --file labels.yaml")
        raise typer.Exit(LABELS_WANTED)


def _questions(studio: Studio, everybody: bool) -> list[Suggestion]:
    cast = casting.cast_of(studio)
    if everybody:
        return list(cast.suggestions)
    return list(open_questions(studio, cast, load(studio.store, studio.series.series)))


def obey(asking: Asking, line: str) -> None:
    """Do what a line says."""
    character, some = _character(asking, line), CLIPS.fullmatch(line)
    if character:
        _label(asking, character)
    elif line in COMMANDS:
        COMMANDS[line](asking)
    elif some:
        _with_clips(asking, some.group(1), [int(each) for each in re.findall(r"\d+", some.group(2))])
    elif line.startswith("r") and (character := _character(asking, line[1:].strip())):
        _play_known(asking, character)
    else:
        say(f"{line!r} is none of the keys; ? tells them")


def _character(asking: Asking, key: str) -> str | None:
    return asking.slugs.get(key) or (key if key in asking.studio.series.characters else None)


def _label(asking: Asking, character: str) -> None:
    if asking.said(labels={asking.speaker: character}, before=asking.before):
        asking.go(asking.at + 1)


def _new(asking: Asking) -> None:
    id = typer.prompt("Id of the new character (a-z, 0-9, _ and -)").strip()
    if not re.match(SLUG, id) or id == NOBODY:
        say(f"{id!r} cannot be an id, such as kidou_yuuto.")
    else:
        _label(asking, id)


def _undo(asking: Asking) -> None:
    if not asking.given:
        return say("Nothing is there to undo.")
    speaker, decision = asking.given.pop()
    take_back(asking.studio, decision, asking.who, "cli")
    asking.heard = heard_by(asking.studio)
    at = asking.asked.index(speaker)
    asking.asked = [each for each in asking.asked if each == speaker or each in asking.heard.voices]
    return asking.go(min(at, asking.asked.index(speaker)))


def _more(asking: Asking) -> None:
    if asking.speaker in asking.heard.voices:
        shown = {each.id for each in asking.clips}
        asking.clips += [each for each in more_clips(asking.heard, asking.speaker) if each.id not in shown]
    show_clips(asking.studio, asking.clips, asking.labels())


def _with_clips(asking: Asking, what: str, numbers: list[int]) -> None:
    """Play clips, reject them, or take them out of the speaker."""
    wrong = [each for each in numbers if not 0 < each <= len(asking.clips)]
    if wrong:
        return say(f"There is no clip {wrong[0]}; `more` shows more of them.")
    chosen = [asking.clips[each - 1] for each in dict.fromkeys(numbers)]
    ids = tuple(each.id for each in chosen)
    if what == "p":
        return play([path_of(asking.studio, each) for each in chosen])
    if what == "x":
        if asking.said(rejected=ids):
            say(f"{len(ids)} clips are used for nobody; u takes that back.")
        return None
    return _take_out(asking, ids)


def _take_out(asking: Asking, clips: tuple[str, ...]) -> None:
    count = len(asking.heard.voices[asking.speaker].clips)
    if len(clips) >= count:
        return say("These are all clips of the speaker: say who it is instead.")
    key = typer.prompt("Whose are they? A character's key, n for nobody, or enter to be asked next", default="")
    whose = NOBODY if key == "n" else _character(asking, key.strip())
    if key.strip() and whose is None:
        return say(f"{key!r} is no character; nothing was taken out.")
    split, parts = {asking.speaker: clips}, {asking.speaker: whose} if whose else {}
    asking.said(split=split, parts=parts)
    return None


def _play_known(asking: Asking, character: str) -> None:
    known = known_file(asking.studio, asking.heard, asking.labels(), character)
    if known is None:
        say(f"Nothing is known of {character} yet.")
    else:
        play([asking.studio.store.path(known[1].key)])


def _play_alike(asking: Asking) -> None:
    near = asking.heard.alike.get(asking.speaker, ())
    if not near:
        return say("Nobody sounds alike.")
    say(f"This is {near[0].who}.")
    return play([path_of(asking.studio, each) for each in asking.heard.clips[near[0].who][:1]])


COMMANDS: dict[str, Callable[[Asking], None]] = {
    "n": lambda asking: _label(asking, NOBODY),
    "s": lambda asking: asking.go(asking.at + 1),
    "p": lambda asking: play([path_of(asking.studio, each) for each in asking.clips]),
    "c": _play_alike,
    "u": _undo,
    "+": _new,
    "more": _more,
    "?": lambda _: say(HELP),
}
