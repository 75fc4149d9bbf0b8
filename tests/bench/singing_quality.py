"""How well a song keeps its pitch in another voice: `CASES=... python -m tests.bench.singing_quality [--engine rvc]`.

vocadito's solo singer (CASES/singing, f0 by annotators) is said by light voices learnt from people of
CASES/speaker_match, a man's and a woman's: f0 of what comes out, as `measure` hears it, against the annotation, the
whole octaves taken off. Beside it what the same ear hears of the recording itself: less is not to be expected. Then
the sung song (45 s with its band) by the last voice: separated, converted, mixed; length, accompaniment and pitch.
JSON on standard output.

`--engine rvc` (or sovits, where it is installed): the solo by that engine with tiny random weights, which proves the
way and says nothing of quality.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.codec import encode
from containers.contract.item import sha256_of
from containers.light.following import FRAMES_PER_SECOND, following, loudness, pitch
from infra.dispatch import Dispatcher
from infra.engines import engines
from infra.runners.process import ProcessRunner
from infra.settings import settings
from infra.store import LocalStore
from tasks import orders, voices
from tasks.clips.data_sets import DataSet
from tasks.series import Series
from tasks.speech import judging, songs
from tasks.speech.songs import Song
from tasks.studio import Source, Stored, Studio
from tests.contract.places import PLACES, tiny_weights

RIGHTS = {"basis": "LibriSpeech, CC BY 4.0", "by": "the readers", "date": "2026-11-26"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.singing_quality", description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the store")
    parser.add_argument("--voice", choices=("lowest", "highest"), help="only this of the two voices")
    parser.add_argument("--engine", help="rvc or sovits, with tiny random weights")
    options = parser.parse_args(arguments)
    if "CASES" not in os.environ:
        print("CASES must name the folder of real audio", file=sys.stderr)
        return 2
    cases = Path(os.environ["CASES"])
    with nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory() as folder:
        found = (
            way(options.engine, cases, Path(folder)) if options.engine else measured(cases, Path(folder), options.voice)
        )
        print(json.dumps(found, indent=1))
    return 0


def way(engine: str, cases: Path, folder: Path) -> dict[str, Any]:
    """The solo by an engine whose weights are random: whether the way is whole."""
    place = PLACES["process"]
    if why := place.lacks(engines()[engine]):
        raise SystemExit(f"{engine} cannot run here: {why}")
    told = tiny_weights(place, engines()[engine], folder / "weights")
    settings().weights_dir = folder / "weights"
    studio = studio_of(cases, folder, {"train": engine, "convert": engine}, {engine: told})
    character = next(iter(studio.series.characters))
    trained(studio, character)
    solo = cases / "singing" / "vocadito_1.flac"
    sung = songs.sing(studio, Song(character=character, audio=solo, alone=True))
    longer = round(sung.about["duration"] - soundfile.info(solo).duration, 4)
    return {
        "engine": sung.about["engine"],
        "weights": "tiny, random",
        "longer_seconds": longer,
        "pitch": sung.about["pitch"],
    }


def measured(cases: Path, folder: Path, voice: str | None = None) -> dict[str, Any]:
    studio = studio_of(cases, folder)
    solo, band = cases / "singing" / "vocadito_1.flac", cases / "singing" / "lets_go_fishin_45s.ogg"
    true = annotated(cases / "singing" / "vocadito_1_f0.csv", soundfile.info(solo).duration)
    found: dict[str, Any] = {"the ear itself on the recording": encode(following(true, pitch(solo), 0.0))}
    characters = list(studio.series.characters)
    chosen = {"lowest": characters[:1], "highest": characters[1:]}.get(voice or "", characters)
    for character in chosen:
        trained(studio, character)
        found[character] = {"solo": against_truth(studio, character, solo, true)}
    found[character]["song with band"] = with_band(studio, character, band)
    return found


def annotated(path: Path, seconds: float) -> NDArray[np.float64]:
    """vocadito's f0 (rows of time and Hz, 0 = none) at every 10 ms, each frame the nearest row's."""
    rows = np.array([[float(value) for value in row] for row in csv.reader(path.open(encoding="utf-8"))])
    times = np.arange(int(seconds * FRAMES_PER_SECOND) + 1) / FRAMES_PER_SECOND
    nearest = np.abs(rows[:, 0][None] - times[:, None]).argmin(axis=1)
    return np.asarray(rows[nearest, 1])


def against_truth(studio: Studio, character: str, solo: Path, true: NDArray[np.float64]) -> dict[str, Any]:
    began = time.monotonic()
    sung = songs.sing(studio, Song(character=character, audio=solo, alone=True))
    heard = pitch(studio.store.path(sung.key))
    shift = sung.about["pitch_shift_semitones"]
    return {
        "shift_semitones": shift,
        "against the annotation": encode(following(true, heard, shift)),
        "against the recording, as measure hears both": sung.about["pitch"],
        "similarity": sung.about["similarity"],
        "longer_seconds": round(sung.about["duration"] - soundfile.info(solo).duration, 4),
        "seconds": round(time.monotonic() - began, 1),
    }


def with_band(studio: Studio, character: str, band: Path) -> dict[str, Any]:
    """Length to the sample, what of the accompaniment is the background in every sample, levels, pitch."""
    began = time.monotonic()
    sung = songs.sing(studio, Song(character=character, audio=band))
    track, rate = soundfile.read(studio.store.path(sung.key), dtype="int16", always_2d=True)
    given = Source(path=band, sha256=sha256_of(band))
    folder = orders.extract_given(studio, band.name, given).folder
    recording = soundfile.info(studio.store.path(f"{folder}/recording.flac"))
    background, _ = soundfile.read(studio.store.path(f"{folder}/stems/background.flac"), dtype="int16", always_2d=True)
    added = track.astype(np.int32) - background
    side = added[:, 0] - added[:, -1]
    key = f"{folder}/stems/vocals.flac"
    vocals = Stored(key=key, sha256=sha256_of(studio.store.path(key)))
    return {
        "samples_longer": len(track) - recording.frames,
        "rate_hz": [recording.samplerate, rate],
        "share of samples that the limiter touched": round(float((np.abs(side) > 1).mean()), 4),
        "loudness, LUFS": {
            "vocals as sung": judging.measure(studio, character, vocals).result.loudness_lufs,
            "vocals as added": loudness(added.T.astype(np.float32) / 32768, rate),
        },
        "separated_by": sung.about["separated_by"],
        "shift_semitones": sung.about["pitch_shift_semitones"],
        "pitch against the separated vocals": sung.about["pitch"],
        "similarity": sung.about["similarity"],
        "seconds": round(time.monotonic() - began, 1),
    }


def studio_of(
    cases: Path, folder: Path, by: dict[str, str] | None = None, options: dict[str, dict[str, Any]] | None = None
) -> Studio:
    """Two readers, the one with the lowest and the one with the highest voice among those with references."""
    names = sorted(each.name for each in (cases / "speaker_match" / "refs").iterdir())
    medians = {name: _median(sorted((cases / "speaker_match" / "refs" / name).glob("*.flac"))[0]) for name in names}
    chosen = (min(medians, key=lambda each: medians[each]), max(medians, key=lambda each: medians[each]))
    characters = {
        name.lower(): {
            "name": name,
            "references": str(cases / "speaker_match" / "refs" / name / "*.flac"),
            "rights": RIGHTS,
        }
        for name in chosen
    }
    said = {"series": "songs", "episodes": "*.mkv", "language": "en", "characters": characters}
    series = Series.model_validate({**said, "engines": by or {}, "options": options or {}, "folder": folder})
    store = LocalStore(folder / "store")
    runners = {"process": ProcessRunner(store.work)}
    dispatcher = Dispatcher(store.work, runners, lambda _: nullcontext(()), lambda _: None)
    return Studio(series=series, store=store, dispatcher=dispatcher)


def _median(path: Path) -> float:
    heard = pitch(path)
    return float(np.median(heard[heard > 0]))


def trained(studio: Studio, character: str) -> None:
    """A voice of the character's references."""
    from tasks.speakers.references import references_of

    clips, seconds = [], 0.0
    for slug, source in references_of(studio):
        if slug == character:
            made = studio.make(orders.extract_given(studio, slug, source))
            clips.append(made.stored(made.result.recording))
            seconds += made.result.duration
    made_voice = studio.make(orders.train(studio, character, tuple(clips)))
    data = DataSet(character=character, identity="", minutes=seconds / 60, clips=len(clips), dropped={}, files={})
    voices.register(studio, character, data, made_voice)


if __name__ == "__main__":
    sys.exit(main())
