"""Recordings to stems: segments of one recording after the other, filled up to batches for the model.

The next batch is read while the model works, and the last one written; memory does not grow with the length of a
recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import torch
from torch import Tensor

from containers.contract.errors import StageError
from containers.contract.item import Item
from containers.contract.stages import SeparateRequest, SeparateResult

from .recording import Recording, Stems
from .resampling import Resampler
from .segments import OverlapAdd, Segment, cut
from .vocals_model import VocalsModel

Answer = tuple[Item, SeparateResult | StageError]
Pairs = Iterator[tuple[SeparateRequest, Item]]


class Track:
    """A recording on its way through the model: segments go out, their vocals come back in the same order."""

    def __init__(self, request: SeparateRequest, item: Item, model: VocalsModel) -> None:
        """Goes over the recording once, for the level that the library brings every track to."""
        self.item = item
        self._model = model
        self._recording = Recording.at(item.input(request.recording))
        self._total, self._mean, self._deviation = self._level()
        self._sum = OverlapAdd(model.grid, self._total, 2)
        self._back = Resampler(model.rate_hz, self._recording.rate_hz, full=True)
        self._done = 0
        self._failed: StageError | None = None
        self._paths = item.output("vocals.flac"), item.output("background.flac")
        self._stems = Stems(self._recording, request.bit_depth, *self._paths)

    def segments(self) -> Iterator[Segment]:
        levelled = ((block - self._mean) / self._deviation for block in self._blocks())
        return cut(levelled, self._total, self._model.grid, self._model.window)

    def add(self, vocals: Tensor) -> None:
        """Vocals of the next segment; nothing more is done for a track that has failed."""
        if self._failed is None:
            try:
                complete = self._sum.add(vocals) * self._deviation + self._mean
                self._write(self._back.push(self._as_recorded(complete)))
                self._done += complete.shape[1]
                self.item.progress(self._done / self._total)
            except StageError as error:
                self._failed = error

    def result(self) -> SeparateResult:
        """The stems, when the vocals of every segment have come; raises what went wrong on the way."""
        if self._failed is not None:
            raise self._failed
        rest = self._back.finish()
        if rest is not None:
            self._write(rest)
        self._stems.finish()
        vocals, background = self._paths
        return SeparateResult(
            vocals=self.item.file(vocals),
            background=self.item.file(background),
            sample_rate_hz=self._recording.rate_hz,
            duration=self._recording.length / self._recording.rate_hz,
        )

    def close(self) -> None:
        self._stems.close()

    def _write(self, vocals: Tensor) -> None:
        self._stems.write(vocals.numpy())

    def _as_recorded(self, vocals: Tensor) -> Tensor:
        return vocals if self._recording.channels == 2 else vocals.mean(dim=0, keepdim=True)

    def _blocks(self) -> Iterator[Tensor]:
        """The recording as the model hears it: two channels at its rate."""
        resampler = Resampler(self._recording.rate_hz, self._model.rate_hz)
        for samples in self._recording.floats():
            yield resampler.push(torch.from_numpy(samples).expand(2, -1))
        rest = resampler.finish()
        if rest is not None:
            yield rest

    def _level(self) -> tuple[int, float, float]:
        """Samples, and mean and standard deviation of the channels' mean, as in `demucs.api.Separator`."""
        count, total, squares = 0, 0.0, 0.0
        for block in self._blocks():
            middle = block.mean(dim=0).double()
            count += len(middle)
            total += float(middle.sum())
            squares += float(middle @ middle)
        mean = total / max(count, 1)
        variance = max(squares - count * mean**2, 0.0) / max(count - 1, 1)
        return count, mean, variance**0.5 + 1e-8


@dataclass(frozen=True, kw_only=True)
class End:
    """An item that nothing more will be read of: its track, or what stopped it, or both."""

    item: Item
    track: Track | None
    error: StageError | None = None

    def answer(self) -> Answer:
        try:
            return self.item, self.error or self.track.result()
        except StageError as error:
            return self.item, error
        finally:
            if self.track is not None:
                self.track.close()


@dataclass
class Batch:
    """Segments for one forward, the tracks they belong to, and the items that end with them."""

    segments: list[Segment] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)

    def answers(self, vocals: list[Tensor]) -> list[Answer]:
        """Give the tracks their vocals, and end the items."""
        for track, each in zip(self.tracks, vocals, strict=True):
            track.add(each)
        return [end.answer() for end in self.ends]


def separate_many(load: Callable[[], VocalsModel], pairs: Pairs) -> Iterator[Answer]:
    """Stems of each recording; one that cannot be read gets its error, and its neighbours go on.

    `load` is called when the first item is there. EngineError: the model or the machine, so for all of them.
    """
    with ThreadPoolExecutor(2) as threads:
        batches = _batches(load, pairs)
        coming: Future[Batch | None] = threads.submit(next, batches, None)
        written: Future[list[Answer]] = threads.submit(list)
        while (batch := coming.result()) is not None:
            coming = threads.submit(next, batches, None)
            try:
                vocals = load()(batch.segments)
            finally:
                yield from written.result()
            written = threads.submit(batch.answers, vocals)
        yield from written.result()


def _batches(load: Callable[[], VocalsModel], pairs: Pairs) -> Iterator[Batch]:
    batch = Batch()
    for request, item in pairs:
        model = load()
        track: Track | None = None
        try:
            track = Track(request, item, model)
            for segment in track.segments():
                if len(batch.segments) >= model.at_once:
                    yield batch
                    batch = Batch()
                batch.segments.append(segment)
                batch.tracks.append(track)
            batch.ends.append(End(item=item, track=track))
        except StageError as error:
            batch.ends.append(End(item=item, track=track, error=error))
        if len(batch.segments) >= model.at_once:
            yield batch
            batch = Batch()
    if batch.ends:
        yield batch
