"""What is measured and heard of speech, as scripts have it: measure and transcribe."""

from __future__ import annotations

from containers.contract import stages
from containers.contract.errors import RequestError
from containers.contract.item import Item

from . import people
from .options import Options
from .script import act, speaker_in
from .sounds import Sound, read


def measure(options: Options, request: stages.MeasureRequest, item: Item) -> stages.MeasureResult:
    """A copy follows its source without a fault."""
    speech = read(item, request.speech)
    source = read(item, request.source) if request.source else None
    act("measure", item, (speech.script,), options.sleep_s)
    heard = people.measured(speech.script, 0.0, speech.duration, request.speech.sha256)
    follows = stages.Following(f0_error_cents=0.0, within_50_cents=1.0, octave_errors=0.0, voicing_errors=0.0)
    return stages.MeasureResult(
        seconds=speech.duration,
        loudness_lufs=heard.loudness_lufs,
        peak_dbfs=heard.peak_dbfs,
        clipped_share=heard.clipped_share,
        f0_median_hz=_f0_hz(speech),
        source_seconds=source.duration if source else None,
        source_f0_median_hz=_f0_hz(source) if source else None,
        following=follows if source else None,
    )


def transcribe(options: Options, request: stages.TranscribeRequest, item: Item) -> stages.TranscribeResult:
    """A line that stub said was written into its script; of anything else it hears the title."""
    if not request.language:
        raise RequestError("transcribe needs the language that is spoken")
    speech = read(item, request.speech)
    act("transcribe", item, (speech.script,), options.sleep_s)
    return stages.TranscribeResult(text=speech.script.title.removeprefix(f"{request.language} "))


def _f0_hz(sound: Sound) -> float:
    return people.f0_hz(speaker_in(sound.script, 0.0, sound.duration))
