"""What a voice says of itself beside its weights: `<character>.json`, and the same for people, `<character>.md`.

Programs of the ecosystem do not need it; this engine takes the character's median f0 and vector from it.
Rights are the house's to record: they stand in its own card of the voice.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from containers.contract.codec import canonical, decode, encode
from containers.contract.errors import RequestError

from .files import FORMAT
from .likeness import MODEL, Vector


@dataclass(frozen=True, kw_only=True)
class Card:
    """`vector`: the character's mean vector, base64 of little-endian float32; `weights`: SHA-256 of files this voice
    came from and of its own; `history`: cards of the voices it was trained on from, oldest first."""

    character: str
    engine: str
    sample_rate_hz: int
    clips: int
    seconds: float
    f0_median_hz: float | None
    epochs: int
    best_epoch: int
    scores: dict[str, float]
    weights: dict[str, str]
    options: dict[str, Any]
    vector: str | None = None
    vector_model: str = MODEL
    history: tuple[dict[str, Any], ...] = field(default=())
    format: str = FORMAT

    @property
    def mean_vector(self) -> Vector | None:
        if self.vector is None or self.vector_model != MODEL:
            return None
        return np.frombuffer(base64.b64decode(self.vector), "<f4")


def coded(vector: Vector | None) -> str | None:
    return None if vector is None else base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")


def read_card(path: Path) -> Card:
    try:
        said = json.loads(path.read_text("utf-8"))
        known = {each.name for each in fields(Card)}
        return decode(Card, {name: each for name, each in said.items() if name in known}, path.name)
    except (ValueError, AttributeError) as error:
        raise RequestError(f"{path.name} cannot be read as a voice's card: {error}") from error


def earlier(card: Card) -> tuple[dict[str, Any], ...]:
    """The history of a voice that goes on from this one."""
    own = {key: value for key, value in encode(card).items() if key not in ("vector", "history")}
    return (*card.history, own)


def write_cards(folder: Path, card: Card) -> tuple[Path, Path]:
    data, text = folder / f"{card.character}.json", folder / f"{card.character}.md"
    data.write_text(canonical(card), "utf-8")
    text.write_text(_markdown(card), "utf-8")
    return data, text


def _markdown(card: Card) -> str:
    f0 = "nothing voiced" if card.f0_median_hz is None else f"median f0 {card.f0_median_hz:.0f} Hz"
    lines = [
        f"# {card.character}",
        "",
        "Speech made with this voice is synthetic and has to be marked as such.",
        "",
        f"- made by {card.engine}, format {card.format}, {card.sample_rate_hz} Hz",
        f"- learnt from {card.seconds / 60:.1f} minutes in {card.clips} clips, {f0}",
        f"- trained for {card.epochs} epochs; this is epoch {card.best_epoch}",
        *(f"- trained on from: {each['engine']}, {each['seconds'] / 60:.1f} minutes" for each in card.history),
        "",
        "| score | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in sorted(card.scores.items())),
        "",
        "| file | SHA-256 |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in sorted(card.weights.items())),
    ]
    return "\n".join(lines) + "\n"
