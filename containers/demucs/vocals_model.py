"""The model on its device: segments in, their vocals out, as many in one forward as memory holds.

The library itself gives its models one segment at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import torch
from demucs.apply import BagOfModels
from demucs.utils import center_trim
from torch import Tensor

from containers.contract.errors import EngineError

from .bag import VOCALS
from .segments import Grid, Segment

Precision = Literal["float32", "float16", "bfloat16"]

_MOST = 16
"""Segments in one forward at most, however much memory there is: a GPU is full with them, and reading, computing and
writing take turns oftener than with more."""
_SHARE = 0.8
"""Share of the free memory of a GPU that is used."""
_OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")
"""How the libraries below say so, where they raise no error of its own kind."""


class VocalsModel:
    """What a bag of models takes for vocals; `at_once` segments go through a model in one forward.

    Without a number, a GPU takes what its memory holds, as the first forward tells. A CPU takes one: more at once
    cost it more time a segment (htdemucs: 9.1 s one by one, 12.6 s in twos, 14.3 s in fours).
    """

    def __init__(
        self, bag: BagOfModels, device: torch.device, *, precision: Precision, overlap: float, at_once: int
    ) -> None:
        self._device = device
        self._precision = precision
        self._bag = bag.to(device)
        self._vocals = bag.sources.index(VOCALS)
        self._unmeasured = not at_once and device.type == "cuda"
        self.at_once = at_once or 1
        self.rate_hz: int = bag.samplerate
        length = int(bag.samplerate * bag.models[0].segment)
        self.grid = Grid(length=length, stride=int((1 - overlap) * length))

    def window(self, length: int) -> int:
        """Samples that the models want to see of a segment of that length and what lies around it."""
        return max(_seen_by(model, length) for model in self._bag.models)

    def __call__(self, segments: Sequence[Segment]) -> list[Tensor]:
        """Vocals of each segment (channels, length), on the CPU; EngineError if memory holds not even one."""
        if self._unmeasured and segments:
            torch.cuda.reset_peak_memory_stats(self._device)
            before = torch.cuda.memory_allocated(self._device)
            found = self._heard(segments)
            self._measure(torch.cuda.max_memory_allocated(self._device) - before, len(segments))
            return found
        return self._heard(segments)

    def _heard(self, segments: Sequence[Segment]) -> list[Tensor]:
        found: list[Tensor | None] = [None] * len(segments)
        weights = [row[self._vocals] for row in self._bag.weights]
        for model, weight in zip(self._bag.models, weights, strict=True):
            alike = defaultdict(list)
            for index, segment in enumerate(segments):
                alike[_seen_by(model, segment.length)].append(index)
            share = weight / sum(weights)
            for count, indices in alike.items():
                vocals = self._forward(model, self._windows([segments[index].seen(count) for index in indices]))
                for index, each in zip(indices, vocals, strict=True):
                    part = center_trim(each, segments[index].length)
                    part = part if share == 1 else share * part
                    before = found[index]
                    found[index] = part if before is None else before + part
        return [each for each in found if each is not None]

    def _windows(self, seen: list[Tensor]) -> Tensor:
        """(segments, channels, samples), where a GPU fetches them from at full speed."""
        pinned = self._device.type == "cuda"
        return torch.stack(seen, out=torch.empty((len(seen), *seen[0].shape), pin_memory=pinned))

    def _forward(self, model: Any, windows: Tensor) -> Tensor:
        """(segments, channels, samples) in and out; halves what goes in at once until memory holds it."""
        parts = []
        while len(windows):
            part = self._tried(model, windows[: self.at_once])
            if part is None:
                self.at_once = max(1, min(self.at_once, len(windows)) // 2)
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            parts.append(part)
            windows = windows[len(part) :]
        return torch.cat(parts)

    def _tried(self, model: Any, windows: Tensor) -> Tensor | None:
        """None if there was not memory enough."""
        half = self._precision != "float32"
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self._device.type, dtype=getattr(torch, self._precision), enabled=half),
            ):
                made = model(windows.to(self._device, non_blocking=True))[:, self._vocals].float()
                vocals = torch.empty(made.shape, pin_memory=made.is_cuda).copy_(made)
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and not any(words in str(error) for words in _OUT_OF_MEMORY):
                raise
            if len(windows) == 1:
                raise EngineError(
                    f"the {self._device.type} has not memory enough for one segment of this model; "
                    "give the engine more memory_gb in engines.toml, or a GPU with more"
                ) from error
            return None
        if not vocals.isfinite().all():
            raise EngineError(f"the model overflows in {self._precision}; set the option precision to float32")
        return vocals

    def _measure(self, used: int, segments: int) -> None:
        """Set `at_once` by what a forward of so many segments used; memory that torch keeps is free to it."""
        free, _ = torch.cuda.mem_get_info(self._device)
        kept = torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        self.at_once = max(1, min(_MOST, int(_SHARE * (free + kept) * segments / max(used, 1))))
        self._unmeasured = False


def _seen_by(model: Any, length: int) -> int:
    """Samples that a model sees of a segment, as `demucs.apply.apply_model` gives them."""
    return int(model.valid_length(length)) if hasattr(model, "valid_length") else length
