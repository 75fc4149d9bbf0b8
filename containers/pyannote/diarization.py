"""Stage diarize: who speaks when."""

from __future__ import annotations

import math

from pyannote.core import Annotation

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import DiarizeRequest, DiarizeResult, Problem, Turn

from . import sound
from .once_a_chunk import Diarizer
from .taking import Spoken, Taken, taken


def diarize_by(diarizer: Diarizer, request: DiarizeRequest, item: Item) -> DiarizeResult:
    _check(request)
    found = _heard(diarizer, sound.read(item.input(request.vocals)), request, item)
    rttm = item.output("turns.rttm")
    rttm.write_text("".join(_rttm_line(turn) for turn in found.turns), "utf-8")
    return DiarizeResult(
        turns=found.turns,
        exclusive=found.exclusive,
        overlap=found.overlap,
        rttm=item.file(rttm),
        problems=_problems(found, request),
    )


def _check(request: DiarizeRequest) -> None:
    given = [each for each in (request.speakers, request.min_speakers, request.max_speakers) if each is not None]
    if any(each < 1 for each in given):
        raise RequestError(f"a number of speakers is at least 1, got {min(given)}")
    least, most = request.min_speakers, request.max_speakers
    if least is not None and most is not None and least > most:
        raise RequestError(f"min_speakers {least} is more than max_speakers {most}")


def _heard(diarizer: Diarizer, samples: sound.Samples, request: DiarizeRequest, item: Item) -> Taken:
    if not len(samples) or max(samples.max(), -samples.min()) < sound.SILENT_UNDER:
        return Taken(turns=(), exclusive=(), overlap=())
    output = diarizer(
        samples,
        item.progress,
        num_speakers=request.speakers,
        min_speakers=request.min_speakers,
        max_speakers=request.max_speakers,
    )
    length = math.floor(len(samples) / sound.RATE_HZ * 1000) / 1000
    return taken(_spoken(output.speaker_diarization), _spoken(output.exclusive_speaker_diarization), length)


def _spoken(annotation: Annotation) -> list[Spoken]:
    return [(turn.start, turn.end, str(name)) for turn, _, name in annotation.itertracks(yield_label=True)]


def _problems(found: Taken, request: DiarizeRequest) -> tuple[Problem, ...]:
    if not found.turns:
        return (Problem(kind="no_speech", text="nobody speaks in this recording"),)
    people = len({turn.speaker for turn in found.turns})
    least = request.speakers or request.min_speakers or 1
    if people < least:
        text = f"{people} of at least {least} speakers were found; there is too little speech to tell more apart"
        return (Problem(kind="other", text=text),)
    return ()


def _rttm_line(turn: Turn) -> str:
    return f"SPEAKER recording 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
