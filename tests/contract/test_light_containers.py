"""Every container and every bad file of the cases, through one start of the real process.

`CASES` names the folder; `containers/expected.json` and `bad/expected.json` there say what is true.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, find_peaks, sosfiltfilt

from containers.contract.item import sha256_of

if not os.environ.get("CASES"):
    pytest.skip("CASES names no folder", allow_module_level=True)

CASES = Path(os.environ["CASES"])
ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.cases, pytest.mark.slow, pytest.mark.xdist_group("light containers")]

PUT_RIGHT_OR_HARMLESS = {"one_sided", "phase_inverted", "mono", "telephone", "other", "language", "short"}
"""Kinds of problems that leave a recording usable as it is."""


def expected(folder: str) -> dict[str, dict[str, Any]]:
    return json.loads((CASES / folder / "expected.json").read_text("utf-8"))


def tracks() -> list[tuple[str, int, dict[str, Any]]]:
    """Every audio track whose clicks are known: file, track, what is true of it."""
    rows = []
    for name, truth in expected("containers").items():
        for track in truth.get("tracks", [{"i": 0, **truth}] if "clicks_s" in truth else []):
            rows.append((name, track["i"], {"tolerance_s": truth.get("tolerance_s", 0.03), **track}))
    return rows


TRACKS = tracks()
NAMES = [name.removeprefix("names/") for name in expected("bad") if name.startswith("names/")]
BAD = {name: truth for name, truth in expected("bad").items() if not name.startswith("names/")}


class Answers:
    """What the process said of each request, by its name."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._asked: dict[str, str] = {}

    def ask(self, name: str, source: Path, inside: str = "video", stage: str = "extract", **fields: Any) -> None:
        item = self._asked[name] = f"{len(self._asked):03d}"
        folder = self._workdir / "items" / item
        (folder / "in").mkdir(parents=True)
        (folder / "in" / inside).write_bytes(source.read_bytes())
        video = {"path": f"in/{inside}", "sha256": sha256_of(source)}
        envelope = {"contract": 1, "stage": stage, "request": {"video": video, **fields}}
        (folder / "request.json").write_text(json.dumps(envelope), "utf-8")

    def answer(self, name: str) -> dict[str, Any]:
        folder = self._workdir / "items" / self._asked[name]
        if (folder / "error.json").exists():
            return {"error": json.loads((folder / "error.json").read_text("utf-8"))}
        return json.loads((folder / "result.json").read_text("utf-8"))["result"]

    def kinds(self, name: str) -> set[str]:
        return {problem["kind"] for problem in self.answer(name).get("problems", [])}

    @cache  # noqa: B019 (one object for the whole run)
    def samples(self, name: str) -> tuple[np.ndarray, int]:
        path = self._workdir / "items" / self._asked[name] / self.answer(name)["recording"]["path"]
        return soundfile.read(path, dtype="float32", always_2d=True)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    workdir = tmp_path_factory.mktemp("containers")
    asked = Answers(workdir)
    for name in expected("containers"):
        asked.ask(f"containers/{name}", CASES / "containers" / name)
        asked.ask(f"probe/{name}", CASES / "containers" / name, stage="probe")
    for name, track, _ in TRACKS:
        asked.ask(f"{name} {track}", CASES / "containers" / name, track=track)
    for name in BAD:
        asked.ask(f"bad/{name}", CASES / "bad" / name)
    for name in NAMES:
        asked.ask(f"names/{name}", CASES / "containers" / "audio_shorter_than_video.mkv", inside=name)
    command = [sys.executable, "-m", "containers.contract", "light", str(workdir)]
    assert subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode == 0
    return asked


def clicks(samples: np.ndarray, rate: int) -> list[float]:
    """Seconds of the 3 kHz clicks: peaks of a 5 ms envelope of the band around it, the loudest and all near it."""
    band = sosfiltfilt(butter(4, [2400, 3600], "bandpass", fs=rate, output="sos"), samples.mean(axis=1))
    width = round(0.005 * rate)
    envelope = np.convolve(np.abs(band), np.ones(width) / width, "same")
    peaks, _ = find_peaks(envelope, height=0.45 * envelope.max(), distance=round(0.3 * rate))
    return [float(peak / rate) for peak in peaks]


