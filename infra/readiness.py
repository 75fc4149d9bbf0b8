"""What an engine lacks before it can start, so that a night's work does not end at its first heavy stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from containers.contract.errors import EngineError
from infra.engines import Engine
from infra.environments import installed
from infra.settings import kubernetes_settings
from infra.slots import gpus
from infra.weights import look, weights_folder
from infra.weights_catalogue import catalogue


def lacks(engine: Engine, runner: str, options: dict[str, Any]) -> list[str]:
    """What to do before this engine can start with these options; empty if nothing."""
    elsewhere = runner == "kubernetes" and kubernetes_settings().weights_claim
    return [*lacks_place(engine, runner), *(() if elsewhere else _weights(engine, options))]


def lacks_place(engine: Engine, runner: str) -> list[str]:
    """What to do before this engine can be started there, weights aside."""
    if runner == "process":
        hint = f"engine {engine.name} is not installed; run: voicecast engines install {engine.name}"
        return [] if installed(engine) else [hint]
    if runner == "kubernetes":
        from infra.runners.kubernetes_sweep import may_work

        refusal = may_work()
        return [refusal] if refusal else []
    from infra.image_names import image_of, variant_of
    from infra.runners.docker import daemon

    try:
        with daemon(engine.name) as client:
            client.images.get(image_of(engine, variant_of(gpus() if engine.gpu else ())))
    except EngineError as error:
        return [str(error)]
    return []


def _weights(engine: Engine, options: dict[str, Any]) -> Iterator[str]:
    states = {name: look(name).state for name in engine.weights_named(engine.options(options))}
    missing = [name for name, state in states.items() if state == "missing" and name in catalogue()]
    unknown = [name for name, state in states.items() if state == "missing" and name not in catalogue()]
    damaged = [name for name, state in states.items() if state == "damaged"]
    if missing:
        yield f"engine {engine.name} needs weights; run: voicecast weights fetch {' '.join(missing)}"
    if unknown:
        places = " and ".join(str(weights_folder() / name) for name in unknown)
        yield f"engine {engine.name} needs weights in {places}: put them there, voicecast knows no source of them"
    if damaged:
        yield f"weights are damaged; run: voicecast weights fetch {' '.join(damaged)}"
