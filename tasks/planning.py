"""What a series will take: hours, disk, bucket, money; from its minutes and from assumptions that are data.

hours = minutes x seconds a minute of each stage / 3600; store = minutes x MB a minute of each kind that is kept
+ voices x MB a voice; its peak: that and, of so many episodes at once, what is not kept; cost = hours x price
+ GB x months x price. Nothing is measured here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.series import SeriesError

FILE = Path(__file__).with_name("planning.toml")
KINDS = ("recordings", "vocals", "background", "clips", "tables")
"""Kinds of files of an episode, each with a figure `..._mb_per_minute`."""


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """A figure, whether it was measured, and of what it is."""

    value: float
    how: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hours are of one core or one GPU; GB are 10^9 bytes. `kept_gb`: of episodes, by kind, in the end; `peak_gb`: the
    most that the store holds at a time."""

    episodes: int
    minutes: float
    cpu_hours: float
    gpu_hours: float
    wall_hours: float
    kept_gb: Mapping[str, float]
    bucket_gb: float
    peak_gb: float
    disk_gb: float
    cost: float
    cost_per_episode: float
    cost_per_month: float


def assumptions(
    file: Path = FILE, told: Mapping[str, str] | None = None, seen: Mapping[str, Assumption] | None = None
) -> dict[str, Assumption]:
    """The figures of a file, with what was `seen` of the series itself, and with what was told, in place of some;
    SeriesError names what cannot be read."""
    try:
        found = {name: Assumption(**said) for name, said in tomllib.loads(file.read_text("utf-8")).items()}
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SeriesError(f"{file} holds no assumptions ({error}); its form is that of tasks/planning.toml") from error
    if missing := sorted(assumed_names() - found.keys()):
        raise SeriesError(f"{file} lacks {', '.join(missing)}; copy tasks/planning.toml and change it")
    found |= seen or {}
    for name, value in (told or {}).items():
        if name not in found:
            raise SeriesError(f"--assume {name}: there is no such figure; there are: {', '.join(found)}")
        try:
            found[name] = Assumption(value=float(value), how="told", about=found[name].about)
        except ValueError as error:
            raise SeriesError(f"--assume {name}={value}: {value} is no number") from error
    return found


def assumed_names() -> set[str]:
    return set(tomllib.loads(FILE.read_text("utf-8")))


def of_kinds(said: Mapping[str, Assumption]) -> dict[str, Assumption]:
    """Of figures, those of the files of an episode, by kind."""
    return {kind: said[f"{kind}_mb_per_minute"] for kind in KINDS}


def plan(  # noqa: PLR0913, PLR0917 (what a plan depends on)
    minutes: list[float],
    voices: int,
    engines: Mapping[str, str],
    said: Mapping[str, Assumption],
    cores: int,
    gpus: int,
    goes: Collection[str] = (),
    at_once: int = 1,
) -> Plan:
    """`minutes` of each episode; `engines`: stage -> engine; engines without a figure count as light's. `goes`: kinds
    that the store does not keep of an episode once it is prepared; `at_once`: episodes under way at a time."""
    figure = {name: each.value for name, each in said.items()}
    total = sum(minutes)
    cpu_s = total * figure["light_cpu_s_per_minute"] + len(minutes) * figure["house_cpu_s_per_episode"]
    gpu_s = 0.0
    for stage in ("separate", "diarize"):
        known = figure.get(f"{engines.get(stage, 'light')}_gpu_s_per_minute")
        if known is not None:
            gpu_s += total * known
            cpu_s -= total * figure[f"light_{stage}_cpu_s_per_minute"]
    if engines.get("train", "light") == "light":
        cpu_s += voices * figure["light_train_cpu_s_per_voice"]
    else:
        gpu_s += voices * figure["rvc_gpu_minutes_per_voice"] * 60
    each_gb = {kind: each.value / 1000 for kind, each in of_kinds(said).items()}
    kept_gb = {kind: 0.0 if kind in goes else total * gb for kind, gb in each_gb.items()}
    bucket = sum(kept_gb.values()) + voices * (figure["data_set_mb_per_voice"] + figure["voice_mb"]) / 1000
    longest = sum(sorted(minutes)[-at_once:])
    peak = bucket + longest * sum(gb for kind, gb in each_gb.items() if kind in goes)
    cpu_hours, gpu_hours = cpu_s / 3600, gpu_s / 3600
    cost = cpu_hours * figure["cpu_core_hour_price"] + gpu_hours * figure["gpu_hour_price"]
    return Plan(
        episodes=len(minutes),
        minutes=total,
        cpu_hours=cpu_hours,
        gpu_hours=gpu_hours,
        wall_hours=cpu_hours / cores + gpu_hours / max(1, gpus),
        kept_gb=kept_gb,
        bucket_gb=bucket,
        peak_gb=peak,
        disk_gb=peak + figure["work_gb"],
        cost=cost,
        cost_per_episode=cost / max(1, len(minutes)),
        cost_per_month=bucket * figure["storage_gb_month_price"],
    )
