"""Settings of this machine, from the environment (VOICECAST_...); not of a series."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

HERE = Path(__file__).resolve().parent.parent
"""The folder that holds flows, tasks, infra and containers."""


class Settings(BaseSettings):
    """Where things lie on this machine and how much of it may be used."""

    model_config = SettingsConfigDict(env_prefix="VOICECAST_", extra="ignore")

    store: str | None = None
    """Folder (later: bucket) of all results; default: `voicecast-store` beside the series file."""
    config: Path | None = None
    """The series file; default: series.yaml in the current folder."""
    engines_dir: Path = Path(".engines")
    """Where engines with an environment of their own are installed."""
    weights_dir: Path = Path(".weights")
    """Where weights lie; engines read them, nothing writes here but `voicecast weights`."""
    images: str = "voicecast"
    """What names of engine images begin with: a registry and a folder there, or a word of this machine."""
    memory_gb: float | None = None
    """Memory engines may take together; default: this machine's, less 2 GB."""
    gpus: int | None = None
    """The most GPUs engines may take together, 0 to compute on the CPU; default: all that the machine shows."""
    slots: Literal["server", "machine"] | None = None
    """Who counts starts of engines: the Prefect server's limits, over all machines, or file locks of this machine;
    default: the server where one is set up. A server on SQLite takes about two seconds a start."""
    retry_seconds: float = 5.0
    """Wait before the first retry of a machine's fault; each next one waits twice as long."""
    labels_wait_hours: float = 720.0
    """How long a run waits for the people who label, where a Prefect server is set up; 0: not at all."""
    notify: str | None = None
    """Who is told that labels are wanted: a webhook's address, or type/name of a notification block of Prefect's."""
    episodes_at_once: int = 8
    """Episodes under way at the same time; their items share engine starts."""


@cache
def settings() -> Settings:
    return Settings()
