"""What is asked of a recording that a person gave: a reference, a line or a song to convert."""

from __future__ import annotations

from dataclasses import replace

from containers.contract import stages
from tasks.orders.episodes import extract_video
from tasks.studio import Order, Source, Stored, Studio, sent


def extract_given(studio: Studio, of: str, given: Source) -> Order[stages.ExtractResult]:
    """A recording of a file a person gave (a reference, a song), whatever its form."""
    return extract_video(of, given, f"{studio.home}/given/{given.sha256[:16]}", None)


def extract_line(studio: Studio, of: str, given: Source) -> Order[stages.ExtractResult]:
    """A recording to convert, at its own rate: what is converted is then as long as it, to the sample."""
    return extract_video(of, given, f"{studio.home}/given/{given.sha256[:16]}/line", None, None)


def embed_reference(studio: Studio, character: str, reference: Stored) -> Order[stages.EmbedResult]:
    name = reference.sha256[:16]
    return Order(
        stage="embed",
        of=f"reference of {character}",
        request=stages.EmbedRequest(vocals=sent("reference.flac", reference)),
        result=stages.EmbedResult,
        inputs={"in/reference.flac": reference},
        folder=f"{studio.home}/cast/references",
        keep={"out/vectors.json": f"{name}.vectors.json"},
        record=name,
    )


def clean_recording(studio: Studio, of: str, folder: str, recording: Stored) -> Order[stages.CleanResult]:
    """Noise off a recording that is to be converted, where that helps; its length and level stay. Kept beside it."""
    order = Order(
        stage="clean",
        of=of,
        request=stages.CleanRequest(
            clips=(sent("recording.flac", recording),), denoise=studio.series.denoise, whole=True
        ),
        result=stages.CleanResult,
        inputs={"in/recording.flac": recording},
        folder=folder,
        keep={},
    )
    name = studio.identity(order)[:12]
    return replace(order, keep={"out/clips/0000.wav": f"cleaned-{name}.wav"}, record=f"clean-{name}")


def measure(of: str, folder: str, speech: Stored) -> Order[stages.MeasureResult]:
    """Pitch, length and level of a recording; kept beside it."""
    return Order(
        stage="measure",
        of=of,
        request=stages.MeasureRequest(speech=sent("speech", speech)),
        result=stages.MeasureResult,
        inputs={"in/speech": speech},
        folder=folder,
        keep={},
        record=f"measure-{speech.sha256[:12]}",
    )
