"""More tiny models than the contract's test needs: a bag, the older architectures, and one that is all haste."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.contract.tiny import demucs as tiny

SOURCES = ["other", "vocals"]
SMALL = {"channels": 4, "t_layers": 1, "t_heads": 2, "bottom_channels": 16, "dconv_mode": 0}
HASTY = {"channels": 4, "depth": 3, "lstm_layers": 0, "dconv_mode": 0, "resample": False}


def make(weights: Path) -> None:
    """Folders of weights: htdemucs, bag, older, hasty (a second of sound in milliseconds)."""
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    tiny.main(weights)
    torch.manual_seed(7)
    small = [HTDemucs(SOURCES, segment=Fraction(39, 5), **SMALL) for _ in range(3)]
    lay(weights / "bag", small, "weights: [[1., 0.], [0., 3.], [1., 1.]]\nsegment: 6\n")
    hasty = Demucs(SOURCES, **HASTY)
    lay(weights / "older", [HDemucs(SOURCES, channels=4, dconv_mode=0), hasty], "segment: 5\n")
    lay(weights / "hasty", [hasty], "segment: 4\n")


def lay(folder: Path, models: list[Any], more: str = "") -> None:
    """A folder of weights as the library's own repositories hold it."""
    names = [f"{index:08x}" for index in range(len(models))]
    for name, model in zip(names, models, strict=True):
        tiny.write(model, folder / f"{name}.safetensors")
    (folder / f"{folder.name}.yaml").write_text(f"models: {names}\n{more}", "utf-8")


def lay_hub(weights: Path, name: str, hub: Path) -> None:
    """The same folder where the library looks for it: in the cache of the hub."""
    from demucs.hf import hf_repo_name

    repository = hub / f"models--adefossez--{hf_repo_name(name)}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40, "utf-8")
    (repository / "snapshots").mkdir()
    (repository / "snapshots" / ("0" * 40)).symlink_to(weights / name)
