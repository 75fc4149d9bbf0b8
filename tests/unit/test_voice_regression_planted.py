"""The bench of voices on the engine itself: an unchanged tree passes, twice with the same figures; a change planted in
the converter fails, and what it spoils is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2]
CONVERSION = "containers/light/conversion.py"
PLANTED = {
    "similarity": (
        "half of the source's envelope is kept",
        "envelope[~voiced] += _CONSONANTS * (own - envelope)[~voiced]",
        "envelope += 0.5 * (own - envelope)",
    ),
    "f0_error_cents": (
        "pitch is rounded to semitones",
        "shifted = frames.shifted(self._semitones).f0",
        "shifted = 440 * 2 ** (np.round(12 * np.log2(np.maximum(frames.shifted(self._semitones).f0, 1) / 440)) / 12)",
    ),
    "octave_errors": (
        "one frame in ten is an octave higher",
        "shifted = frames.shifted(self._semitones).f0",
        "shifted = frames.shifted(self._semitones).f0 * (1 + (np.arange(len(frames)) % 200 < 20))",
    ),
    "voicing_errors": (
        "a tenth of each second has no pitch",
        "f0=np.where(voiced, np.clip(shifted, *_F0_HZ), 0)",
        "f0=np.where(voiced & (np.arange(len(frames)) % 200 >= 20), np.clip(shifted, *_F0_HZ), 0)",
    ),
    "clipped_share": (
        "the loudest parts are cut off",
        "np.rint(samples * gain * 32767)",
        "np.rint(np.clip(samples * gain * 4, -_PEAK, _PEAK) * 32767)",
    ),
    "longer_seconds": (
        "a line ends 10 ms later",
        "sound = np.pad(sound, (0, stored.samples - said))",
        "sound = np.pad(sound, (0, stored.samples - said + 441))",
    ),
}
"""Figure -> what is done to it, and the change: code as it is, and as it is planted."""

pytestmark = [pytest.mark.proof, pytest.mark.night, pytest.mark.timeout(1800)]


def tree(at: Path) -> Path:
    """A copy of the code, to be changed."""
    for name in ("flows", "tasks", "infra", "containers", "tests"):
        shutil.copytree(HERE / name, at / name, ignore=shutil.ignore_patterns("__pycache__"))
    return at


def bench(tree: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and what it printed, of one character's voices in a store of their own."""
    command = [sys.executable, "-m", "tests.bench.voice_regression", "--only", "mio"]
    done = subprocess.run(
        command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr[-3000:]
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


def test_an_unchanged_tree_passes_twice_with_the_same_figures(tmp_path: Path) -> None:
    copy = tree(tmp_path)
    (first, one), (second, two) = bench(copy), bench(copy)
    assert (first, one["worse"]) == (0, [])
    assert (second, two["figures"]) == (0, one["figures"])


@pytest.mark.parametrize("figure", PLANTED)
def test_a_planted_change_fails_and_the_figure_it_spoils_is_named(tmp_path: Path, figure: str) -> None:
    _, now, planted = PLANTED[figure]
    code = tree(tmp_path) / CONVERSION
    text = code.read_text("utf-8")
    assert text.count(now) == 1, "the converter was rewritten: plant the same change in its new code"
    code.write_text(text.replace(now, planted), "utf-8")
    failed, found = bench(tmp_path)
    assert failed == 1
    assert any(each.startswith(f"mio, 5 lines: {figure} ") for each in found["worse"]), found["worse"]
    print(PLANTED[figure][0], found["worse"])
