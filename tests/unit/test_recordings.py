"""Recordings that are to be said in another voice: left alone where that is best, and one shift for a speaker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tasks.keeping.garbage import find_garbage
from tasks.keeping.verify import verify
from tasks.speech.recordings import Heard, Quieted, hear, suggested
from tasks.studio import Stored
from tasks.trust.rights_derived import plan
from tests.unit.stub_studio import episode_at, looking, studio_at


def heard(f0_median_hz: float | None, seconds: float = 2.0) -> Heard:
    return Heard(
        sha256="", source=Stored(key="", sha256="", size=0), quieted=None, seconds=seconds,
        f0_median_hz=f0_median_hz, found=False,
    )  # fmt: skip


def test_one_shift_for_all_recordings_of_a_speaker() -> None:
    found = suggested([heard(100, 8), heard(180, 1), heard(None, 60)], 200)
    assert found is not None
    assert (found.semitones, found.speaker_hz, found.character_hz) == (12, 100, 200)


@pytest.mark.parametrize(("speaker", "character"), [(None, 200.0), (100.0, None)])
def test_without_a_pitch_no_shift_is_suggested(speaker: float | None, character: float | None) -> None:
    assert suggested([heard(speaker)], character) is None


def test_a_recording_is_heard_once_and_kept_as_it_is_where_nothing_was_taken_off(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    given = Path(episode_at(tmp_path, "line", person="B").file)
    first = hear(studio, given)
    assert (first.quieted, first.source.key.endswith("recording.flac"), first.found) == (None, True, False)
    again = hear(looking(studio), given)
    assert (again.source, again.found) == (first.source, True)


def test_noise_that_was_taken_off_is_told(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, denoise="always")
    found = hear(studio, Path(episode_at(tmp_path, "line", person="B").file))
    assert isinstance(found.quieted, Quieted)
    folder, _, name = found.source.key.rpartition("/")
    assert (folder, name.startswith("cleaned-")) == (f"series/toy/given/{found.sha256[:16]}/line", True)
    assert found.about["denoised"]["by"] == "stub"
    store = looking(studio).store
    del studio
    shutil.rmtree(store.work, ignore_errors=True)
    assert find_garbage(store, "series/toy").keys == {}
    store.delete(found.source.key)
    assert found.source.key in {each.key for each in verify(store, "series/toy").broken}


def test_a_recording_that_another_characters_line_was_made_of_outlives_a_revocation(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    theirs, own = (hear(studio, Path(episode_at(tmp_path, name, person=name).file)) for name in ("B", "A"))
    for character, found in (("ben", theirs), ("anna", own)):
        studio.store.write(f"series/toy/speech/{character}/1.json", json.dumps({"source": found.about}).encode())
    given = {key for key in plan(studio, "anna").keys if "/given/" in key}
    assert own.source.key in given
    assert not [key for key in given if theirs.sha256[:16] in key]