@pytest.mark.parametrize(("name", "track", "truth"), TRACKS, ids=[f"{name}-{track}" for name, track, _ in TRACKS])
def test_the_clicks_of_each_track_are_where_they_belong(
    asked: Answers, name: str, track: int, truth: dict[str, Any]
) -> None:
    samples, rate = asked.samples(f"{name} {track}")
    assert clicks(samples, rate) == pytest.approx(truth["clicks_s"], abs=truth["tolerance_s"])


@pytest.mark.parametrize("name", sorted(expected("containers")))
def test_what_can_be_decoded_is_a_recording_and_what_cannot_is_a_recording_error(asked: Answers, name: str) -> None:
    answer, truth = asked.answer(f"containers/{name}"), expected("containers")[name]
    if truth["ok"] is False:
        assert answer["error"]["kind"] == "recording"
        return
    assert answer["duration"] > 0
    assert ("truncated" in asked.kinds(f"containers/{name}")) == name.startswith("truncated")
    assert ("corrupt" in asked.kinds(f"containers/{name}")) == name.startswith("corrupt")


@pytest.mark.parametrize("name", sorted(name for name, truth in expected("containers").items() if truth["ok"] is True))
def test_length_and_channels_are_those_of_the_track(asked: Answers, name: str) -> None:
    answer, truth = asked.answer(f"containers/{name}"), expected("containers")[name]
    samples, rate = asked.samples(f"containers/{name}")
    assert samples.shape == (round(answer["duration"] * rate), answer["channels"])
    streams = [stream.split(":") for stream in truth["ffprobe"]["streams"] if stream.startswith("audio")]
    assert (answer["channels"] == 1) == (streams[answer["track"]][3] == "1ch")
    if "seconds" in truth:
        assert answer["duration"] == pytest.approx(truth.get("audio_seconds", truth["seconds"]), abs=0.1)


@pytest.mark.parametrize("name", sorted(name for name, truth in expected("containers").items() if truth["ok"] is True))
def test_probe_names_the_track_that_extract_takes(asked: Answers, name: str) -> None:
    probed, truth = asked.answer(f"probe/{name}"), expected("containers")[name]
    assert probed["track"] == asked.answer(f"containers/{name}")["track"] == truth.get("default_audio_index", 0)
    there = [f"audio:{each['codec']}:{each['sample_rate_hz']}:{each['channels']}ch" for each in probed["tracks"]]
    assert there == [stream for stream in truth["ffprobe"]["streams"] if stream.startswith("audio")]
    languages = [track["lang"] for track in truth.get("tracks", []) if "lang" in track]
    assert not languages or [each["language"] for each in probed["tracks"]] == languages


@pytest.mark.parametrize("name", sorted(BAD))
def test_bad_files_end_as_they_should(asked: Answers, name: str) -> None:
    """`empty` and `review` are for diarization to find; here they are recordings like others."""
    answer, kinds = asked.answer(f"bad/{name}"), asked.kinds(f"bad/{name}")
    match BAD[name]["expect"]:
        case "error":
            assert answer["error"]["kind"] == "recording"
        case "warn":
            assert kinds & {"truncated", "corrupt", "short", "clipping", "quiet"}
        case "ok":
            assert kinds <= PUT_RIGHT_OR_HARMLESS
            assert answer["duration"] > 0
        case _:
            assert answer["duration"] > 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("truncated_half.mkv", "truncated"),
        ("clipping.wav", "clipping"),
        ("very_quiet.wav", "quiet"),
        ("nan_inf_float.wav", "corrupt"),
        ("one_second.mkv", "short"),
        ("silence_only.mkv", "silent"),
        ("left_only.wav", "one_sided"),
        ("phase_inverted.wav", "phase_inverted"),
        ("mono_8k.wav", "telephone"),
    ],
)
def test_each_problem_is_called_by_its_name(asked: Answers, name: str, kind: str) -> None:
    assert kind in asked.kinds(f"bad/{name}")


@pytest.mark.parametrize("name", ["left_only.wav", "phase_inverted.wav", "dc_offset.wav"])
def test_what_can_be_put_right_is_speech_in_the_middle_again(asked: Answers, name: str) -> None:
    samples, _ = asked.samples(f"bad/{name}")
    middle = samples.mean(axis=1)
    assert np.sqrt((middle**2).mean()) > 0.02
    assert abs(float(middle.mean())) < 0.001


@pytest.mark.parametrize("index", range(len(NAMES)))
def test_no_file_name_is_too_odd(asked: Answers, index: int) -> None:
    assert asked.answer(f"names/{NAMES[index]}")["duration"] == pytest.approx(7.0, abs=0.1)
