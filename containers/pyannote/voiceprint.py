"""What a voice is like, as a vector: turns of any length through an embedding network, several in one forward.

A network pads a turn with silence of its own kind at both ends. So that a turn gives the same vector beside
longer ones as alone, what lies behind its end is cleared before each convolution, and left out of the pooling.
The vectors of a turn's windows are pooled from the same frames: they cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Model
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from torch.nn.utils.rnn import pad_sequence

from containers.contract.errors import EngineError

from .sound import RATE_HZ, Samples

WINDOW = 1.6
"""Seconds of a window of a turn; windows lie 0.8 s apart."""
LONGEST = 30.0
"""Seconds of a turn that go through the network in one piece."""
_SHORTEST = 0.5
_CHUNK = 10.0

Vectors = NDArray[np.float32]


class Voiceprint:
    """An embedding network on its device; `name` says which one its vectors are of.

    `at_once`: stretches of 10 s that fit into one forward; fewer if memory runs out.
    """

    def __init__(self, network: Model, name: str, device: torch.device, at_once: int) -> None:
        self.name = name
        self.dimension = int(network.dimension)
        self._network = network.to(device).eval()
        self._device = device
        self._room = at_once * _CHUNK * RATE_HZ

    def vectors(self, turns: Sequence[Samples]) -> Iterator[tuple[int, Vectors]]:
        """Index of a turn, and its unit vectors: the turn's own, then those of its windows if it has two or more;
        the shortest turns first."""
        order = sorted(range(len(turns)), key=lambda index: len(turns[index]))
        while order:
            count = self._fitting([len(turns[index]) for index in order])
            batch = [_long_enough(turns[index]) for index in order[:count]]
            try:
                with torch.inference_mode():
                    answers = self._several(batch)
            except torch.OutOfMemoryError as error:
                if count == 1:
                    raise EngineError("not enough memory for one turn; free the GPU") from error
                self._room = count * len(batch[-1]) / 2
                torch.cuda.empty_cache()
                continue
            yield from zip(order[:count], answers, strict=True)
            del order[:count]

    def _fitting(self, lengths: Sequence[int]) -> int:
        """How many turns, of rising length, fit into one forward when all are filled up to the longest."""
        return max(1, sum((index + 1) * length <= self._room for index, length in enumerate(lengths)))

    def _several(self, turns: Sequence[Samples]) -> list[Vectors]:
        if isinstance(self._network, BaseWeSpeakerResNet):
            return self._by_resnet(turns)
        return [self._alone(turn) for turn in turns]

    def _by_resnet(self, turns: Sequence[Samples]) -> list[Vectors]:
        features = [self._network.compute_fbank(self._sound(turn[None]))[0] for turn in turns]
        lengths = torch.tensor([len(each) for each in features], device=self._device)
        padded = pad_sequence(features, batch_first=True)
        resnet = self._network.resnet
        with _nothing_behind(resnet, lengths, padded.shape[1]) as ends:
            frames = resnet.forward_frames(padded)
        lasts = ends[frames.shape[-1]].tolist()
        spans = [_spans(last, len(turn) / RATE_HZ) for last, turn in zip(lasts, turns, strict=True)]
        weights = torch.zeros(len(turns), max(map(len, spans)), frames.shape[-1], device=self._device)
        for row, each in enumerate(spans):
            for column, (first, last) in enumerate(each):
                weights[row, column, first:last] = 1.0
            weights[row, len(each) :, : lasts[row]] = 1.0
        found = resnet.forward_embedding(frames, weights=weights)[1]
        return [_unit(rows[: len(each)]) for rows, each in zip(found, spans, strict=True)]

    def _alone(self, turn: Samples) -> Vectors:
        """Any other architecture: the turn by itself, then its windows, which are of one length."""
        found = [self._network(self._sound(turn[None]))]
        spans = _spans(len(turn), len(turn) / RATE_HZ)[1:]
        if spans:
            found.append(self._network(self._sound(np.stack([turn[first:last] for first, last in spans]))))
        return _unit(torch.cat(found))

    def _sound(self, samples: Samples) -> torch.Tensor:
        return torch.from_numpy(samples)[:, None].to(self._device)


@contextmanager
def _nothing_behind(resnet: torch.nn.Module, lengths: torch.Tensor, longest: int) -> Iterator[dict[int, torch.Tensor]]:
    """Inside, no convolution sees frames behind a row's length; gives the lengths at each resolution in time,
    named by the longest's (strides of two, rounded up)."""
    ends = {longest: lengths}
    while longest > 1:
        longest, lengths = (longest + 1) // 2, (lengths + 1) // 2
        ends[longest] = lengths

    def clear(_: torch.nn.Module, given: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        frames = given[0]
        behind = torch.arange(frames.shape[-1], device=frames.device) >= ends[frames.shape[-1]][:, None]
        return (frames.masked_fill(behind[:, None, None], 0.0),)

    hooks = [each.register_forward_pre_hook(clear) for each in resnet.modules() if isinstance(each, torch.nn.Conv2d)]
    try:
        yield ends
    finally:
        for hook in hooks:
            hook.remove()


def _spans(steps: int, seconds: float) -> list[tuple[int, int]]:
    """All of a turn of so many steps, then its windows (first, last + 1), if there are two or more."""
    width = round(WINDOW / seconds * steps)
    starts = list(range(0, steps - width + 1, max(1, width // 2)))
    if starts and steps - width - starts[-1] >= width / 4:
        starts.append(steps - width)
    return [(0, steps), *((start, start + width) for start in starts if len(starts) > 1)]


def _long_enough(turn: Samples) -> Samples:
    """A turn that is no more than a sound is said again until the network has frames to pool."""
    return np.resize(turn, round(_SHORTEST * RATE_HZ)) if len(turn) < _SHORTEST * RATE_HZ else turn


def _unit(vectors: torch.Tensor) -> Vectors:
    found = torch.nn.functional.normalize(vectors.float(), dim=1).cpu().numpy()
    if not np.isfinite(found).all():
        raise EngineError("the embedding model gives vectors that are no numbers; run: voicecast weights verify")
    return found
