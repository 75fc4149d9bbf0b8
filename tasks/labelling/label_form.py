"""The form that asks who is who: what it shows, and what an answer to it says.

The form is kept in the store before anybody sees it, with the labels as they
were, so that an answer is understood whenever it comes: after a crash, in
another process, or after somebody else has decided. Which page shows it is the
business of `flows.forms`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.store import read_json
from tasks.domain import NOBODY, Speaker, Suggestion
from tasks.labelling.decisions import Label, Labels
from tasks.series import SLUG, Character
from tasks.studio import Studio

NEW, LATER = "new character", "not now"
"""A character that the series file lacks; not decided in this run. No id of a character has a space."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that was shown, as it was: the `number`th of a flow run (`run`: its id).

    `version`: of the labels it was built from; `before`: the decision that counted for each speaker then;
    `prefill`: what each field said before anybody touched it; `answer`: where the server keeps the answer.
    """

    run: str
    number: int
    version: str
    prefill: dict[str, str]
    before: dict[str, str | None]
    answer: str

    @property
    def decision(self) -> str:
        """The id of the decision its answer becomes, so that it becomes one only."""
        return hashlib.sha256(f"{self.run}-{self.number}".encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an answer says. `said`: speaker -> character or "nobody"; `later`: speakers left for another day;
    `again`: speaker -> why it has to be asked again."""

    who: str
    said: dict[str, str]
    later: tuple[str, ...]
    again: dict[str, str]


def prefill(suggestion: Suggestion, labels: Labels) -> str:
    """What a field says at first: the label that counts, else the suggestion; strangers are nobody."""
    known = labels.character(suggestion.speaker)
    if known is not None:
        return known
    if suggestion.band == "leave_out":
        return NOBODY
    return suggestion.character or LATER


def choices(characters: Collection[str], form: Form) -> tuple[str, ...]:
    """All that may be chosen: those of the series file, in its order, and those that people named since."""
    named = sorted({*form.prefill.values()} - {*characters, NOBODY, NEW, LATER})
    return (*characters, *named, NOBODY, NEW, LATER)


def read_answer(form: Form, given: Mapping[str, Any], labels: Labels) -> Answer:
    """What an answer says, given the labels that count by now.

    A field that was left at its prefill says nothing against a decision made meanwhile; one that was changed asks
    again, with what was decided. A speaker the answer does not name stays open.
    """
    names, again = _new_names(str(given.get("new_names") or ""))
    again = {speaker: why for speaker, why in again.items() if speaker in form.prefill}
    said: dict[str, str] = {}
    later: list[str] = []
    for speaker, filled in form.prefill.items():
        chosen = given.get(speaker)
        newer = _meanwhile(form, labels, speaker)
        if chosen is None or speaker in again:
            continue
        if newer and chosen in (filled, newer.character, LATER):
            continue
        if newer and newer.how != "auto":
            again[speaker] = f"meanwhile {newer.who} said {newer.character}, and you said {chosen}"
        elif chosen == LATER:
            later.append(speaker)
        elif chosen != NEW:
            said[speaker] = str(chosen)
        elif speaker in names:
            said[speaker] = names[speaker]
        else:
            again[speaker] = f"is a {NEW}, but has no id yet; write {speaker} = kidou_yuuto into the field for ids"
    for speaker in names.keys() & said.keys():
        if given[speaker] not in (NEW, names[speaker]):
            del said[speaker]
            again[speaker] = f"is {given[speaker]} in its own field, and {names[speaker]} among the new characters"
    return Answer(
        who=str(given.get("labelled_by") or "").strip() or "unknown", said=said, later=tuple(later), again=again
    )


def _meanwhile(form: Form, labels: Labels, speaker: str) -> Label | None:
    """The label that was given after the form was built, and not by it."""
    now = labels.speakers.get(speaker)
    return now if now and now.decision not in (form.before.get(speaker), form.decision) else None


def _new_names(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """`S007 = kidou_yuuto; S009 = aki` as speaker -> id, and what is wrong with the others."""
    names: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in re.split(r"[;,\n]", text))):
        speaker, _, name = (each.strip() for each in part.partition("="))
        if re.match(SLUG, name) and name != NOBODY:
            names[speaker] = name
        else:
            wrong[speaker] = f"{name!r} cannot be an id; it may hold only a-z, 0-9, _ and -, such as kidou_yuuto"
    return names, wrong


# ---------------------------------------------------------------- what people read


