"""Songs: whole octaves, the singer's voice replaced, all else kept, and the file says what it is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import soundfile

from tasks.keeping.verify import verify
from tasks.speech.songs import Song, in_form, octaves, sing
from tasks.speech.speaking import NothingToSay
from tasks.studio import Studio
from tasks.trust.provenance_found import inspect
from tasks.trust.rights import RightsError
from tasks.trust.rights_derived import plan
from tests.unit.stub_studio import episode_at, looking, studio_at
from tests.unit.test_voices import voice


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("songs")
    made = studio_at(folder)
    voice(made, folder)
    return made


@pytest.mark.parametrize(
    ("sung_hz", "voice_hz", "semitones"),
    [(330.0, 150.0, -12.0), (200.0, 260.0, 0.0), (110.0, 440.0, 24.0), (None, 200.0, 0.0), (200.0, None, 0.0)],
)
def test_a_song_stays_in_its_key(sung_hz: float | None, voice_hz: float | None, semitones: float) -> None:
    assert octaves(sung_hz, voice_hz) == semitones


def test_a_song_is_separated_converted_mixed_marked_and_found_again(studio: Studio, tmp_path: Path) -> None:
    given = episode_at(tmp_path, "song", duration=8, music=[{"name": "band", "start": 0, "end": 8}])
    song = Song(character="anna", audio=Path(given.file))
    sung = sing(studio, song)
    assert sung.about["separated_by"] == "stub 1"
    assert sung.about["pitch_shift_semitones"] % 12 == 0
    assert sung.about["pitch"]["octave_errors"] == 0.0
    assert sung.about["source"]["recording_sha256"] == given.sha256
    data = in_form(studio, sung, ".flac")
    assert soundfile.info(io.BytesIO(data)).duration == pytest.approx(8.0)
    path = tmp_path / "song.flac"
    path.write_bytes(data)
    found = inspect(path)
    assert (found.verdict, found.tags["character"]) == ("marked", "anna")
    assert sing(looking(studio), song) == sung
    assert sung.key in plan(studio, "anna").keys
    assert not [each for each in verify(studio.store, studio.home).broken if "/songs/" in each.key]
    stored = studio.store.read(sung.key)
    studio.store.write(sung.key, stored[:-1] + b"?")
    (broken,) = (each for each in verify(studio.store, studio.home).broken if "/songs/" in each.key)
    assert str(broken.unit) == "song anna"
    studio.store.write(sung.key, stored)
    with pytest.raises(NothingToSay, match=r"written as \.flac, \.mp3; \.wav is none"):
        in_form(studio, sung, ".wav")


def test_a_solo_is_not_separated_and_moves_as_it_is_told(studio: Studio, tmp_path: Path) -> None:
    given = episode_at(tmp_path, "solo", duration=5)
    sung = sing(studio, Song(character="anna", audio=Path(given.file), alone=True, shift_semitones=-3.0))
    assert (sung.about["separated_by"], sung.about["pitch_shift_semitones"]) == (None, -3.0)
    assert sung.about["duration"] == pytest.approx(5.0)


def test_nobody_sings_without_rights(studio: Studio, tmp_path: Path) -> None:
    given = episode_at(tmp_path, "song")
    with pytest.raises(RightsError):
        sing(studio, Song(character="ben", audio=Path(given.file)))
