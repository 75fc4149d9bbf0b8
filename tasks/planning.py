"""What a series will take: hours, disk, bucket, money; from its minutes and from assumptions that are data.

hours = minutes x seconds a minute of each stage / 3600; disk = minutes x MB a minute
+ voices x MB a voice; cost = hours x price + GB x months x price. Nothing is measured here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.series import SeriesError

FILE = Path(__file__).with_name("planning.toml")


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """A figure, whether it was measured, and of what it is."""

    value: float
    how: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Hours are of one core or one GPU; GB are 10^9 bytes."""

    episodes: int
    minutes: float
    cpu_hours: float
    gpu_hours: float
    wall_hours: float
    bucket_gb: float
    disk_gb: float
    cost: float
    cost_per_episode: float
    cost_per_month: float


def assumptions(file: Path = FILE, told: Mapping[str, str] | None = None) -> dict[str, Assumption]:
    """The figures of a file, with what was told in place of some; SeriesError names what cannot be read."""
    try:
        found = {name: Assumption(**said) for name, said in tomllib.loads(file.read_text("utf-8")).items()}
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise SeriesError(f"{file} holds no assumptions ({error}); its form is that of tasks/planning.toml") from error
    if missing := sorted(assumed_names() - found.keys()):
        raise SeriesError(f"{file} lacks {', '.join(missing)}; copy tasks/planning.toml and change it")
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


def plan(
    minutes: list[float], voices: int, engines: Mapping[str, str], said: Mapping[str, Assumption], cores: int, gpus: int
) -> Plan:
    """`minutes` of each episode; `engines`: stage -> engine; engines without a figure count as light's."""
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
    kept = total * sum(figure[f"{each}_mb_per_minute"] for each in ("recording", "stems", "clips"))
    bucket = (kept + voices * (figure["data_set_mb_per_voice"] + figure["voice_mb"])) / 1000
    cpu_hours, gpu_hours = cpu_s / 3600, gpu_s / 3600
    cost = cpu_hours * figure["cpu_core_hour_price"] + gpu_hours * figure["gpu_hour_price"]
    return Plan(
        episodes=len(minutes),
        minutes=total,
        cpu_hours=cpu_hours,
        gpu_hours=gpu_hours,
        wall_hours=cpu_hours / cores + gpu_hours / max(1, gpus),
        bucket_gb=bucket,
        disk_gb=bucket + figure["work_gb"],
        cost=cost,
        cost_per_episode=cost / max(1, len(minutes)),
        cost_per_month=bucket * figure["storage_gb_month_price"],
    )
