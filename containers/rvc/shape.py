"""The shape of an RVC v2 voice: the 18 items that a voice file keeps in its `config`, by name.

The order and meaning of the items are facts of the file format; any program that reads the format builds its
network from them. `full` shapes are those of the published pretrained pairs. `tiny` is for tests: the same
format, a network that learns in seconds and sounds accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from containers.contract.errors import RequestError

CONTENT = 768
"""Numbers in a content feature: the last hidden state of a ContentVec (HuBERT base) model."""
FRAMES_PER_SECOND = 100
"""Frames of the network: spectrogram, f0 and content features, at every sample rate."""
SAMPLE_RATES_HZ = (32000, 40000, 48000)
Size = Literal["full", "tiny"]

_FFT = {32000: 1024, 40000: 2048, 48000: 2048}
_MELS = {32000: 80, 40000: 125, 48000: 128}
_SEGMENT = {32000: 12800, 40000: 12800, 48000: 17280}
_UP_RATES = {32000: (10, 8, 2, 2), 40000: (10, 10, 2, 2), 48000: (12, 10, 2, 2)}
_UP_KERNELS = {32000: (20, 16, 4, 4), 40000: (16, 16, 4, 4), 48000: (24, 20, 4, 4)}
_RES_KERNELS, _RES_DILATIONS = (3, 7, 11), ((1, 3, 5),) * 3


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a generator is built from, in the order of the format's `config`.

    `segment_frames` is how much of a clip the decoder is trained on at a time; `rate_hz` the model's sample rate.
    """

    spectrum_bins: int
    segment_frames: int
    inter: int
    hidden: int
    filters: int
    heads: int
    layers: int
    kernel: int
    dropout: float
    resblock: str
    res_kernels: tuple[int, ...]
    res_dilations: tuple[tuple[int, ...], ...]
    up_rates: tuple[int, ...]
    up_channels: int
    up_kernels: tuple[int, ...]
    speakers: int
    speaker_channels: int
    rate_hz: int

    def __post_init__(self) -> None:
        if self.rate_hz not in SAMPLE_RATES_HZ:
            raise RequestError(f"an RVC v2 voice is of 32, 40 or 48 kHz, this one says {self.rate_hz} Hz")
        if self.resblock != "1":
            raise RequestError(f"an RVC v2 voice has residual blocks of kind '1', this one {self.resblock!r}")
        if prod(self.up_rates) != self.hop:
            raise RequestError(f"upsampling by {self.up_rates} does not make {FRAMES_PER_SECOND} frames a second")
        if self.hidden % self.heads or self.inter % 2 or self.up_channels % 2 ** len(self.up_rates):
            raise RequestError("the channels of this voice cannot be divided as the format divides them")

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return self.rate_hz // FRAMES_PER_SECOND

    @property
    def fft(self) -> int:
        return 2 * (self.spectrum_bins - 1)

    @property
    def mels(self) -> int:
        return _MELS[self.rate_hz]

    def as_list(self) -> list[Any]:
        """The 18 items as a voice file holds them: plain lists and numbers."""
        return [_plain(getattr(self, name)) for name in Shape.__dataclass_fields__]


def shape_of(config: list[Any]) -> Shape:
    """The shape that a voice file's `config` says; RequestError for anything else."""
    names = list(Shape.__dataclass_fields__)
    if not isinstance(config, (list, tuple)) or len(config) != len(names):
        raise RequestError(f"an RVC v2 voice has a config of {len(names)} items, this one has {config!r:.80}")
    values = dict(zip(names, (_frozen(each) for each in config), strict=True))
    whole = [each for name, value in values.items() if name not in ("dropout", "resblock") for each in _numbers(value)]
    if not all(type(each) is int and 0 < each < 100_000 for each in whole):
        raise RequestError(f"the config of this voice is not that of an RVC v2 voice: {config!r:.200}")
    return Shape(**values)


def shape_for(rate_hz: int, size: Size) -> Shape:
    """The shape of a new voice."""
    tiny = size == "tiny"
    return Shape(
        spectrum_bins=_FFT[rate_hz] // 2 + 1,
        segment_frames=16 if tiny else _SEGMENT[rate_hz] // (rate_hz // FRAMES_PER_SECOND),
        inter=16 if tiny else 192,
        hidden=16 if tiny else 192,
        filters=32 if tiny else 768,
        heads=2,
        layers=1 if tiny else 6,
        kernel=3,
        dropout=0,
        resblock="1",
        res_kernels=(3,) if tiny else _RES_KERNELS,
        res_dilations=((1, 3),) if tiny else _RES_DILATIONS,
        up_rates=_UP_RATES[rate_hz],
        up_channels=64 if tiny else 512,
        up_kernels=_UP_KERNELS[rate_hz],
        speakers=2 if tiny else 109,
        speaker_channels=16 if tiny else 256,
        rate_hz=rate_hz,
    )


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, (list, tuple)) else value


def _numbers(value: Any) -> list[Any]:
    return [number for each in value for number in _numbers(each)] if isinstance(value, tuple) else [value]
