"""The stage convert: a recording in a character's voice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2

import numpy as np
import soundfile
import torch

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import ConvertRequest, ConvertResult

from .card import Card
from .content import ContentEncoder
from .f0 import F0, Method, f0_of, median
from .likeness import Vector, cosine, vector_of
from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, Recording
from .speaking import CONTEXT_SECONDS, Manner, Speaker, spans, speech
from .voices import Voices
from .writing import Form, write

_LIKENESS_STRETCHES, _LIKENESS_SECONDS = 6, 10
_MOST_SEMITONES = 48.0


@dataclass(frozen=True, kw_only=True)
class Listening:
    """How f0 is heard."""

    method: Method
    crepe_hop: int
    device: torch.device

    def f0(self, recording: Recording, progress: Callable[[float], None]) -> F0:
        """f0 of a whole recording, 100 a second, heard block by block."""
        parts, blocks = [], spans(recording.seconds)
        for start, end in blocks:
            first, last = start - CONTEXT_SECONDS, end + CONTEXT_SECONDS
            heard = f0_of(recording.stretch(first, last, LISTEN_HZ), self.method, self.crepe_hop, self.device)
            inner = CONTEXT_SECONDS * FRAMES_PER_SECOND
            parts.append(heard[inner:-inner])
            progress(end / blocks[-1][1])
        return np.concatenate(parts)


def convert_with(
    listening: Listening,
    encoder: ContentEncoder,
    voices: Voices,
    manner: Manner,
    form: Form,
    request: ConvertRequest,
    item: Item,
) -> ConvertResult:
    """Raises RequestError for what is no RVC v2 voice, RecordingError for what is no sound."""
    voice = voices.of(request, item)
    recording = Recording(item.input(request.source))
    f0 = listening.f0(recording, lambda share: item.progress(0.4 * share))
    shift = _shift(request.pitch_shift_semitones, f0, voice.card)
    speaker = Speaker(
        generator=voice.generator, index=voice.index, encoder=encoder, device=listening.device, manner=manner
    )
    path = item.output("speech.wav")
    parts = speech(speaker, recording, f0 * np.float32(2 ** (shift / 12)), lambda x: item.progress(0.4 + x / 2))
    rate = write(path, parts, recording, voice.generator.shape.rate_hz, form)
    before, after = (_likeness(each, voice.card) for each in (recording, Recording(path)))
    return ConvertResult(
        speech=item.file(path),
        sample_rate_hz=rate,
        duration=soundfile.info(path).duration,
        pitch_shift_semitones=shift,
        source_similarity=before,
        similarity=after,
    )


def _shift(wanted: float | None, f0: F0, card: Card | None) -> float:
    """Semitones: as asked, else from the source's median f0 to the voice's; 0 where one of them has none."""
    if wanted is not None:
        if abs(wanted) > _MOST_SEMITONES:
            raise RequestError(f"a voice is shifted by {_MOST_SEMITONES:.0f} semitones at most, got {wanted}")
        return wanted
    ours, theirs = card.f0_median_hz if card else None, median(f0)
    return round(12 * log2(ours / theirs), 3) if ours and theirs else 0.0


def _likeness(recording: Recording, card: Card | None) -> float | None:
    """Cosine of up to a minute of a recording, from all over it, to the character's vector."""
    vector: Vector | None = card.mean_vector if card else None
    if vector is None:
        return None
    last = max(0, int(recording.seconds) - _LIKENESS_SECONDS)
    starts = sorted({int(each) for each in np.linspace(0, last, _LIKENESS_STRETCHES)})
    wholes = [recording.stretch(start, start + _LIKENESS_SECONDS, LISTEN_HZ) for start in starts]
    ends = [round(min(_LIKENESS_SECONDS, recording.seconds - start) * LISTEN_HZ) for start in starts]
    return cosine(vector_of([each[:end] for each, end in zip(wholes, ends, strict=True)]), vector)
