"""The script somebody writes in an afternoon: the same steps with the libraries' defaults, one after another.

What voicecast is compared with; kept simple on purpose, but not made worse than
it would be. Centre channel, Silero VAD, a Resemblyzer vector a window, clustering
with the number of speakers unknown, each cluster named after the nearest
reference mean, pydub's split_on_silence, and a fixed filter on energy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.bench.truth import Given

RATE = 16000


def run(episodes: Mapping[str, Path], references: Path) -> list[Given]:
    """In a process of its own: torch, Resemblyzer and scikit-learn stay out of the bench's."""
    asked = json.dumps({"episodes": {name: str(path) for name, path in episodes.items()}, "refs": str(references)})
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.plain_script"], input=asked, capture_output=True, text=True, check=True
    )
    return [Given(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def _main() -> None:
    import torch
    from resemblyzer import VoiceEncoder

    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    encoder = VoiceEncoder("cpu", verbose=False)
    means = {}
    for folder in sorted(Path(asked["refs"]).iterdir()):
        means[folder.name] = np.mean([encoder.embed_utterance(_read(path)) for path in folder.iterdir()], axis=0)
    given = [
        clip for name, path in asked["episodes"].items() for clip in _episode(name, _read(Path(path)), encoder, means)
    ]
    print(json.dumps(given))


def _read(path: Path) -> np.ndarray:
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


def _episode(
    name: str, samples: np.ndarray, encoder: object, means: Mapping[str, np.ndarray]
) -> list[dict[str, object]]:
    import torch
    from pydub import AudioSegment
    from pydub.silence import split_on_silence
    from silero_vad import get_speech_timestamps, load_silero_vad
    from sklearn.cluster import AgglomerativeClustering

    speech = get_speech_timestamps(torch.from_numpy(samples.copy()), load_silero_vad(), sampling_rate=RATE)
    window, hop = round(1.6 * RATE), round(0.8 * RATE)
    spans = []
    for each in speech:
        last = max(each["start"] + 1, each["end"] - window + 1)
        spans += [(start, min(start + window, each["end"])) for start in range(each["start"], last, hop)]
    vectors = np.stack([encoder.embed_utterance(samples[start:end]) for start, end in spans])
    clusters = AgglomerativeClustering(
        n_clusters=None, distance_threshold=0.3, metric="cosine", linkage="average"
    ).fit_predict(vectors)
    given: list[dict[str, object]] = []
    first = 0
    while first < len(spans):
        last = first
        while last + 1 < len(spans) and clusters[last + 1] == clusters[first] and spans[last + 1][0] <= spans[last][1]:
            last += 1
        centre = vectors[clusters == clusters[first]].mean(axis=0)
        who = max(means, key=lambda each: float(means[each] @ centre / np.linalg.norm(means[each])))
        start, end = spans[first][0], spans[last][1]
        turn = AudioSegment(
            (samples[start:end] * 32767).astype("<i2").tobytes(), sample_width=2, frame_rate=RATE, channels=1
        )
        at = start / RATE
        pieces = split_on_silence(turn, min_silence_len=400, silence_thresh=-40, keep_silence=True)
        for piece in pieces:
            if piece.duration_seconds >= 1.0 and piece.dBFS > -35:
                given.append({"episode": name, "start": at, "end": at + piece.duration_seconds, "character": who})
            at += piece.duration_seconds
        first = last + 1
    return given


if __name__ == "__main__":
    _main()
