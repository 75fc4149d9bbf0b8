"""How good a store's data sets are on a series of `stranger_series`, against who truly spoke.

    python -m tests.bench.stranger_quality FOLDER/en [--store STORE] [--details]

Of each character: seconds of speech in its kept clips, the share of them in which the character speaks, clips mainly of
somebody else, and the share of all it says that was kept. Of each speaker that was linked: who truly speaks it, beside
the character that labels say. Prints JSON. Times of lossy tracks are some 20 ms late, which no figure here feels.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Truth = Mapping[str, list[tuple[float, float, str]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stranger_quality", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--details", action="store_true")
    options = parser.parse_args()
    said = yaml.safe_load((options.folder / "series.yaml").read_text("utf-8"))
    home = (options.store or options.folder / "voicecast-store") / "series" / said["series"]
    print(json.dumps(measured(options.folder, home, sorted(said["characters"]), options.details), indent=1))


def measured(folder: Path, home: Path, characters: list[str], details: bool) -> dict[str, Any]:
    truth = true_turns(folder, home)
    every = [row for name in characters for row in manifest(home, name)]
    kept = [row for row in every if row["verdict"] == "kept"]
    report: dict[str, Any] = {
        name: _of(name, [row for row in kept if row["character"] == name], truth) for name in characters
    }
    seconds = sum(each["seconds"] for each in report.values())
    report["all"] = {
        "seconds": round(seconds, 1),
        "pure": round(sum(each["seconds"] * (each["pure"] or 0) for each in report.values()) / max(seconds, 1e-9), 4),
        "clips": len(kept),
        "wrong_clips": sum(each["wrong_clips"] for each in report.values()),
        "yield": round(
            sum(each["own_kept"] for each in report.values()) / sum(each["said"] for each in report.values()), 3
        ),
    }
    report["speakers"] = dict(_speakers(home, truth))
    if details:
        report["wrong"] = [
            {**{key: row[key] for key in ("character", "episode", "start", "end")}, "truth": dict(spoken(row, truth))}
            for row in kept
            if _owner(row, truth) != row["character"]
        ]
        report["reasons"] = dict(Counter(row["reason"] for row in every if row["verdict"] != "kept"))
    return report


def true_turns(folder: Path, home: Path) -> Truth:
    """By the key of each episode, who speaks when."""
    keys = {row["file"]: row["key"] for row in json.loads((home / "episodes.json").read_text("utf-8"))}
    files = [json.loads(path.read_text("utf-8")) for path in sorted((folder / "truth").glob("*.json"))]
    named = {Path(file).name: key for file, key in keys.items()}
    return {
        named[each["file"]]: [(turn["start"], turn["end"], turn["who"]) for turn in each["turns"]]
        for each in files
        if each["file"] in named
    }


def manifest(home: Path, character: str) -> Iterator[dict[str, Any]]:
    path = home / "characters" / character / "manifest.jsonl"
    if path.exists():
        yield from (json.loads(line) for line in path.read_text("utf-8").splitlines())


def spoken(row: Mapping[str, Any], truth: Truth) -> Counter[str]:
    """Seconds of each person within a clip."""
    found: Counter[str] = Counter()
    for start, end, who in truth.get(row["episode"], ()):
        if (shared := min(end, row["end"]) - max(start, row["start"])) > 0:
            found[who] += round(shared, 2)  # type: ignore[assignment]
    return found


def _owner(row: Mapping[str, Any], truth: Truth) -> str:
    return max(spoken(row, truth).items(), key=lambda each: each[1], default=("nobody", 0))[0]


def _of(name: str, rows: list[dict[str, Any]], truth: Truth) -> dict[str, Any]:
    heard = sum((spoken(row, truth) for row in rows), Counter[str]())
    said = sum(end - start for turns in truth.values() for start, end, who in turns if who == name)
    return {
        "seconds": round(sum(heard.values()), 1),
        "pure": round(heard[name] / sum(heard.values()), 4) if heard else None,
        "clips": len(rows),
        "wrong_clips": sum(_owner(row, truth) != name for row in rows),
        "own_kept": heard[name],
        "said": round(said, 1),
        "yield": round(heard[name] / said, 3) if said else None,
    }


def _speakers(home: Path, truth: Truth) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each linked speaker: who truly speaks its clips, and what labels or suggestions call it."""
    cast = json.loads((home / "cast" / "speakers.json").read_text("utf-8"))
    path = home / "cast" / "labels.json"
    labels = json.loads(path.read_text("utf-8"))["speakers"] if path.exists() else {}
    times: dict[str, dict[str, Any]] = {}
    for episode in truth:
        for line in (home / "episodes" / episode / "clips.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            times[row["id"]] = row
    for speaker in cast["speakers"]:
        heard: dict[str, float] = defaultdict(float)
        for clip in speaker["clips"]:
            for who, seconds in spoken(times[clip], truth).items() if clip in times else ():
                heard[who] += seconds
        ranked = sorted(heard.items(), key=lambda each: -each[1])[:3]
        yield (
            speaker["id"],
            {
                "truth": {who: round(seconds, 1) for who, seconds in ranked},
                "called": labels.get(speaker["id"], {}).get("character"),
            },
        )


if __name__ == "__main__":
    main()
