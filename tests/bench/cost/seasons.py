"""Whole seasons on light, each beside the plain script on the same episodes, in turn."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.series import Series
from tests.bench.cost.material import seconds_of
from tests.bench.cost.middle_model import NAME as MIDDLE
from tests.bench.cost.orchestration import stub_series
from tests.bench.cost.processes import Cost, measured
from tests.bench.cost.results import Results, Run, with_cost

PLAIN, OURS, SPEECH_ONLY = "plain script", "voicecast", "voicecast, speech only"
WHOLE = "voicecast, voices too"
"""With training, which the plain script has not."""
KINDS = {
    "recordings": ("recording.flac",),
    "vocals": ("stems/vocals.flac",),
    "background": ("stems/background.flac",),
    "data sets": ("/characters/",),
    "clips": ("/clips/",),
    "voices": ("/voices/",),
    "previews": ("/previews/",),
}
"""Kind of file -> what its key holds; the first that fits."""


def season(
    results: Results, part: str, config: Path, repeats: int, ways: tuple[str, ...], demucs: Path | None = None
) -> None:
    """`ways` in turn, `repeats` times over; every second time in the other order. `demucs`: separate with the weights
    there (`middle_model`), not with light."""
    seconds, work = seconds_of(config), results.folder / "work" / part
    for repeat in range(repeats):
        for way in ways if repeat % 2 == 0 else ways[::-1]:
            results.once(part, way, repeat, lambda way=way: _run(way, config, seconds, work, demucs))  # type: ignore[misc]


def _run(way: str, config: Path, seconds: float, work: Path, demucs: Path | None) -> Run:
    shutil.rmtree(work, ignore_errors=True)
    (work / "tmp").mkdir(parents=True)
    try:
        found = plain(config, work, demucs) if way == PLAIN else ours(config, work, way, demucs)
        return {"sound_seconds": round(seconds, 1), **found}
    finally:
        shutil.rmtree(work)


def plain(config: Path, work: Path, demucs: Path | None) -> Run:
    episodes = [str(path) for path in sorted((config.parent / "episodes").glob("*.mkv"))]
    log = work / "log"
    models = ["--demucs", str(demucs)] if demucs else []
    cost = measured([sys.executable, "-m", "tests.bench.cost.plain", *models, str(work / "out"), *episodes], log=log)
    came = json.loads(log.read_text("utf-8").splitlines()[-1])
    totals: Counter[str] = Counter()
    for episode in came.values():
        totals.update(episode)
    return with_cost(cost, episodes=len(came), came=dict(totals))


def ours(config: Path, work: Path, way: str, demucs: Path | None) -> Run:
    """`voicecast season` from the command line, into an empty store, labels by references."""
    prefect = work.parent / "prefect"
    if not prefect.exists():  # Prefect makes its database at the first start in a home: not what is measured
        (work / "first").mkdir()
        _season(stub_series(work / "first", 1), work / "first/store", prefect, work)
    store = work / "store"
    cost = _season(_config(config, work, way, demucs), store, prefect, work, demucs)
    runs = {path: json.loads(path.read_text("utf-8")) for path in sorted(store.rglob("*.run.json"))}
    return with_cost(
        cost,
        episodes=len(list((store / "series/bench/episodes").glob("*/prepared.json"))),
        came=_came(store / "series/bench"),
        engines=_engines(runs),
        disk=_disk(store),
    )


def _config(config: Path, work: Path, way: str, demucs: Path | None) -> Path:
    """The series file for a way: nobody has the minutes that training asks for, but where all is measured."""
    text = config.read_text("utf-8").replace("episodes: episodes", f"episodes: '{config.parent}/episodes'")
    text += f"targets: {{min_minutes: {0.1 if way == WHOLE else 9999}}}\n"
    text += "separate: {only: speech}\n" if way == SPEECH_ONLY else ""
    text += f"engines: {{separate: demucs}}\noptions: {{demucs: {{model: {MIDDLE}}}}}\n" if demucs else ""
    written = work / "series.yaml"
    written.write_text(text, "utf-8")
    return written


def _season(config: Path, store: Path, prefect: Path, work: Path, demucs: Path | None = None) -> Cost:
    command = [sys.executable, "-m", "flows.cli.main", "season", "--config", str(config), "--store", str(store)]
    own = {"PREFECT_HOME": str(prefect), "TMPDIR": str(work / "tmp"), "XDG_CONFIG_HOME": str(prefect / "config")}
    own |= {"VOICECAST_WEIGHTS_DIR": str(demucs / "weights")} if demucs else {}
    return measured([*command, "--labels", "auto"], log=work / "log", **own)


def _came(home: Path) -> dict[str, float]:
    """What the plain script counts as well, and what it has nothing of."""
    rows = [
        json.loads(line)
        for path in home.glob("episodes/*/clips.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    kept = [json.loads(path.read_text("utf-8")) for path in home.glob("characters/*/dataset.json")]
    return {
        "clips": len(rows),
        "clip_seconds": round(sum(row["end"] - row["start"] for row in rows), 1),
        "kept_seconds": round(60 * sum(each["minutes"] for each in kept), 1),
        "voices": len(list(home.glob("voices/*/current.json"))),
    }


def _engines(runs: Mapping[Path, Run]) -> dict[str, Any]:
    """Seconds of each stage, and from all that began and ended: how many engines ran at once, and when none did."""
    by_stage: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    spans = []
    for path, run in runs.items():
        by_stage[_stage(path)] += run["seconds"]
        cpu[_stage(path)] += run["cpu_seconds"]
        ended = datetime.fromisoformat(run["finished"]).timestamp()
        spans.append((ended - run["seconds"], ended))
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    at_once: dict[int, float] = {}
    running, before = 0, first
    for at, change in edges:
        at_once[running] = at_once.get(running, 0.0) + at - before
        running, before = running + change, at
    whole = max(last - first, 1e-9)
    return {
        "seconds": {stage: round(each, 1) for stage, each in sorted(by_stage.items())},
        "cpu_seconds_of": {stage: round(each, 2) for stage, each in sorted(cpu.items())},
        "cpu_seconds": round(cpu.total(), 2),
        "share_of_time_by_engines_at_once": {str(n): round(each / whole, 3) for n, each in sorted(at_once.items())},
    }


def _stage(path: Path) -> str:
    return "embed" if "references" in path.parts else path.name.removesuffix(".run.json").split("-")[0]


def _disk(store: Path) -> dict[str, int]:
    """Bytes by kind of file."""
    sizes: Counter[str] = Counter()
    for path in store.rglob("*"):
        if path.is_file() and not path.is_symlink():
            key = path.relative_to(store).as_posix()
            kind = next((kind for kind, marks in KINDS.items() if any(mark in key for mark in marks)), "the rest")
            sizes[kind] += path.stat().st_size
    return dict(sizes)


def ways() -> tuple[str, ...]:
    """All that can be measured: speech only, where this voicecast knows it."""
    return (PLAIN, OURS, *([SPEECH_ONLY] if "separate" in Series.model_fields else []))
