"""Voices that a request brings along as files; the one that spoke last stays, for lines that follow in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import ConvertRequest, File

from .card import Card, read_card
from .files import generator_of, read_voice
from .generator import Generator
from .retrieval import Index


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A voice that can speak: its network on the device; index and card where they came along."""

    generator: Generator
    index: Index | None
    card: Card | None


class Voices:
    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last: tuple[tuple[File, ...], Loaded] | None = None

    def of(self, request: ConvertRequest, item: Item) -> Loaded:
        """The voice of a request: safetensors before `.pth`; RequestError for what is no RVC v2 voice."""
        if self._last is None or self._last[0] != request.voice:
            self._last = None  # two voices need not be in memory
            self._last = (request.voice, self._loaded(request.voice, item))
        return self._last[1]

    def _loaded(self, files: tuple[File, ...], item: Item) -> Loaded:
        weights = only(files, ".safetensors") or only(files, ".pth")
        if weights is None:
            raise RequestError("rvc converts with an RVC v2 voice (.pth or .safetensors); train one with rvc")
        index, card = only(files, ".index"), only(files, ".json")
        return Loaded(
            generator=generator_of(read_voice(item.input(weights))).to(self._device),
            index=Index(item.input(index)) if index else None,
            card=read_card(item.input(card)) if card else None,
        )


def only(files: tuple[File, ...], ending: str) -> File | None:
    """The one file of this ending; RequestError if there are several."""
    found = [each for each in files if ending_of(each) == ending]
    if len(found) > 1:
        raise RequestError(f"a voice has one {ending} file, the request has {[Path(each.path).name for each in found]}")
    return found[0] if found else None


def ending_of(file: File) -> str:
    """`.pth`, `.safetensors`, `.posterior.safetensors` ...; names may hold dots of their own."""
    name = Path(file.path).name
    twice = (".posterior.safetensors", ".curve.json")
    return next((each for each in twice if name.endswith(each)), Path(name).suffix)
