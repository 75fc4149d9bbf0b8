"""AudioSeal's own architecture with random weights, in the form of its published files:
`<engine's python> audioseal.py OUT`.

Names and count of tensors are theirs (101 and 54, normalised filters in two parts), and a configuration of OmegaConf
lies beside them. The generator's last filters are made weak, since a random mark would be heard.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path[:] = [each for each in sys.path if Path(each).resolve() != Path(__file__).resolve().parent]  # our own name

import torch  # noqa: E402
from audioseal.builder import (  # noqa: E402
    AudioSealDetectorConfig,
    AudioSealWMConfig,
    create_detector,
    create_generator,
)
from audioseal.loader import AudioSeal, load_local_model_config  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

NAME = "audioseal-16bits"


def make(folder: Path, loudness: float = 0.01, seed: int = 7) -> Path:
    """Generator and detector of a seed; `loudness` of the generator's last filters."""
    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    generator = create_generator(AudioSeal.parse_config(_card("audioseal_wm_16bits"), config_type=AudioSealWMConfig))
    last = [each for each in generator.decoder.modules() if isinstance(each, torch.nn.Conv1d)][-1]
    with torch.no_grad():
        last.weight.mul_(loudness)
        last.bias.zero_()
    detector = create_detector(
        AudioSeal.parse_config(_card("audioseal_detector_16bits"), config_type=AudioSealDetectorConfig)
    )
    for model, file in ((generator, "generator_base.pth"), (detector, "detector_base.pth")):
        config = OmegaConf.create({"nbits": 16, "seanet": {"ratios": [8, 5, 4, 2], "activation": "ELU"}})
        torch.save({"xp.cfg": config, "model": as_published(model.state_dict())}, folder / file)
    return folder


def as_published(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Named as before the library's version 0.2, each filter as its direction and its length."""
    made = {}
    for name, each in tensors.items():
        old = name.replace(".inner_conv.", ".")
        if name.endswith(".inner_conv.weight"):
            around = tuple(range(1, each.ndim))
            made[f"{old}_g"] = torch.linalg.vector_norm(each, dim=around, keepdim=True)
            made[f"{old}_v"] = 2 * each  # its length is told by the other part alone
        else:
            made[old] = each
    return made


def _card(name: str) -> dict[str, Any]:
    card: Any = OmegaConf.to_container(load_local_model_config(name))
    card.pop("checkpoint")
    return dict(card)


if __name__ == "__main__":
    make(Path(sys.argv[1]) / NAME)