def count_turns(studio: Studio, speakers: Sequence[Speaker]) -> dict[str, int]:
    """How many turns each speaker has: those of an episode that overlap the speaker's clips of the same voice."""
    spans: dict[tuple[str, str], list[tuple[float, float, str]]] = {}
    owner = {clip: speaker.id for speaker in speakers for clip in speaker.clips}
    count = dict.fromkeys((speaker.id for speaker in speakers), 0)
    for episode in sorted({episode for speaker in speakers for episode in speaker.episodes}):
        folder = f"{studio.home}/episodes/{episode}"
        for line in studio.store.read(f"{folder}/clips.jsonl").splitlines():
            clip = json.loads(line)
            if clip["id"] in owner:
                voice = spans.setdefault((episode, clip["speaker"]), [])
                voice.append((clip["start"], clip["end"], owner[clip["id"]]))
        for turn in read_json(studio.store, f"{folder}/turns.json")["turns"]:
            voice = spans.get((episode, turn["speaker"]), [])
            for speaker in {each for start, end, each in voice if start < turn["end"] and turn["start"] < end}:
                count[speaker] += 1
    return count


def field_title(speaker: Speaker, turns: int) -> str:
    return f"{speaker.id} ({speaker.seconds / 60:.1f} min, {turns} turns)"


def field_text(speaker: Speaker, suggestion: Suggestion, names: Mapping[str, str], why: str | None) -> str:
    """The line above a field; plain text, since pages show it as it is."""
    more = len(speaker.episodes) - 4
    heard = ", ".join(speaker.episodes[:4]) + (f" and {more} more" if more > 0 else "")
    near = "near to nobody"
    if suggestion.character:
        name = names.get(suggestion.character, suggestion.character)
        near = f"nearest: {name} ({suggestion.score:.2f}, {suggestion.margin:+.2f} over the second)"
    if suggestion.band == "leave_out":
        near = f"a stranger, as far as references tell; {near}"
    doubt = "".join(f"; {each}" for each in doubts(speaker, suggestion))
    return (f"ASKED AGAIN: {why}. " if why else "") + f"{near}; heard in {heard}{doubt}"


def doubts(speaker: Speaker, suggestion: Suggestion) -> tuple[str, ...]:
    """Why a speaker is asked about whom linking took for an accepted one, or whom references accept."""
    apart = f"taken out of {speaker.apart}: alike, and perhaps another voice"
    beside = f"accepted by references, but not much like {suggestion.beside}: perhaps somebody alike"
    return (*([apart] if speaker.apart else []), *([beside] if suggestion.beside else []))


def description(title: str, characters: Mapping[str, Character], labels: Labels, again: Mapping[str, str]) -> str:
    """The text above the form, as Markdown: why it is asked again, what the choices mean, who is known already."""
    lines = [f"## Who is who in {_escaped(title)}?", ""]
    if again:
        lines += ["**Asked again:**", "", *(f"- {each} {_escaped(why)}" for each, why in again.items()), ""]
    lines += [
        "Listen with `voicecast review` (a page) or `voicecast label` (a terminal). Nothing said here is for ever:"
        " `voicecast label --undo last`.",
        "",
        f"**{NOBODY}**: no character whose voice is wanted. **{NEW}**: one that the series file lacks; it needs an id"
        f" below. **{LATER}**: this run goes on without this speaker, the next one asks again.",
        "",
        "| character | name | labelled already |",
        "|---|---|---|",
    ]
    by_character: dict[str, list[str]] = {}
    for speaker, label in labels.speakers.items():
        by_character.setdefault(label.character, []).append(f"{speaker} ({_escaped(label.who)})")
    for character in [*characters, *sorted(by_character.keys() - characters.keys())]:
        known = by_character.get(character, [])
        name = characters[character].name if character in characters else ""
        more = f" and {len(known) - 6} more" if len(known) > 6 else ""
        lines.append(f"| {character} | {_escaped(name)} | {', '.join(known[:6])}{more} |")
    return "\n".join(lines)


def lines_to_add(named: Mapping[str, Sequence[str]]) -> str:
    """What the series file lacks for characters that people named, as lines for it."""
    rows = ["characters:"]
    for character, speakers in named.items():
        rows += [
            f"  {character}:  # labelled: {', '.join(speakers)}",
            f"    name: {character}",
            '    rights: {basis: "licence from ...", by: "...", date: 2026-01-31}  # without it no voice is trained',
        ]
    return "\n".join(rows)


def _escaped(text: str) -> str:
    """Text that is no markup, on one line of a table."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
