"""The inaudible watermark in a line: put in by an engine, as any stage, or by a plug-in; off where none is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from containers.contract.stages import MESSAGE_BITS, WatermarkRequest, WatermarkResult
from infra.engines import Engine
from infra.watermarks import OFF, watermark_engine, watermark_plug_in
from tasks.studio import Order, Stored, Studio, sent

MESSAGE = int.from_bytes(hashlib.sha256(b"voicecast").digest()[:2], "big")
"""What our marks say, so that they are told from those of other programs by the same model."""


@dataclass(frozen=True, kw_only=True)
class Watermarked:
    """A line as it goes out: `by`: what put a mark into it, with its version and model; OFF: it is the line itself."""

    speech: Stored
    by: str


def watermarked(studio: Studio, speech: Stored) -> Watermarked:
    """The line with the chosen watermark in its samples, kept among what engines made of it on the way."""
    engine, plug_in = watermark_engine(), watermark_plug_in()
    if engine:
        made = studio.make(order_of(studio, engine, speech))
        return Watermarked(speech=made.stored(made.result.speech), by=made.engine)
    if plug_in is None:
        return Watermarked(speech=speech, by=OFF)
    data = plug_in.embed(studio.store.read(speech.key))
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{speech.key.rpartition('/')[0]}/watermarked-{sha256[:12]}.wav"
    if studio.store.size(key) != len(data):
        studio.store.write(key, data)
    return Watermarked(speech=Stored(key=key, sha256=sha256, size=len(data)), by=plug_in.name)


def order_of(studio: Studio, engine: Engine, speech: Stored) -> Order[WatermarkResult]:
    order = Order(
        stage="watermark",
        of="a line",
        request=WatermarkRequest(speech=sent("speech.wav", speech), message=MESSAGE),
        result=WatermarkResult,
        inputs={"in/speech.wav": speech},
        folder="",
        keep={"out/": ""},
        engine=engine.name,
    )
    return replace(order, folder=f"{studio.home}/speech/converted/{studio.identity(order)[:16]}")


def marks_in(lines: Sequence[Watermarked]) -> str:
    """Which watermark is in a track of these lines."""
    return ", ".join(sorted({each.by for each in lines})) or OFF


def bits_of_ours(message: int) -> int:
    """How many of a message's bits are those of our own."""
    return MESSAGE_BITS - (message ^ MESSAGE).bit_count()
