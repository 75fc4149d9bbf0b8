"""The parts that stream, against the same done on the whole."""

from __future__ import annotations

import julius
import pytest
import torch
from demucs.apply import TensorChunk

from containers.demucs.resampling import Resampler
from containers.demucs.segments import Grid, OverlapAdd, cut


@pytest.mark.parametrize("rates", [(48000, 44100), (44100, 48000), (22050, 44100), (8000, 44100), (44100, 8000)])
@pytest.mark.parametrize("block", [700, 44100])
@pytest.mark.parametrize("full", [False, True])
def test_a_stream_is_resampled_like_the_whole(rates: tuple[int, int], block: int, full: bool) -> None:
    sound = torch.randn(2, 100_003, generator=torch.Generator().manual_seed(1))
    resampler = Resampler(*rates, full=full)
    found = [resampler.push(sound[:, begin : begin + block]) for begin in range(0, sound.shape[1], block)]
    found.append(resampler.finish())
    expected = julius.resample_frac(sound, *rates, full=full)
    torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=0, atol=2e-6)  # sums in another order


@pytest.mark.parametrize("total", [1, 299, 300, 1000, 1024, 1124, 3001])
@pytest.mark.parametrize("seen", [lambda length: 400, lambda length: length, lambda length: length + 37])
def test_segments_show_what_the_librarys_chunks_show(total: int, seen: object) -> None:
    sound = torch.arange(1, 2 * total + 1, dtype=torch.float32).view(2, total)
    grid = Grid(length=400, stride=300)
    segments = list(cut(sound.split(77, dim=1), total, grid, seen))
    chunks = [TensorChunk(sound, begin, length) for begin, length in grid.spans(total)]
    assert [segment.length for segment in segments] == [chunk.length for chunk in chunks]
    for segment, chunk in zip(segments, chunks, strict=True):
        assert torch.equal(segment.window, chunk.padded(seen(chunk.length)))
        assert torch.equal(segment.seen(segment.length), chunk.padded(chunk.length))


@pytest.mark.parametrize("stride", [300, 400, 150])
def test_segments_that_agree_are_laid_over_each_other_without_a_trace(stride: int) -> None:
    sound = torch.randn(2, 1733, generator=torch.Generator().manual_seed(2))
    grid = Grid(length=400, stride=stride)
    over = OverlapAdd(grid, 1733, 2)
    found = [over.add(sound[:, begin : begin + length]) for begin, length in grid.spans(1733)]
    torch.testing.assert_close(torch.cat(found, dim=1), sound, rtol=0, atol=1e-6)
