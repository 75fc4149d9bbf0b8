"""Does taking noise off training clips help the voice? SI-SDR before and after, over noise levels.

    CASES=... python -m tests.bench.cleaning_quality [--half tune|report] [--people 9]

Three seconds of each person (`planted_voices`) in white and pink noise and music, 10 to 40 dB under the voice, beside
the clip without it, both above 80 Hz. Prints JSON, by noise and level: how many clips were touched, the mean SI-SDR
before and after of these, how many were worse afterwards by more than 0.1 dB, and the same of RNNoise where it is not
asked how much it took from the speech ("unasked").
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfiltfilt

from containers.light import denoising
from containers.light.measuring import snr_db
from tests.bench.planted_material import RATE_HZ, Samples, at_level, coloured, mixed, sound, surroundings
from tests.bench.planted_voices import Half, voices

LEVELS_DB = (10, 14, 18, 20, 22, 26, 32, 40)
SECONDS = 3
_ABOVE_RUMBLE = butter(4, 80, "highpass", fs=RATE_HZ, output="sos")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cleaning_quality", description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--people", type=int, default=9)
    options = parser.parse_args()
    rows = list(_rows(Path(os.environ["CASES"]), options.half, options.people))
    print(json.dumps({kind: _summary(rows, kind) for kind in ("white", "pink", "music")}, indent=1))


def _rows(cases: Path, half: Half, people: int) -> Iterator[dict[str, object]]:
    random = np.random.default_rng(8)
    tracks = surroundings(cases, half).tracks
    for said in list(voices(cases, half)[0].values())[:people]:
        clip = at_level(sound(said[0].path, said[0].start, said[0].end))[: SECONDS * RATE_HZ]
        for level in LEVELS_DB:
            track = tracks[int(random.integers(len(tracks)))]
            first = int(random.integers(len(track) - len(clip)))
            noises = {
                "white": coloured(random, len(clip), 0),
                "pink": coloured(random, len(clip), 1),
                "music": track[first : first + len(clip)],
            }
            for kind, noise in noises.items():
                yield {"kind": kind, "level": level, **_gains(clip, mixed(clip, noise, level))}


def _gains(clip: Samples, noisy: Samples) -> dict[str, float | None]:
    """SI-SDR before, after as the engine decides, and after if nobody asked what was taken; None if not touched."""
    quieter, by = denoising.denoised(noisy, "auto")
    before = snr_db(noisy, RATE_HZ)
    unasked = None
    if before is not None and before < denoising.CLEAN_ENOUGH_DB:
        tried = denoising.by_rnnoise(noisy)
        after = snr_db(tried, RATE_HZ)
        if after is not None and after >= before + denoising.GAINED_DB and denoising.voice_kept(noisy, tried):
            unasked = _si_sdr_db(clip, tried)
    return {
        "before": _si_sdr_db(clip, noisy),
        "after": _si_sdr_db(clip, quieter) if by else None,
        "unasked": unasked,
    }


def _summary(rows: list[dict[str, object]], kind: str) -> dict[int, dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for level in LEVELS_DB:
        these = [row for row in rows if row["kind"] == kind and row["level"] == level]
        found[level] = {"clips": len(these)}
        for way in ("after", "unasked"):
            pairs = np.array([(row["before"], row[way]) for row in these if row[way] is not None], float)
            found[level][way] = {
                "touched": len(pairs),
                "si_sdr": [round(float(each), 1) for each in pairs.mean(axis=0)] if len(pairs) else None,
                "worse": int((pairs[:, 1] < pairs[:, 0] - 0.1).sum()) if len(pairs) else 0,
            }
    return found


def _si_sdr_db(wanted: Samples, got: Samples) -> float:
    wanted, got = (sosfiltfilt(_ABOVE_RUMBLE, each) for each in (wanted, got))
    target = np.dot(got, wanted) / np.dot(wanted, wanted) * wanted
    return float(10 * np.log10(np.sum(target**2) / np.sum((got - target) ** 2)))


if __name__ == "__main__":
    main()
