"""Rights that end: what was derived of a voice goes, its neighbours stay in every byte, and nothing brings it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.slots import MachineSlots
from tasks.exporting.exports import export
from tasks.opening import open_series, with_engines
from tasks.speech.speaking import Line, speak
from tasks.studio import Studio
from tasks.trust.rights import RightsError, grant
from tasks.trust.rights_derived import plan
from tasks.trust.rights_revoking import revoke
from tests.flow.conftest import Scripted
from tests.flow.test_cli import voicecast

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]

NEW = "rights: {basis: a new contract, by: the tests, date: 2026-12-01, scope: [train, speak]}"


def files(series: Scripted) -> dict[str, bytes]:
    """Everything in the store but what engines and locks leave, by key."""
    paths = [path for path in series.store.rglob("*") if path.is_file() and ".work" not in path.parts]
    return {path.relative_to(series.store).as_posix(): path.read_bytes() for path in paths}


def opened(series: Scripted) -> Studio:
    return open_series(str(series.config), None)


def say(series: Scripted, character: str) -> None:
    speak(with_engines(opened(series), MachineSlots(), lambda _: None), Line(character=character, text="はい"))


def season(series: Scripted) -> str:
    done = voicecast("season", "--config", series.config, "--labels", "auto")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_revoked_voice_is_erased_proved_and_refused_until_it_is_granted_anew(tmp_path: Path) -> None:
    series = Scripted(tmp_path / "series")
    series.episode(1)
    series.episode(2)
    season(series)
    say(series, "anna")
    say(series, "ben")
    exported = tmp_path / "out"
    export(opened(series), "anna", "wavs", exported)
    before = files(series)

    planned = plan(opened(series), "anna")
    assert files(series) == before, "a dry run changes nothing"

    proof = revoke(opened(series), "anna", by="mika", reason="consent withdrawn")
    after = files(series)
    gone = before.keys() - after.keys()
    assert (proof.still_there, proof.named_still) == ((), ())
    assert set(proof.erased) == set(planned.keys) == gone
    assert any(str(exported) in each for each in proof.outside), "copies outside are named"
    assert not [key for key in after if "/characters/anna/" in key or "/voices/anna/" in key or "/speech/anna/" in key]
    clips = {key for key in gone if "/episodes/" in key and "/clips/" in key}
    assert clips
    whole = ("recording.flac", "vocals.flac", "background.flac")
    kept = [key for key in before if "/given/" not in key and ("/ben/" in key or key.endswith(whole))]
    assert {key: after.get(key) for key in kept} == {key: before[key] for key in kept}

    with pytest.raises(RightsError, match="revoked on"):
        say(series, "anna")
    with pytest.raises(RightsError, match="revoked on"):
        export(opened(series), "anna", "wavs", tmp_path / "again")
    say(series, "ben")
    assert "revoked on" in season(series)
    again = files(series)
    assert not {key for key in gone & again.keys() if "/clips/" in key or "/anna/" in key}
    for key in ("prepared.json", "clips.jsonl", "vectors.json", "stages/embed.json"):
        assert again[f"series/toy/episodes/s01e01/{key}"] == after[f"series/toy/episodes/s01e01/{key}"]

    with pytest.raises(RightsError, match="still has the rights that were revoked"):
        grant(opened(series), "anna", "mika")
    series.write({"anna": "A", "ben": "B"}, rights=NEW)
    grant(opened(series), "anna", "mika")
    season(series)
    say(series, "anna")
    assert clips <= files(series).keys()
