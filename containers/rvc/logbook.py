"""What a training says while it runs: lines for people, curves for TensorBoard, and the curve a voice keeps.

TensorBoard's files and `log.jsonl` lie in the item's state: `tensorboard --logdir` shows a training that runs. They
hold times, so the voice keeps the numbers alone, in `<character>.curve.json`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from containers.contract.codec import canonical

_LOG = logging.getLogger("voicecast.rvc")
FORMAT = "rvc-curve 1"


class Logbook:
    def __init__(self, folder: Path, step: int) -> None:
        """`step`: the last one of an earlier attempt; what that wrote of later ones is taken back."""
        from tensorboardX import SummaryWriter

        self._folder = folder
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def steps(self, last: int, means: Mapping[str, float]) -> None:
        """Means over the steps since the last look."""
        for name, value in means.items():
            self._board.add_scalar(f"steps/{name}", value, last)

    def epoch(self, epoch: int, step: int, losses: Mapping[str, float], scores: Mapping[str, float], left: str) -> None:
        """An epoch has ended, with these means of its losses and, if it was a save, scores of held-out clips."""
        for kind, values in (("epochs", losses), ("held_out", scores)):
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)
        self._board.flush()
        told = ", ".join(
            f"{name} {value:.3f}" for name, value in {**losses, **scores}.items() if "gradient" not in name
        )
        _LOG.info("epoch %d: %s; %s", epoch, told, left)
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"epoch": epoch, **losses, **scores}) + "\n")

    def close(self) -> None:
        self._board.close()


def in_words(seconds: float) -> str:
    """A duration as people say it.

    >>> in_words(40), in_words(600), in_words(9000)
    ('40 s', '10 min', '2 h 30 min')
    """
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def write_curve(
    path: Path, losses: Sequence[Mapping[str, float]], saves: Sequence[Mapping[str, Any]], best_epoch: int
) -> Path:
    """Losses by epoch, each as a list from epoch 1 on; scores of held-out clips at each save."""
    names = list(losses[0]) if losses else []
    path.write_text(
        canonical(
            {
                "format": FORMAT,
                "epochs": len(losses),
                "best_epoch": best_epoch,
                "losses": {name: [each[name] for each in losses] for name in names},
                "saves": list(saves),
            }
        ),
        "utf-8",
    )
    return path
