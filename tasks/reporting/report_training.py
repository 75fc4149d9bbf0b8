"""How a voice was trained, as curves: from the `<character>.curve.json` that an engine may leave with it.

Losses by epoch, a list each, and scores of held-out clips at each save. A voice
without that file has no curves, and one whose file is of another form has none either.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from tasks.reporting.report_charts import Curves, curves
from tasks.studio import Studio
from tasks.voices import Card

log = logging.getLogger("voicecast.report")


def training_curves(studio: Studio, card: Card) -> tuple[Curves, ...]:
    """Curves to draw, in order: similarity and other scores, then losses."""
    name = f"{card.character}.curve.json"
    file = card.files.get(name)
    if file is None or studio.store.size(file.key) is None:
        return ()
    try:
        return read_curves(json.loads(studio.store.read(file.key)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s is no training curve as this version knows it (%s); the page is without it", file.key, error)
        return ()


def read_curves(said: Any) -> tuple[Curves, ...]:
    """`said`: {"epochs": n, "best_epoch": n, "losses": {name: [...]}, "saves": [{"epoch": n, name: score}]}."""
    epochs, best = int(said["epochs"]), said.get("best_epoch")
    best_epoch = None if best is None else int(best)
    scores: dict[str, list[tuple[float, float]]] = {}
    for save in said.get("saves", ()):
        for name, value in save.items():
            if name != "epoch" and isinstance(value, int | float):
                scores.setdefault(name.replace("_", " "), []).append((float(save["epoch"]), float(value)))
    losses = {
        name.replace("_", " "): [(float(index), float(value)) for index, value in enumerate(values, start=1)]
        for name, values in said.get("losses", {}).items()
        if "gradient" not in name
    }
    one_scale = {name: points for name, points in scores.items() if all(0 <= value <= 1 for _, value in points)}
    found = [curves("Scores of held-out clips", one_scale, epochs, best_epoch)]
    found += [curves(f"Loss: {name}", {name: points}, epochs, best_epoch) for name, points in losses.items()]
    return tuple(each for each in found if each)
