"""Reviewing: the label sheet served to people; answers become decisions, and runs go on.

What the sheet shows and what an answer means is in `tasks`, HTTP in
`infra.review`; here they meet, and the runs that wait are told.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from containers.contract.codec import decode, encode
from containers.contract.errors import RequestError
from infra.review import NotThere
from infra.review_doors import Links
from tasks.labelling import sheet_inbox, sheet_page
from tasks.labelling.decisions import Labels
from tasks.labelling.label_form import LATER
from tasks.labelling.label_sheet import Heard, Sheet, heard_by, make_sheet, more_clips, said_now
from tasks.labelling.labels import LabelsError, Overtaken, load
from tasks.labelling.sheet_answer import SheetAnswer, Taken, take_answer, take_back
from tasks.labelling.sheet_media import Sound, known_sound, more_sounds_of, sounds_of
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.studio import Stored, Studio

log = logging.getLogger("voicecast.review")

Wake = Callable[[Studio, SheetAnswer], str]
"""Tells the runs that wait for labels; gives what a person wants to know of it, in a sentence or nothing."""
SOUNDS_AT_ONCE = 4


class SheetDesk:
    """The label sheet of a series, as the review service shows and takes it."""

    def __init__(self, studio: Studio, links: Links, wake: Wake) -> None:
        self._studio, self._links, self._wake = studio, links, wake
        self._mutex = threading.Lock()
        self._heard: Heard | None = None
        self._files: dict[str, str] = {}

    def entrance(self) -> str:
        return sheet_page.entrance()

    def page(self) -> str:
        return sheet_page.render(self._sheet())

    def tell(self, what: str, which: str) -> Any:
        if what == "state":
            return self._state(self._labels())
        if what == "sounds" and which in self._known().clips:
            return [self._link(each) for each in sounds_of(self._studio, self._known(), which)]
        if what == "clips" and which in self._known().clips:
            return encode(more_clips(self._known(), which))
        if what == "more" and which in self._known().clips:
            return [self._link(each) for each in more_sounds_of(self._studio, self._known(), which)]
        if what == "known":
            sound = known_sound(self._studio, self._known(), self._labels(), which)
            return self._link(sound) if sound else None
        raise NotThere(what)

    def take(self, what: str, said: Any) -> tuple[int, Any]:
        takers = {"answer": self._answer, "undo": self._undo}
        if what not in takers:
            raise NotThere(what)
        try:
            return 200, takers[what](said)
        except Overtaken as error:
            return 409, {"message": str(error), "state": self._state(self._labels())}
        except (LabelsError, RequestError) as error:
            return 422, {"message": str(error)}

    def hand_in(self, link: str, said: Any) -> tuple[int, Any]:
        try:
            answer = decode(SheetAnswer, said, "answer")
            outcome = sheet_inbox.hand_in(self._studio, self._known().cast, link, answer)
        except sheet_inbox.LinkIsOver as error:
            return 410, {"message": str(error)}
        except (LabelsError, RequestError) as error:
            return 422, {"message": str(error)}
        log.info("%s handed in by a link: %d labels", answer.name, len(answer.labels))
        return 200, {"conflicts": outcome.conflicts, "run": self._wake(self._studio, answer)}

    def take_in(self) -> None:
        """Take in what was uploaded to the store, and tell the runs that wait."""
        for each in sheet_inbox.take_in(self._studio, self._known().cast):
            if each.answer:
                self._wake(self._studio, each.answer)

    def file(self, name: str) -> Path:
        key = self._files.get(name)
        if key is None or self._studio.store.size(key) is None:
            raise NotThere(name)
        return self._studio.store.path(key)

    def make_sounds(self) -> None:
        """Make the sounds of all speakers in doubt, in the order in which they are asked about."""
        asked = [each for each in self._sheet().speakers if each.status == "asked"]
        heard = self._known()
        with ThreadPoolExecutor(SOUNDS_AT_ONCE) as pool:
            for speaker in asked:
                pool.submit(sounds_of, self._studio, heard, speaker.id)

    def _answer(self, said: Any) -> Any:
        answer = decode(SheetAnswer, said, "answer")
        cast = self._known().cast
        taken = take_answer(self._studio, cast, answer)
        log.info("%s labelled %d speakers, rejected %d clips", answer.name, len(answer.labels), len(answer.rejected))
        reply = {"decision": answer.id, "run": self._wake(self._studio, answer), "state": self._state(taken.labels)}
        return {**reply, "split": _what_became(cast, taken, answer)}

    def _undo(self, said: Any) -> Any:
        given = decode(dict[str, str], said, "undo")
        if set(given) != {"decision", "who"}:
            raise LabelsError("to take something back needs its decision, and who says so")
        labels = take_back(self._studio, given["decision"], given["who"])
        return {"state": self._state(labels)}

    def _sheet(self) -> Sheet:
        return make_sheet(self._studio, self._known(), self._labels())

    def _known(self) -> Heard:
        """What was heard, anew after another preparation."""
        with self._mutex:
            identity = casting.cast_of(self._studio).identity
            if self._heard is None or self._heard.cast.identity != identity:
                self._heard = heard_by(self._studio)
            return self._heard

    def _labels(self) -> Labels:
        return load(self._studio.store, self._studio.series.series)

    def _state(self, labels: Labels) -> dict[str, Any]:
        return {
            "version": labels.version,
            "said": encode(said_now(labels)),
            "rejected": list(labels.rejected),
            "overruled": sheet_inbox.overruled(self._studio, labels),
        }

    def _link(self, sound: Sound) -> dict[str, str | None]:
        return {
            "of": sound.of,
            "player": self._links.sign(self._given(sound.player)),
            "picture": self._links.sign(self._given(sound.picture)) if sound.picture else None,
        }

    def _given(self, file: Stored) -> str:
        name = file_name(file)
        self._files[name] = file.key
        return name


def _what_became(before: Cast, taken: Taken, answer: SheetAnswer) -> str:
    """In a sentence, who has the clips that were taken out."""
    if not answer.split:
        return ""
    told = []
    for speaker in taken.cast.speakers:
        came = sum(clip in speaker.clips for clips in answer.split.values() for clip in clips)
        if came:
            fresh = "a new speaker" if speaker.id not in {each.id for each in before.speakers} else "known already"
            label = taken.labels.character(speaker.id)
            told.append(f"{speaker.id} ({fresh}{f', {label}' if label else ''}) has {came} of the clips taken out")
    return ". ".join([*told, *taken.conflicts.values()]) + "."


def file_name(file: Stored) -> str:
    return f"{file.sha256[:24]}{Path(file.key).suffix}"


# ---------------------------------------------------------------- runs that wait


def wake(studio: Studio, answer: SheetAnswer) -> str:
    """Let runs that wait for labels look at them; skipped speakers are left for another day."""
    if not list(studio.store.keys(f"{studio.home}/cast/forms")):
        return ""
    from prefect.settings import PREFECT_API_URL

    from flows import forms  # Prefect takes seconds to import, and most sheets need none of it

    if not PREFECT_API_URL.value():
        return "A season may wait for these labels: set PREFECT_API_URL to its server, or press Resume there."
    newest = {each.run: each for each in forms.forms(studio)}
    told = []
    for run in forms.waiting_runs(studio):
        asked = newest[run].prefill if run in newest else {}
        later = {each: LATER for each in answer.later if each in asked}
        try:
            forms.answer(run, later, who=answer.name)
            told.append(run)
        except forms.NotWaiting:
            continue
        except LabelsError as error:
            log.warning("flow run %s was not told: %s", run, error)
            return f"The labels are kept, but the season that waits was not told: {error}"
    return "The season that waited goes on." if told else ""
