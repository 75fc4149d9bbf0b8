"""A mark in the lowest bits of a WAV's first samples: it can be found again, and the next conversion takes it away."""

from __future__ import annotations

from containers.contract.item import Item
from containers.contract.stages import (
    MESSAGE_BITS,
    DetectWatermarkRequest,
    DetectWatermarkResult,
    WatermarkRequest,
    WatermarkResult,
)

from .options import Options
from .script import act
from .sounds import read, samples_of_wav

_SIGN = 0b1011_0010_1101_0110
"""What stands before a message."""


def watermark(options: Options, request: WatermarkRequest, item: Item) -> WatermarkResult:
    sound = read(item, request.speech)
    act("watermark", item, (sound.script,), options.sleep_s)
    data = bytearray(item.input(request.speech).read_bytes())
    for place, bit in zip(samples_of_wav(data), _bits(request.message), strict=False):
        data[place] = data[place] & 0xFE | bit
    path = item.output("speech.wav")
    path.write_bytes(data)
    return WatermarkResult(speech=item.file(path), mark_db=-90.0)


def detect_watermark(options: Options, request: DetectWatermarkRequest, item: Item) -> DetectWatermarkResult:
    """Certain, or certain that there is none."""
    sound = read(item, request.sound)
    act("detect_watermark", item, (sound.script,), options.sleep_s)
    data = item.input(request.sound).read_bytes()
    number = 0
    for place in samples_of_wav(data)[: 2 * MESSAGE_BITS]:
        number = number << 1 | data[place] & 1
    sign, message = divmod(number, 1 << MESSAGE_BITS)
    return DetectWatermarkResult(certainty=float(sign == _SIGN), message=message)


def _bits(message: int) -> list[int]:
    number = _SIGN << MESSAGE_BITS | message
    return [number >> place & 1 for place in reversed(range(2 * MESSAGE_BITS))]
