"""Recordings that are said in another voice: noise before and after, the pitch kept, the length to the sample.

    CASES=... python -m tests.bench.recordings_quality

A sentence of each speaker of CASES/speaker_match, alone and in noise (white, pink, mains hum with overtones, music of
CASES/season_small) at 5 to 30 dB, is made ready as `voicecast speak --audio` does. Distortion: SI-SDR (Le Roux et al.,
2019) beside the recording without noise, both above 80 Hz (recordings hold rumble of their own, which goes with the
noise); "worse" is lower by more than 0.1 dB. Then light says three of them in the next speaker's voice: without
noise, with pink noise at 10 dB, and that with the noise taken off; pitch and voicing beside the recording without
noise. JSON on standard output.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from containers.contract.item import sha256_of
from containers.contract.stages import CleanRequest, ConvertRequest, ExtractRequest, File
from containers.light.audio import read, resample
from containers.light.cleaning import RATE_HZ, clean
from containers.light.conversion import convert
from containers.light.extraction import extract
from containers.light.following import following, pitch
from containers.light.training import train
from tests.bench.conversion_quality import Quiet, TrainRequest

Sound = NDArray[np.float32]
SNRS_DB = (5, 10, 15, 20, 30)
CONVERTED = 3
_ABOVE_RUMBLE = butter(4, 80, "highpass", fs=RATE_HZ, output="sos")
LENGTHS = ((44100, 100_003), (48000, 131_071), (16000, 40_009), (22050, 55_555), (96000, 200_001))
"""Rate and samples, mostly prime, of recordings whose length is followed."""


def main() -> int:
    if "CASES" not in os.environ:
        print("CASES must name the folder of real audio", file=sys.stderr)
        return 2
    cases = Path(os.environ["CASES"])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        people = dict(_people(cases))
        noise = _noises(cases)
        rows = [row for name, sound in people.items() for row in _quieted(name, sound, noise, work)]
        said = _converted(cases, people, noise["pink"], work)
        lengths = _lengths(people, work)
    print(json.dumps({"noise": _summary(rows), "rows": rows, "said": said, "lengths": lengths}, indent=1))
    return 0


def _people(cases: Path) -> Iterator[tuple[str, Sound]]:
    """A sentence of each speaker, at 44.1 kHz."""
    folder = cases / "speaker_match"
    with open(folder / "key.csv", encoding="utf-8") as stream:
        probes = {row["speaker"]: folder / row["file"] for row in reversed(list(csv.DictReader(stream)))}
    for each in sorted((folder / "refs").iterdir()):
        samples, rate = read(probes[each.name])
        yield each.name, resample(samples.mean(axis=0), rate, RATE_HZ)


def _noises(cases: Path) -> dict[str, Sound]:
    """Half a minute of each, of one level."""
    random = np.random.default_rng(11)
    count = 30 * RATE_HZ
    white = random.normal(size=count)
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(np.arange(count // 2 + 1), 20))
    moments = np.arange(count) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 50 * k * moments) / k for k in range(1, 12)) + 0.05 * white
    samples, rate = read(next(iter(sorted((cases / "season_small/stems").rglob("bgm.opus")))))
    music = resample(samples.mean(axis=0), rate, RATE_HZ)[:count]
    found = {"white": white, "pink": np.fft.irfft(spectrum, count), "hum": np.asarray(hum), "music": music}
    return {name: (each / np.sqrt(np.mean(np.square(each)))).astype(np.float32) for name, each in found.items()}


def _in_noise(sound: Sound, noise: Sound, snr_db: float) -> Sound:
    return (sound + noise[: len(sound)] * np.sqrt(np.mean(sound**2) / 10 ** (snr_db / 10))).astype(np.float32)


def _ready(sound: Sound, folder: Path) -> tuple[Sound, str | None, float | None, float | None]:
    """A recording as it is converted, what took the noise off, and the SNR measured before and after."""
    item = Quiet(folder)
    path = folder / "in/recording.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound / max(1.0, np.abs(sound).max()), RATE_HZ, subtype="FLOAT")
    file = File(path="in/recording.wav", sha256=sha256_of(path))
    (clip,) = clean(CleanRequest(clips=(file,), whole=True), item).clips
    got = read(folder / clip.file.path if clip.denoised_by else path)[0][0]
    return got, clip.denoised_by, clip.snr_db_before, clip.snr_db_after


def _quieted(name: str, sound: Sound, noises: dict[str, Sound], work: Path) -> Iterator[dict[str, object]]:
    kinds = [(kind, snr) for kind in noises for snr in SNRS_DB]
    for kind, snr in [("none", 99), *kinds]:
        noisy = sound if kind == "none" else _in_noise(sound, noises[kind], snr)
        got, by, before, after = _ready(noisy, work / f"{name}-{kind}-{snr}")
        yield {
            "speaker": name,
            "noise": kind,
            "snr_db": snr,
            "by": by,
            "measured_before": before,
            "measured_after": after,
            "si_sdr_before": None if kind == "none" else round(_si_sdr_db(sound, noisy), 2),
            "si_sdr_after": None if kind == "none" and by is None else round(_si_sdr_db(sound, got), 2),
            "same_length": len(got) == len(sound),
        }


def _si_sdr_db(wanted: Sound, got: Sound) -> float:
    wanted, got = (sosfiltfilt(_ABOVE_RUMBLE, each) for each in (wanted, got))
    target = np.dot(got, wanted) / np.dot(wanted, wanted) * wanted
    return float(10 * np.log10(np.sum(target**2) / np.sum((got - target) ** 2)))


def _summary(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    found = []
    for kind in dict.fromkeys((row["noise"], row["snr_db"]) for row in rows):
        these = [row for row in rows if (row["noise"], row["snr_db"]) == kind]
        pairs = [(row["si_sdr_before"], row["si_sdr_after"]) for row in these if row["si_sdr_before"] is not None]
        found.append(
            {
                "noise": kind[0],
                "snr_db": kind[1],
                "recordings": len(these),
                "quieted": sum(row["by"] is not None for row in these),
                "si_sdr_before": round(float(np.mean([a for a, _ in pairs])), 2) if pairs else None,
                "si_sdr_after": round(float(np.mean([b for _, b in pairs])), 2) if pairs else None,
                "worse": sum(b < a - 0.1 for a, b in pairs) if pairs else sum(row["by"] is not None for row in these),
            }
        )
    return found


def _converted(cases: Path, people: dict[str, Sound], pink: Sound, work: Path) -> list[dict[str, object]]:
    names = list(people)
    rows = []
    for index, name in enumerate(names[:CONVERTED]):
        target = names[index + 1]
        learned = Quiet(work / "train" / target)
        clips = []
        for number, path in enumerate(sorted((cases / "speaker_match/refs" / target).glob("*.flac"))):
            place = learned.path / f"in/{number}.flac"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
            clips.append(File(path=f"in/{number}.flac", sha256=sha256_of(place)))
        (learned.path / "out").mkdir(exist_ok=True)
        result = train(TrainRequest(character=target, clips=tuple(clips)), learned)
        voice = learned.path / result.files[0].path
        noisy = _in_noise(people[name], pink, 10)
        ways = {"alone": people[name], "noisy": noisy, "quieted": _ready(noisy, work / f"ready-{name}")[0]}
        for way, sound in ways.items():
            rows.append({"from": name, "to": target, "source": way, **_said(sound, people[name], voice, work)})
    return rows


def _said(sound: Sound, alone: Sound, voice: Path, work: Path) -> dict[str, object]:
    item = Quiet(Path(tempfile.mkdtemp(dir=work)))
    source, reference = item.path / "in/source.wav", item.path / "in/alone.wav"
    source.parent.mkdir()
    for path, samples in ((source, sound), (reference, alone)):
        soundfile.write(path, samples / max(1.0, np.abs(samples).max()), RATE_HZ, subtype="FLOAT")
    (item.path / "in" / voice.name).write_bytes(voice.read_bytes())
    item.state.mkdir(exist_ok=True)
    (item.path / "out").mkdir()
    made = convert(
        ConvertRequest(
            source=File(path="in/source.wav", sha256=sha256_of(source)),
            voice=(File(path=f"in/{voice.name}", sha256=sha256_of(voice)),),
        ),
        item,
    )
    follows = following(pitch(reference), pitch(item.path / made.speech.path), made.pitch_shift_semitones)
    return {
        "shift_semitones": made.pitch_shift_semitones,
        "similarity": made.similarity,
        "f0_error_cents": follows.f0_error_cents,
        "within_50_cents": follows.within_50_cents,
        "voicing_errors": follows.voicing_errors,
        "samples_too_many": round(made.duration * made.sample_rate_hz) - len(sound),
    }


def _lengths(people: dict[str, Sound], work: Path) -> list[dict[str, object]]:
    """Samples of a file, of the recording that is taken out of it, and of what is made ready to convert."""
    sound = np.tile(next(iter(people.values())), 4)
    rows = []
    for rate, samples in LENGTHS:
        item = Quiet(work / f"length-{rate}")
        path = item.path / "in/given.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, resample(sound, RATE_HZ, rate)[:samples], rate, subtype="PCM_16")
        taken = extract(ExtractRequest(video=File(path="in/given.wav", sha256=sha256_of(path))), item)
        about = soundfile.info(item.path / taken.recording.path)
        ready = round(about.frames * RATE_HZ / about.samplerate)
        rows.append({"rate_hz": rate, "samples": samples, "off_at_44100": ready - round(samples * RATE_HZ / rate)})
    return rows


if __name__ == "__main__":
    sys.exit(main())
