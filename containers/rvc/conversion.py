"""The stage convert: a recording in a character's voice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from pathlib import Path

import numpy as np
import soundfile
import torch

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import ConvertRequest, ConvertResult, File

from .card import Card, read_card
from .content import ContentEncoder
from .f0 import F0, Method, f0_of, median
from .files import Voice, generator_of, read_voice
from .likeness import Vector, cosine, vector_of
from .retrieval import Index
from .shape import FRAMES_PER_SECOND
from .sound import LISTEN_HZ, Recording
from .speaking import CONTEXT_SECONDS, Manner, Speaker, spans, speech

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
    listening: Listening, encoder: ContentEncoder, manner: Manner, request: ConvertRequest, item: Item
) -> ConvertResult:
    """Raises RequestError for what is no RVC v2 voice, RecordingError for what is no sound."""
    voice, index, card = _voice(request, item)
    recording = Recording(item.input(request.source))
    f0 = listening.f0(recording, lambda share: item.progress(0.4 * share))
    shift = _shift(request.pitch_shift_semitones, f0, card)
    speaker = Speaker(
        generator=generator_of(voice).to(listening.device),
        index=index,
        encoder=encoder,
        device=listening.device,
        manner=manner,
    )
    path = item.output("speech.wav")
    rate = voice.shape.rate_hz
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16", format="WAV") as out:
        for part in speech(
            speaker, recording, f0 * np.float32(2 ** (shift / 12)), lambda x: item.progress(0.4 + x / 2)
        ):
            out.write(part)
    before, after = (_likeness(each, card) for each in (recording, Recording(path)))
    return ConvertResult(
        speech=item.file(path),
        sample_rate_hz=rate,
        duration=soundfile.info(path).duration,
        pitch_shift_semitones=shift,
        source_similarity=before,
        similarity=after,
    )


def _voice(request: ConvertRequest, item: Item) -> tuple[Voice, Index | None, Card | None]:
    """The voice of the request: safetensors before `.pth`; index and card where they came along."""
    weights = _only(request, ".safetensors", but=".posterior.safetensors") or _only(request, ".pth")
    if weights is None:
        raise RequestError("rvc converts with an RVC v2 voice (.pth or .safetensors); train one with rvc")
    index, card = _only(request, ".index"), _only(request, ".json")
    return (
        read_voice(item.input(weights)),
        Index(item.input(index)) if index else None,
        read_card(item.input(card)) if card else None,
    )


def _only(request: ConvertRequest, ending: str, but: str = "\n") -> File | None:
    found = [each for each in request.voice if each.path.endswith(ending) and not each.path.endswith(but)]
    if len(found) > 1:
        raise RequestError(f"a voice has one {ending} file, the request has {[Path(each.path).name for each in found]}")
    return found[0] if found else None


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
