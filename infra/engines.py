"""The engines there are: engines.toml as values. No engine is imported or started here."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from containers.contract.stages import STAGES
from infra.settings import HERE, settings

CONTAINERS = HERE / "containers"


class UnknownEngine(ValueError):
    """A name that engines.toml does not know, or a stage that the engine does not play."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One table of engines.toml; see its head for the meaning of each field."""

    name: str
    stages: tuple[str, ...]
    environment: Literal["house", "own"]
    gpu: int
    memory_gb: float
    at_most: int
    batch: int
    timeout_s: float
    neutral_options: tuple[str, ...]
    python: str = ""
    torch: str = ""
    cpu: float = 2.0
    disk_gb: float = 20.0
    weights: dict[str, str | list[str]] = field(default_factory=dict, hash=False)
    options_of: dict[str, list[str]] = field(default_factory=dict, hash=False)
    revision: dict[str, int] = field(default_factory=dict, hash=False)
    min_minutes: float = 0.25
    dereverbs: bool = False

    @property
    def folder(self) -> Path:
        return CONTAINERS / self.name

    @property
    def environment_folder(self) -> Path:
        """Where an environment of its own lies."""
        return settings().engines_dir.absolute() / self.name

    @property
    def interpreter(self) -> Path:
        """What runs the engine on this machine: the house's own Python, or that of the engine's environment."""
        if self.environment == "house":
            return Path(sys.executable)
        return self.environment_folder / "bin" / "python"

    def options(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a start: those given, and the weights the engine takes by default."""
        return {**self.weights, **given}

    def telling(self, options: dict[str, Any], stage: str = "") -> dict[str, Any]:
        """The options that show in results of this stage; of any stage, if none is named."""
        others = {name for of, names in self.options_of.items() if stage and of != stage for name in names}
        return {key: each for key, each in options.items() if key not in others.union(self.neutral_options)}

    def weights_named(self, options: dict[str, Any]) -> list[str]:
        """Names of the weights that these options name, without repetition."""
        named = (options[key] for key in self.weights if options.get(key))
        return sorted({name for each in named for name in ([each] if isinstance(each, str) else each)})


@cache
def engines() -> dict[str, Engine]:
    """All engines by name."""
    tables = tomllib.loads((CONTAINERS / "engines.toml").read_text("utf-8"))
    return {name: _engine(name, table) for name, table in tables.items()}


def engine_for(name: str, stage: str) -> Engine:
    """The engine of that name, which must play the stage."""
    found = engines().get(name)
    players = [each.name for each in engines().values() if stage in each.stages]
    if found is None or stage not in found.stages:
        raise UnknownEngine(f"no engine {name!r} plays {stage}; choose one of: {', '.join(players)}")
    return found


def _engine(name: str, table: dict[str, Any]) -> Engine:
    lists: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    unknown = {*lists.get("stages", ()), *lists.get("revision", ())} - set(STAGES)
    if unknown:
        raise UnknownEngine(f"engines.toml: {name} names unknown stages {sorted(unknown)}")
    return Engine(**{"name": name, **lists})
