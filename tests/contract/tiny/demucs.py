"""Tiny Demucs models with random weights, in the library's own format: `<engine's python> demucs.py OUT`."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

SOURCES = ["drums", "bass", "other", "vocals"]
SIGNATURE = "955717e8"
"""What the model of htdemucs is called."""
TINY = {"channels": 8, "t_layers": 1, "t_heads": 2, "bottom_channels": 16, "dconv_mode": 1}


def main(out: Path) -> None:
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(20261122)
    model = HTDemucs(SOURCES, segment=Fraction(39, 5), **TINY)
    write(model, out / "htdemucs" / f"{SIGNATURE}.safetensors")
    (out / "htdemucs" / "htdemucs.yaml").write_text(f"models: ['{SIGNATURE}']\n", "utf-8")
    (out / "options.json").write_text("{}", "utf-8")


def write(model: Any, path: Path) -> None:
    """A model as the library's own repositories hold it."""
    from safetensors.torch import save_file

    arguments, named = model._init_args_kwargs
    metadata = {
        "klass": f"{type(model).__module__}.{type(model).__qualname__}",
        "args": json.dumps([]),
        "kwargs": json.dumps({"sources": arguments[0], **named}, default=_fraction),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path, metadata=metadata)
    path.chmod(0o644)


def _fraction(value: Fraction) -> dict[str, Any]:
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}


if __name__ == "__main__":
    sys.path.pop(0)  # this file has the library's name
    main(Path(sys.argv[1]))
