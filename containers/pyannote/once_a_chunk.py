"""The library's diarization pipeline, with the same answers for a third of the work.

The pipeline asks for a vector for each of three speakers in each stretch of 10 s, and sends the stretch through
the embedding network three times. Its frames do not depend on the speaker, only how they are pooled does: here a
stretch goes through once. The sound lies on the device, and stretches are taken from it there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Audio
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.speaker_diarization import DiarizeOutput
from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding
from pyannote.audio.utils.signal import binarize
from pyannote.core import Segment

from containers.contract.errors import EngineError

from .sound import RATE_HZ, Samples

Progress = Callable[[float], None]

_SHARES = {"segmentation": (0.02, 0.15), "embeddings": (0.15, 0.97)}
"""From where to where a step of the pipeline takes the progress; the rest is quick."""


class Places(Audio):
    """Says where a stretch begins instead of what is heard there: the pipeline hands that on to OnceAChunk."""

    def crop(self, file: Any, segment: Segment, channel: int | None = None, mode: str = "raise") -> Any:  # noqa: ARG002
        return torch.tensor([[self.get_num_samples(segment.start, RATE_HZ)]]), RATE_HZ


class OnceAChunk(PyannoteAudioPretrainedSpeakerEmbedding):
    """Vectors of (stretch, speaker) rows, of which `speakers` after each other share their stretch.

    `sound` (1, samples) is what stretches of `length` samples are taken from; silence follows it.
    """

    def __init__(self, model: Any, speakers: int, length: int) -> None:
        super().__init__(embedding=model)
        self._speakers, self._length = speakers, length
        self.sound = torch.zeros(1, 0)

    def __call__(self, places: torch.Tensor, masks: torch.Tensor | None = None) -> NDArray[np.float32]:
        """`places` (rows, 1, 1): the samples that stretches begin at."""
        assert masks is not None, "the pipeline pools by speaker"
        stretches = torch.stack([self._stretch(each) for each in places[:: self._speakers].flatten().tolist()])
        rows = super().__call__(stretches, masks.unflatten(0, (-1, self._speakers)))
        return rows.reshape(len(places), -1)

    def _stretch(self, begin: int) -> torch.Tensor:
        part = self.sound[:, begin : begin + self._length]
        return torch.nn.functional.pad(part, (0, self._length - part.shape[1]))


class Diarizer:
    """A pipeline on its device; `at_once` stretches go through a network together, fewer if memory runs out."""

    def __init__(self, pipeline: SpeakerDiarization, device: torch.device, at_once: int) -> None:
        self._pipeline = pipeline
        self._at_once = at_once
        self._speakers = len(pipeline._segmentation.model.specifications.classes)
        pipeline.legacy = False
        segmentation = pipeline._segmentation
        length = segmentation.model.audio.get_num_samples(segmentation.duration)
        self._embedding = OnceAChunk(pipeline._embedding.model_, self._speakers, length)
        pipeline._embedding = self._embedding
        pipeline._audio = Places(sample_rate=RATE_HZ, mono="downmix")
        pipeline.to(device)
        self._device = device

    def __call__(self, samples: Samples, progress: Progress, **speakers: int | None) -> DiarizeOutput:
        """Who speaks when in mono sound at 16 kHz; `speakers`: num_speakers, min_speakers, max_speakers."""

        def hook(step: str, _: Any, file: Any = None, total: int | None = None, completed: int | None = None) -> None:  # noqa: ARG001
            if step in _SHARES and total and completed is not None:
                first, last = _SHARES[step]
                progress(first + (last - first) * min(completed / total, 1.0))

        file = self._file(samples)
        return self._run(lambda: self._pipeline(file, hook=hook, **speakers))

    def speech(self, samples: Samples) -> list[Segment]:
        """Where anybody speaks."""

        def active() -> list[Segment]:
            pipeline = self._pipeline
            heard = pipeline.get_segmentations(self._file(samples))
            if not pipeline._segmentation.model.specifications.powerset:
                heard = binarize(heard, onset=pipeline.segmentation.threshold, initial_state=False)
            count = pipeline.speaker_count(heard, pipeline._segmentation.model.receptive_field, warm_up=(0.0, 0.0))
            count.data = np.minimum(count.data, 1)
            return list(pipeline.to_annotation(count).get_timeline().support())

        return self._run(active)

    def _file(self, samples: Samples) -> dict[str, Any]:
        self._embedding.sound = torch.from_numpy(samples)[None].to(self._device)
        return {"waveform": self._embedding.sound, "sample_rate": RATE_HZ, "uri": "recording"}

    def _run(self, work: Callable[[], Any]) -> Any:
        while True:
            self._pipeline.segmentation_batch_size = self._at_once
            self._pipeline.embedding_batch_size = self._at_once * self._speakers
            try:
                return work()
            except (torch.OutOfMemoryError, MemoryError) as error:
                if self._at_once == 1:
                    raise EngineError(
                        "not enough memory for a stretch of 10 s; free the GPU, or give the engine more memory_gb"
                    ) from error
                self._at_once //= 2
                torch.cuda.empty_cache()
