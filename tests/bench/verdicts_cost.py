"""What it costs to decide a whole series anew: 10,000 clips of 126 episodes, five characters and fifteen others.

    python -m tests.bench.verdicts_cost [--clips 10000]

Made-up vectors and fingerprints, one clip in fifty repeated; the real verdicts, repeats and selection. Prints JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from tasks.clips.dataset import judge, select
from tasks.domain import EpisodeClip, HeardEpisode, Speaker
from tasks.labelling.decisions import decide, derive
from tests.unit.voices import GOOD, MODEL, reference, vector

EPISODES, PEOPLE, CHARACTERS = 126, 20, 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.verdicts_cost", description=__doc__)
    parser.add_argument("--clips", type=int, default=10_000)
    heard, speakers = series(parser.parse_args().clips)
    said = {each.id: each.id for each in speakers[:CHARACTERS]} | {each.id: "nobody" for each in speakers[CHARACTERS:]}
    counted = derive([decide("bench", "cli", said, now=datetime(2026, 1, 1, tzinfo=UTC))])
    known = [reference(each.id) for each in speakers[:CHARACTERS]]
    wall, cpu = time.perf_counter(), time.process_time()
    judged = judge(heard, speakers, counted, known)
    rows = select(judged)
    spent = {"seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}
    reasons = {each: sum(row.reason == each for row in rows) for each in sorted({row.reason for row in rows})}
    print(json.dumps({"clips": sum(len(each.clips) for each in heard), "rows": len(rows), **spent, "reasons": reasons}))


def series(count: int) -> tuple[list[HeardEpisode], list[Speaker]]:
    random = np.random.default_rng(0)
    voices = np.stack([vector(f"V{index:02d}", "all") for index in range(PEOPLE)])
    who = random.permutation(np.arange(count) % (CHARACTERS + 1))
    who = np.where(who == CHARACTERS, random.integers(CHARACTERS, PEOPLE, count), who)
    rows = voices[who] + random.normal(0, 0.02, (count, voices.shape[1]))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    words = random.integers(0, 2**16, (count, 48), np.uint16)
    again, first = random.permutation(count)[: count // 50 * 2].reshape(2, -1)
    words[again], rows[again], who[again] = words[first], rows[first], who[first]
    clips: list[list[EpisodeClip]] = [[] for _ in range(EPISODES)]
    for index in range(count):
        key, start = f"e{index % EPISODES:03d}", index // EPISODES * 4.0
        seen = replace(
            GOOD, snr_db=float(random.uniform(5, 45)), f0_median_hz=float(random.uniform(120, 300)),
            fingerprint=base64.b64encode(words[index].tobytes()).decode(),
        )  # fmt: skip
        clips[index % EPISODES].append(
            EpisodeClip(
                id=f"{key}/{round(start * 1000):08d}", episode=key, start=start, end=start + 3.0,
                speaker=f"V{who[index]:02d}", sha256="0" * 64, consistency=0.9, measurements=seen,
            )
        )  # fmt: skip
    heard = [
        HeardEpisode(episode=f"e{index:03d}", clips=tuple(each), model=MODEL, vectors=rows[index::EPISODES])
        for index, each in enumerate(clips)
    ]
    speakers = [
        Speaker(
            id=f"V{person:02d}",
            clips=tuple(clip.id for each in clips for clip in each if clip.speaker == f"V{person:02d}"),
            episodes=tuple(each.episode for each in heard),
            seconds=60.0,
        )
        for person in range(PEOPLE)
    ]
    return heard, speakers


if __name__ == "__main__":
    main()
