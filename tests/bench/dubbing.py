"""A script of 40 lines in four voices over an episode, end to end on light: `CASES=... python -m tests.bench.dubbing`.

Prepares two episodes of CASES/season_small and trains the four voices of S01E01 (one of them says too little in it
alone). Dubs S01E01 by a Japanese script made here from the true turns, dubs it again, and again with one line
changed. Prints JSON: times, what was made anew, the slot-fit table, and what the track and the muxed video are,
measured on what comes out of the MKV. `--keep FOLDER`: everything stays there, and what is finished is found again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.light.loudness import loudness_lufs
from flows.dubbing import dub_episode
from flows.season import season
from tasks.opening import open_series
from tasks.speech.dubbing import Dub
from tests.bench.truth import LATE, truth

EPISODE = "s01e01"
CAST = ("Yuki", "Ren", "Hana", "Taro")
PHRASES = (
    "うん",
    "まって",
    "いくぞ",
    "こっちだ！",
    "ありがとう",
    "ボールを回せ",
    "まだ終わってない",
    "今日は風が強いね",
    "絶対にあきらめない",
    "あの角を曲がるんだ",
    "明日の試合は必ず勝とう",
    "昨日の夜からずっと考えていたんだ",
    "監督がグラウンドで待っているから急ごう",
    "図書館で借りた本は来週までに返さないといけない",
    "雨がやんだら、もう一度あの丘の上まで歩いて行ってみよう",
)
ROOM = (1.0, 0.85, 1.1, 1.3, 0.7, 1.0, 1.6)
"""How long a line is for its slot, one after another, so that every kind of fit occurs."""
SECONDS_A_LETTER = 0.17
Sound = NDArray[np.int64]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dubbing", description=__doc__)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args(arguments)
    if "CASES" not in os.environ:
        print("CASES must name the folder of real audio", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(bench(Path(os.environ["CASES"]), options.keep or Path(folder)), ensure_ascii=False, indent=1))
    return 0


def bench(cases: Path, work: Path) -> dict[str, Any]:
    work.mkdir(parents=True, exist_ok=True)
    season_small = cases / "season_small"
    config, script = series_file(season_small, work), work / "lines.csv"
    before = timed(work, lambda: season(str(config), str(work / "store"), labels="auto"))
    lines = lines_of(season_small)
    write(script, lines)
    runs = {
        "first": timed(work, lambda: _dub(config, script, work)),
        "again": timed(work, lambda: _dub(config, script, work)),
    }
    lines[20]["text"] = "いや、まだだ"
    write(script, lines)
    runs["one_line_changed"] = timed(work, lambda: _dub(config, script, work))
    made: Dub = runs["one_line_changed"]["value"]
    return {
        "prepare_and_train": _told(before),
        "runs": {
            name: {
                **_told(run),
                "lines_said_anew": run["value"].anew,
                "mixed_anew": run["value"].mixed_anew,
            }
            for name, run in runs.items()
        },
        "fits": dict(Counter(row["fit"] for row in made.rows)),
        "table": [
            {
                name: row.get(name)
                for name in ("row", "character", "slot", "natural", "rate", "tempo", "pace", "fit", "over")
            }
            for row in made.rows
        ],
        **facts(made, config, work, season_small),
    }


def series_file(season_small: Path, work: Path) -> Path:
    rights = "rights: {basis: LibriSpeech CC BY 4.0, by: the bench, date: 2026-11-26}"
    path = work / "series.yaml"
    characters = [
        f"  {name.lower()}: {{name: {name}, references: {season_small}/refs/{name}/*.flac, {rights}}}" for name in CAST
    ]
    head = [
        "series: season-small",
        f"episodes: [{season_small}/episodes/S01E01.mkv, {season_small}/episodes/S01E03.mkv]",
        "language: ja",
    ]
    path.write_text("\n".join([*head, "targets: {min_minutes: 0.05}", "characters:", *characters]) + "\n", "utf-8")
    return path


def lines_of(season_small: Path) -> list[dict[str, Any]]:
    """Two lines a turn of the truth, each with half of its time."""
    turns, _ = truth(season_small, "S01E01")
    halves = [
        (who, start + part * (end - start) / 2, start + (part + 1) * (end - start) / 2)
        for start, end, who in sorted(turns)
        for part in (0, 1)
    ]
    found = []
    for number, (who, start, end) in enumerate(halves[:40]):
        wanted = (end - start) * ROOM[number % len(ROOM)]
        text = min(PHRASES, key=lambda each: abs(len(each) * SECONDS_A_LETTER - wanted))
        found.append({"character": who, "text": text, "start": f"{start:.3f}", "end": f"{end:.3f}", "notes": ""})
    return found


def write(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        table = csv.DictWriter(stream, list(lines[0]))
        table.writeheader()
        table.writerows(lines)


def _dub(config: Path, script: Path, work: Path) -> Dub:
    return dub_episode(str(script), EPISODE, {"language": "ja"}, config=str(config), store=str(work / "store"))


def timed(work: Path, act: Callable[[], Any]) -> dict[str, Any]:
    """What it gives, seconds, and what engines made: records of stages that were written meanwhile."""
    began, since = time.monotonic(), time.time()
    value = act()
    records = (work / "store").rglob("stages/*.run.json")
    made = Counter(path.name.partition(".")[0] for path in records if path.stat().st_mtime >= since)
    return {"value": value, "seconds": time.monotonic() - began, "made": dict(sorted(made.items()))}


def _told(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "seconds": round(run["seconds"], 1),
        "made_by_engines": run["made"],
    }


def facts(made: Dub, config: Path, work: Path, season_small: Path) -> dict[str, Any]:
    """What is in the MKV, by PyAV and sample by sample."""
    studio = open_series(config, str(work / "store"))
    home = f"{studio.home}/episodes/{EPISODE}"
    video, original = studio.store.path(made.video), next((season_small / "episodes").glob("*S01E01*.mkv"))
    recording, rate = _whole(studio.store.path(f"{home}/recording.flac"))
    background, _ = _whole(studio.store.path(f"{home}/stems/background.flac"))
    track = _track(video, made.about["video"]["track"], rate)
    return {
        "mux": {
            "before": _streams(original),
            "after": _streams(video),
            "picture_packets_equal": _same(original, video),
        },
        "length": {
            "video_s": made.about["duration"],
            "recording_s": len(recording) / rate,
            "track_s": len(track) / rate,
        },
        "intact": _intact(track, recording, background, rate, made, season_small),
        "loudness": _loudness(track, background, rate, made, season_small),
        "seams": _seams(track, recording, rate, made),
    }


def _whole(path: Path) -> tuple[Sound, int]:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return samples.astype(np.int64), rate


def _track(video: Path, index: int, rate: int) -> Sound:
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(container.streams.audio[index])]
        assert container.streams.audio[index].rate == rate
    return np.concatenate(frames).astype(np.int64)


def _streams(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        found = [
            (each.type, each.codec_context.name, each.metadata.get("language"), each.metadata.get("title"))
            for each in container.streams
        ]
    return [" ".join(filter(None, each)) for each in found]


def _same(one: Path, other: Path) -> bool:
    with av.open(str(one)) as first, av.open(str(other)) as second:
        packets = [
            [bytes(packet) for packet in each.demux(each.streams.video[0]) if packet.size] for each in (first, second)
        ]
    return packets[0] == packets[1]


def _mask(length: int, rate: int, spans: Sequence[Sequence[float]], pad: float = 0.0) -> NDArray[np.bool_]:
    found = np.zeros(length, bool)
    for start, end in spans:
        found[max(0, round((start - pad) * rate)) : round((end + pad) * rate)] = True
    return found


def _intact(
    track: Sound, recording: Sound, background: Sound, rate: int, made: Dub, season_small: Path
) -> dict[str, Any]:
    """Where nobody speaks: neither by the truth (and 0.3 s around) nor a line of the script (and 10 ms around)."""
    length = len(recording)
    said = _mask(
        length, rate, [(row["said_start"], row["said_end"]) for row in made.rows if "said_start" in row], 0.0101
    )
    taken = _mask(length, rate, made.about["replaced"])
    spoken = _mask(length, rate, [(start, end) for start, end, _ in truth(season_small, "S01E01")[0]], 0.3)
    same = (track[:length] == recording).all(axis=1)
    under = (track[:length] == background).all(axis=1)
    fades = _mask(length, rate, [(start, start + 0.0301) for start, _ in made.about["replaced"]])
    fades |= _mask(length, rate, [(end - 0.0301, end) for _, end in made.about["replaced"]])
    quiet = ~spoken & ~said
    return {
        "samples_outside_what_is_replaced_or_said": int((~taken & ~said).sum()),
        "of_them_equal_to_the_recording": int((same & ~taken & ~said).sum()),
        "samples_replaced_without_line_or_fade": int((taken & ~said & ~fades).sum()),
        "of_them_equal_to_the_background": int((under & taken & ~said & ~fades).sum()),
        "seconds_where_nobody_speaks_by_the_truth": round(quiet.sum() / rate, 2),
        "of_them_the_recording_to_the_sample": round((same & quiet).sum() / rate, 2),
        "of_them_recording_or_background_to_the_sample": round(((same | under) & quiet).sum() / rate, 2),
        "silence_behind_the_recording_samples": len(track) - length,
    }


def _loudness(track: Sound, background: Sound, rate: int, made: Dub, season_small: Path) -> dict[str, Any]:
    """Each line as it is heard (track - background) against the original dialogue of its slot (the exact stem)."""
    speech, stem_rate = soundfile.read(season_small / "stems" / "S01E01" / "speech.flac")
    rows = []
    for row in made.rows:
        if "said_start" not in row or row.get("into"):
            continue
        first, last = round(row["said_start"] * rate), round(row["said_end"] * rate)
        alone = (track[first:last] - background[first:last]).mean(axis=1) / 32768
        slot = speech[round((row["start"] - LATE) * stem_rate) : round((row["end"] - LATE) * stem_rate)]
        rows.append((loudness_lufs(alone, rate), row["loudness_lufs"], loudness_lufs(slot, stem_rate)))
    found = np.array([row for row in rows if None not in row], float)
    return {
        "lines": len(found),
        "heard_minus_wanted_lu": _spread(found[:, 0] - found[:, 1]),
        "heard_minus_original_dialogue_lu": _spread(found[:, 0] - found[:, 2]),
    }


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    names = ("median", "5th_percentile", "95th_percentile")
    return dict(zip(names, (round(float(each), 2) for each in np.percentile(values, [50, 5, 95])), strict=True))


def _seams(track: Sound, recording: Sound, rate: int, made: Dub) -> dict[str, Any]:
    """The largest step from a sample to the next within 40 ms of where something is replaced, beside the recording's
    own largest; and the longest stretch of zeros."""
    edges = [edge for span in made.about["replaced"] for edge in span]
    near = _mask(len(recording), rate, [(edge, edge) for edge in edges], 0.04)[1:]
    return {
        "largest_step_at_a_seam": int(
            np.abs(np.diff(track[: len(recording)], axis=0)).max(axis=1)[near].max(initial=0)
        ),
        "largest_step_of_the_recording": int(np.abs(np.diff(recording, axis=0)).max()),
        "longest_silence_s": {"track": _zeros(track, rate), "recording": _zeros(recording, rate)},
        "peak_dbfs": {"track": _peak(track), "recording": _peak(recording)},
    }


def _zeros(samples: Sound, rate: int) -> float:
    sounding = np.flatnonzero(samples.any(axis=1))
    gaps = np.diff(np.concatenate([[-1], sounding, [len(samples)]])) - 1
    return round(float(gaps.max()) / rate, 3)


def _peak(samples: Sound) -> float:
    return round(float(20 * np.log10(np.abs(samples).max() / 32768)), 2)


if __name__ == "__main__":
    raise SystemExit(main())
