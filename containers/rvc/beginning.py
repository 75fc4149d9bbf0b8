"""What a training begins with: a pretrained pair, nothing, or a voice that is trained on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import File

from .card import Card, read_card
from .files import Tensors, read_posterior, read_voice
from .learner import Beginning
from .pretrained import pretrained_pair
from .shape import Shape, Size, shape_for
from .voices import only

_THINNER = 64
"""Of the discriminator beside a tiny generator."""
_LOG = logging.getLogger("voicecast.rvc")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """`weights`: SHA-256 of the files that were read, by name; `card` of the voice that is trained on."""

    shape: Shape
    beginning: Beginning
    weights: dict[str, str]
    card: Card | None


def origin_of(voice: tuple[File, ...], item: Item, rate_hz: int, size: Size, pretrained: str) -> Origin:
    """A voice that is trained on keeps its own shape and rate; RequestError if the files are none."""
    before = _voice(voice, item) if voice else None
    shape = before.shape if before else shape_for(rate_hz, size)
    generator: Tensors | None = None
    pair = None
    if pretrained:
        pair = pretrained_pair(pretrained, shape)
        generator = pair.generator
    if before:
        if not (pretrained or before.has_posterior):
            _LOG.warning("the voice has no posterior and there is no pretrained pair: it learns to listen anew")
        generator = {**(generator or {}), **before.tensors}
    return Origin(
        shape=shape,
        beginning=Beginning(
            generator=generator,
            discriminator=pair.discriminator if pair else None,
            spectral=pair.spectral if pair else False,
            thinner=_THINNER if size == "tiny" else 1,
        ),
        weights={**(pair.hashes if pair else {}), **(before.hashes if before else {})},
        card=before.card if before else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Before:
    shape: Shape
    tensors: Tensors
    has_posterior: bool
    hashes: dict[str, str]
    card: Card | None


def _voice(voice: tuple[File, ...], item: Item) -> _Before:
    weights = only(voice, ".safetensors") or only(voice, ".pth")
    if weights is None:
        raise RequestError(
            "rvc trains on from an RVC v2 voice (.pth or .safetensors); leave the voice out to begin anew"
        )
    read = read_voice(item.input(weights))
    posterior = only(voice, ".posterior.safetensors")
    more = read_posterior(item.input(posterior)) if posterior else {}
    card = only(voice, ".json")
    used = [each for each in (weights, posterior) if each]
    return _Before(
        shape=read.shape,
        tensors={**read.tensors, **more},
        has_posterior=bool(more),
        hashes={f"from {Path(each.path).name}": each.sha256 for each in used},
        card=read_card(item.input(card)) if card else None,
    )
