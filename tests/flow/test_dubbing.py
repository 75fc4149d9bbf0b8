"""A script over an episode, on stub: said, mixed, put into the video; and again after a line changed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from flows.dubbing import dub_episode
from flows.lines import speak_script
from flows.season import season
from infra.store import open_store
from tasks.opening import open_series
from tasks.speech.dubbing import Dub
from tasks.speech.scripts import ScriptError
from tasks.trust.audit import entries
from tasks.trust.provenance_found import inspect
from tasks.trust.rights import RightsError
from tasks.trust.rights_revoking import revoke
from tests.flow.conftest import Scripted
from tests.flow.test_cli import fails, here

LINES = """character,text,start,end,notes
anna,Now,2,3,
Ben,"Yes, I do",4,5.2,quietly
anna,Far more than fits in,6,6.5,
,Run,10,,
"""


@pytest.fixture
def toy(scripted: Scripted) -> Scripted:
    """A season with voices of anna and ben."""
    scripted.episode(1)
    scripted.episode(2, cast=["A", "B"])
    done = season(config=str(scripted.config), labels="auto")
    assert {card.character for card in done.voices} == {"anna", "ben"}
    return scripted


def script_of(toy: Scripted, text: str = LINES) -> Path:
    path = toy.folder / "Lines 1.csv"
    path.write_text(text, "utf-8")
    return path


def dubbed(toy: Scripted, **more: object) -> Dub:
    return dub_episode(str(script_of(toy)), "s01e01", character="ben", config=str(toy.config), **more)


@pytest.mark.proof
def test_an_episode_is_dubbed_and_only_what_changed_is_said_again(toy: Scripted, tmp_path: Path) -> None:
    made = dubbed(toy, how={"language": "en"})
    assert (made.anew, made.mixed_anew, made.failed) == (4, True, {})
    assert [row["fit"] for row in made.rows] == ["short", "slower", "over", "free"]
    by_row = {row["row"]: row for row in made.rows}
    assert by_row[4]["fit"] == "over"
    assert by_row[4]["pace"] == pytest.approx(1.25, abs=0.03), "faster than the bounds it may not be"
    assert by_row[4]["over"] == pytest.approx(by_row[4]["natural"] / 1.25 - 0.5, abs=0.05), "and no word is cut"
    assert by_row[5]["fit"] == "free"
    assert made.about["video"]["tracks"][-1]["language"] == "en"
    assert made.about["duration"] == pytest.approx(60, abs=0.01)
    store = open_store(str(toy.store))
    table = list(csv.DictReader(io.StringIO(store.read(made.table).decode("utf-8-sig"))))
    assert [row["fit"] for row in table] == [row["fit"] for row in made.rows]
    track = tmp_path / "dub.flac"
    track.write_bytes(store.read(made.track))
    found = inspect(track)
    assert (found.verdict, sorted(found.tags["characters"])) == ("marked", ["anna", "ben"])
    assert found.credentials.claims["episode"] == "s01e01"
    assert json.loads(store.read(made.video))["tags"]["COMMENT"].startswith("Synthetic speech in the voices of Anna")

    again = dubbed(toy, how={"language": "en"})
    assert (again.anew, again.mixed_anew, again.about) == (0, False, made.about)
    script_of(toy, LINES.replace("Now", "Now! Run"))
    changed = dub_episode(str(toy.folder / "Lines 1.csv"), "s01e01", {"language": "en"}, "ben", config=str(toy.config))
    assert (changed.anew, changed.mixed_anew) == (1, True)
    acts = [(each.action, each.about["character"]) for each in entries(store, "toy") if each.action == "dub"]
    assert acts == [("dub", "anna"), ("dub", "ben")] * 2

    output = tmp_path / "out" / "Dub.mkv"
    at = ["--config", toy.config, "--script", toy.folder / "Lines 1.csv", "--character", "ben"]
    shown = here(0, "dub", *at, "--episode", "s01e01", "--language", "en", "--output", output)
    assert "0 of 4 lines said anew, the mix as it was" in " ".join(shown.split())
    assert sorted(path.name for path in output.parent.iterdir()) == ["Dub.flac", "Dub.json", "Dub.lines.csv", "Dub.mkv"]
    assert inspect(output.with_suffix(".flac")).verdict == "marked"
    here(0, "speak", *at, "--output", tmp_path / "lines")
    names = ["001-anna", "002-ben", "003-anna", "004-ben"]
    assert sorted(path.stem for path in (tmp_path / "lines").glob("*.wav")) == names
    assert inspect(tmp_path / "lines" / "001-anna.wav").verdict == "marked"
    here(0, "speak", *at, "--output", tmp_path / "all.wav")
    assert sorted(inspect(tmp_path / "all.wav").credentials.claims["characters"]) == ["anna", "ben"]
    assert "name it *.mkv" in fails(2, "dub", *at, "--episode", "s01e01", "--output", tmp_path / "a.mp4")
    assert "write it as SLOWEST:FASTEST" in fails(2, "speak", *at, "--pace", "2:1", "--output", tmp_path / "x")

    spoken = speak_script(str(toy.folder / "Lines 1.csv"), "ben", True, config=str(toy.config))
    assert [each.spoken.about["character"] for each in spoken.lines] == ["anna", "ben", "anna", "ben"]
    assert spoken.reading.starts == (2.0, 4.0, 6.0, 10.0)

    studio = open_series(toy.config)
    revoke(studio, "anna", "somebody", "asked for it")
    assert not list(store.keys("series/toy/dubs"))
    with pytest.raises(RightsError, match="anna: the rights were revoked"):
        dubbed(toy)


def test_what_is_wrong_is_said_before_anything_is_made(scripted: Scripted) -> None:
    scripted.episode(1)
    for text, said in (
        ("character,text\ncarl,a\n", "line 2: 'carl' is no character"),
        ("character,text\nanna,はい\nanna,｜豪炎寺《ごうえんじ 99》\n", "line 3: .*ごうえんじ"),
        (LINES, "no trained voice"),
    ):
        with pytest.raises((ScriptError, LookupError), match=said):
            dub_episode(str(script_of(scripted, text)), "s01e01", character="ben", config=str(scripted.config))
    assert not scripted.keys("speech/**/*")
