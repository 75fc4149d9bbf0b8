"""Published pretrained pairs: a generator and the discriminator that belongs to it, by sample rate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from containers.contract.errors import EngineError
from containers.contract.item import sha256_of
from containers.contract.weights import weights

from .discriminator import Discriminator
from .files import Tensors, fits, read_tensors, renamed
from .generator import Generator
from .shape import Shape


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A published pair; `spectral`: its discriminator is spectrally normalised. `hashes`: SHA-256 by file."""

    generator: Tensors
    discriminator: Tensors
    spectral: bool
    hashes: dict[str, str]


def pretrained_pair(name: str, shape: Shape) -> Pair:
    """The pair of these weights for this sample rate; EngineError if it is not there, RequestError if it is none."""
    folder, rate = weights(name), f"{shape.rate_hz // 1000}k"
    found, hashes = [], {}
    for part in ("G", "D"):
        path = folder / f"f0{part}{rate}.pth"
        if not path.is_file():
            raise EngineError(f"{path.name} is not among the weights {name}; run: voicecast weights fetch {name}")
        tensors = read_tensors(path).get("model")
        if not isinstance(tensors, dict):
            raise EngineError(f"{path.name} holds no pretrained model; run: voicecast weights fetch {name}")
        found.append({key: each.float() for key, each in renamed(tensors).items()})
        hashes[path.name] = sha256_of(path)
    generator, discriminator = found
    if "emb_g.weight" in generator:  # a voice that is trained on may know another number of speakers
        shape = replace(shape, speakers=len(generator["emb_g.weight"]))
    spectral = any(key.endswith("._u") for key in discriminator)
    fits(f"f0G{rate}.pth", lambda: Generator(shape), generator)
    fits(f"f0D{rate}.pth", lambda: Discriminator(spectral), discriminator)
    return Pair(generator=generator, discriminator=discriminator, spectral=spectral, hashes=hashes)
