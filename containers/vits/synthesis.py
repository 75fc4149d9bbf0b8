"""Speech of one request: the text in sentences, each one through the model, one after the other into a WAV."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from transformers import VitsModel, VitsTokenizer

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import SynthesizeRequest, SynthesizeResult
from containers.contract.weights import weights

from .languages import is_same
from .reading import Reader, reader_of

_RATE = (0.25, 4.0)
_PAUSE = 0.3
"""Seconds between sentences: models end theirs with the last sound. Open JTalk pauses for 0.5 to 0.6."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A model and what turns text into its symbols; `speaker` None where the model has but one."""

    name: str
    model: VitsModel
    reader: Reader
    speaker: int | None

    @classmethod
    def load(cls, name: str, speaker: int) -> Voice:
        """Raises EngineError if the files of the weights are not whole, RequestError for a speaker it has not."""
        folder = weights(name)
        try:
            tokenizer = VitsTokenizer.from_pretrained(folder, local_files_only=True)
            model, about = VitsModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
        except (OSError, ValueError, TypeError) as error:
            raise EngineError(
                f"weights {name} are no VITS model that transformers can read ({error}); "
                f"run: voicecast weights verify {name}"
            ) from error
        lacking = sorted(key for key in about["missing_keys"] if not key.startswith("posterior_encoder."))
        if lacking:
            raise EngineError(
                f"weights {name} lack {len(lacking)} tensors such as {lacking[0]}; run: voicecast weights verify {name}"
            )
        speakers = model.config.num_speakers
        if not 0 <= speaker < max(1, speakers):
            raise RequestError(f"{name} has {max(1, speakers)} speakers, counted from 0; option speaker is {speaker}")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        reader = reader_of(tokenizer, name)
        return cls(name=name, model=model.to(device).eval(), reader=reader, speaker=speaker if speakers > 1 else None)

    @property
    def sample_rate_hz(self) -> int:
        return int(self.model.config.sampling_rate)

    def say(self, tokens: tuple[int, ...], rate: float) -> NDArray[np.float32]:
        """Mono sound in -1..1; its randomness is torch's."""
        with torch.inference_mode():
            said = self.model(
                input_ids=torch.tensor([tokens], device=self.model.device),
                speaker_id=self.speaker,
                speaking_rate=float(self.model.config.speaking_rate) * rate,
            )
        sound: NDArray[np.float32] = said.waveform[0].float().cpu().numpy()
        return sound


def synthesize_by(voice: Voice, seed: int, request: SynthesizeRequest, item: Item) -> SynthesizeResult:
    """Raises RecordingError for a text that the model has no symbols for, RequestError for the wrong language."""
    if not _RATE[0] <= request.rate <= _RATE[1]:
        raise RequestError(f"rate must be between {_RATE[0]} and {_RATE[1]}, got {request.rate}")
    spoken = voice.reader.language
    if spoken is not None and not is_same(request.language, spoken):
        raise RequestError(
            f"{voice.name} speaks {spoken}, the text is {request.language}: name another model in the option `model`, "
            "or let another engine synthesize"
        )
    readings = voice.reader.read(request.text, request.readings)
    if not readings:
        raise RecordingError(f"there is nothing to say in {request.text!r:.60}; write some words or leave the line out")
    path = item.output("speech.wav")
    torch.manual_seed(seed)
    with soundfile.SoundFile(path, "w", voice.sample_rate_hz, 1, "PCM_16") as out:
        pause = np.zeros(round(_PAUSE / request.rate * voice.sample_rate_hz), np.int16)
        for index, reading in enumerate(readings):
            if index:
                out.write(pause)
            sound = voice.say(reading.tokens, request.rate)
            if not np.isfinite(sound).all():
                raise EngineError(f"{voice.name} gave numbers that are no sound; verify its weights")
            out.write(np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16))
            item.progress((index + 1) / len(readings))
        frames = out.frames
    return SynthesizeResult(
        speech=item.file(path),
        sample_rate_hz=voice.sample_rate_hz,
        duration=frames / voice.sample_rate_hz,
        reading=" ".join(reading.text for reading in readings),
    )
