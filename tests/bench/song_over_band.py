"""What becomes of a song over a band that does not recur: stretches of 4 s, separated as an episode is.

    CASES=... python -m tests.bench.song_over_band

Prints JSON: how many stretches the verdicts of `balanced` drop for what they sound like, whoever sings, and why.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import soundfile

from containers.contract.stages import SeparateRequest
from containers.light.measuring import measure
from tasks.clips.dataset import PRESETS
from tasks.clips.verdicts import flaw
from tasks.domain import EpisodeClip
from tests.bench.planted_material import RATE_HZ, Samples, sound
from tests.bench.season_stages import Workshop, sent

SECONDS = 4


def main() -> None:
    song = Path(os.environ["CASES"]) / "singing" / "lets_go_fishin_45s.ogg"
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording.flac"
        soundfile.write(recording, *soundfile.read(song), subtype="PCM_16")
        request = SeparateRequest(recording=sent("recording.flac", recording))
        answer = Workshop(Path(folder)).run("separate", {"song": (request, {"in/recording.flac": recording})})["song"]
        vocals, background = (sound(answer.path(each)) for each in (answer.result.vocals, answer.result.background))
    count = SECONDS * RATE_HZ
    reasons = [
        _reason(vocals[first : first + count], background[first : first + count])
        for first in range(0, len(vocals) - count + 1, count)
    ]
    print(json.dumps({"stretches": len(reasons), "reasons": dict(Counter(reasons).most_common())}))


def _reason(vocals: Samples, background: Samples) -> str:
    clip = EpisodeClip(
        id="E01/0", episode="E01", start=0.0, end=float(SECONDS), speaker="SPEAKER_00", sha256="0" * 64,
        consistency=1.0, measurements=measure(vocals, RATE_HZ, background),
    )  # fmt: skip
    found = flaw(clip, (), (), PRESETS["balanced"], {})
    return found[1] if found else "not dropped"


if __name__ == "__main__":
    main()
