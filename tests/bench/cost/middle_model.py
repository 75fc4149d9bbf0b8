"""A Demucs of htdemucs's size that says that the middle of the sound is the vocals.

    <demucs's python> -m tests.bench.cost.middle_model FOLDER

Weights that were learnt cannot be had everywhere, and random ones give noise, of which nothing that follows makes
turns or clips. Time and memory do not ask what a model has learnt: every layer computes here as in htdemucs, on random
weights, but for one path through the outermost layers of the time branch, which hands the sound on. Written where the
engine looks (FOLDER/weights/middle) and where the library's own command looks for htdemucs (FOLDER/hub).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.demucs_cost import FULL, SEGMENT
from tests.contract.tiny.demucs import SOURCES
from tests.engines.demucs.tiny import lay, lay_hub

if TYPE_CHECKING:
    from demucs.htdemucs import HTDemucs

NAME = "middle"
_STRIDE, _PAD = 4, 2
_HIGH = 50.0
"""Added on the way in and taken off at the end: so far up, gelu is the identity and the gate of glu is open."""


def main(folder: Path) -> None:
    model = middle_model()
    lay(folder / "weights" / NAME, [model])
    lay(folder / "library" / "htdemucs", [model])
    lay_hub(folder / "library", "htdemucs", folder / "hub")


def middle_model() -> HTDemucs:
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(20261126)
    model = HTDemucs(SOURCES, segment=SEGMENT, **FULL)
    with torch.no_grad():
        _hand_on(model)
    return model


def _hand_on(model: HTDemucs) -> None:
    """Sample 4 t + k of a channel goes through a channel of the first layer, past all others by its skip connection."""
    first, last, before_last = model.tencoder[0], model.tdecoder[-1], model.tdecoder[-2]
    silent = (before_last.conv_tr, model.decoder[-1].conv_tr, last.conv_tr)
    for parameter in [each for layer in silent for each in (layer.weight, layer.bias)]:
        parameter.zero_()
    for layer in (first, last):
        for branch in layer.dconv.layers:
            branch[-1].scale.zero_()
    hidden, vocals = first.conv.out_channels, 2 * SOURCES.index("vocals")
    for channel in range(2):
        for k in range(_STRIDE):
            at = _STRIDE * channel + k
            first.conv.weight[at] = 0
            first.conv.weight[at, channel, k + _PAD] = 1
            first.conv.bias[at] = _HIGH
            for rewrite, tap in ((first.rewrite, 0), (last.rewrite, 1)):
                rewrite.weight[[at, hidden + at]] = 0
                rewrite.weight[at, at, tap] = 1
                rewrite.bias[at], rewrite.bias[hidden + at] = 0, _HIGH
            last.conv_tr.weight[at, vocals : vocals + 2, k + _PAD] = 0.5
    last.conv_tr.bias[vocals : vocals + 2] = -_HIGH


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
