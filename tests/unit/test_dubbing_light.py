"""A few lines over an episode of the demo series, by the engines of light: what people hear, to the sample."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from containers.contract.item import sha256_of
from containers.light.demo_series import main as make_demo_series
from infra.dispatch import Dispatcher
from infra.runners import make_runner
from infra.store import LocalStore
from tasks import orders, voices
from tasks.clips.data_sets import DataSet
from tasks.domain import Episode, Turn
from tasks.episodes import separating
from tasks.series import Series
from tasks.speech import dubbing
from tasks.speech.dubbing import Bed, Dub
from tasks.speech.dubbing_plan import Heard
from tasks.speech.dubbing_record import How
from tasks.speech.scripts import Script, ScriptLine, read_script
from tasks.studio import Source, Studio
from tasks.trust.provenance_found import inspect

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]
RIGHTS = {"basis": "made by a program", "by": "the tests", "date": "2026-11-26"}


def studio_at(folder: Path) -> Studio:
    store = LocalStore(folder / "store")
    dispatcher = Dispatcher(
        store.work, {"process": make_runner("process", store)}, lambda _: nullcontext(()), lambda _: None
    )
    series = Series.model_validate(
        {
            "series": "kaze", "episodes": "episodes/*.mkv", "language": "ja", "folder": folder,
            "characters": {"haruto": {"name": "ハルト", "rights": RIGHTS}},
        }
    )  # fmt: skip
    return Studio(series=series, store=store, dispatcher=dispatcher)


def given(path: Path) -> Source:
    return Source(path=path, sha256=sha256_of(path))


def learnt(studio: Studio, folder: Path) -> None:
    """A voice of references of the demo; one alone is too little, and whose it sounds like is not the point here."""
    paths = [*sorted((folder / "references" / "haruto").glob("*")), folder / "references" / "goro" / "goro_01.flac"]
    made = [studio.make(orders.extract_given(studio, path.name, given(path))) for path in paths]
    clips = tuple(each.stored(each.result.recording) for each in made)
    data = DataSet(character="haruto", identity="0", minutes=0.3, clips=len(clips), dropped={}, files={})
    voices.register(studio, "haruto", data, studio.make(orders.train(studio, "haruto", clips)))


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, Dub, Bed, list[Any]]:
    folder = tmp_path_factory.mktemp("dub")
    assert make_demo_series([str(folder), "--episodes", "1", "--seconds", "18"]) == 0
    studio = studio_at(folder)
    learnt(studio, folder)
    video = next((folder / "episodes").glob("*.mkv"))
    episode = Episode(key="s01e01", file=str(video), sha256=sha256_of(video))
    truth = json.loads((folder / "truth" / "s01e01.json").read_text("utf-8"))
    turns = tuple(Turn(start=each["start"], end=each["end"], speaker=each["speaker"]) for each in truth["turns"])
    extracted = studio.make(orders.extract(studio, episode))
    stems = separating.make_stems(studio, episode, extracted)
    bed = Bed(
        episode=episode,
        recording=extracted.stored(extracted.result.recording),
        background=stems.stored(stems.result.background),
        heard=Heard(duration=extracted.result.duration, turns=turns, clips=()),
    )
    script = scripted(folder, turns)
    cards = dubbing.cards_of(studio, script)
    how = How(name="lines", language="ja")
    done = [dubbing.say_line(studio, cards[each.character], each, how) for each in script.lines]
    return studio, dubbing.dub(studio, script, cards, bed, done, how), bed, done


def scripted(folder: Path, turns: tuple[Turn, ...]) -> Script:
    """A text with room at the first turn, one far too long for the second's, and a reference as a take after that."""
    take = sorted((folder / "references" / "haruto").glob("*"))[0].relative_to(folder)
    first, second = turns[0], turns[1]
    (folder / "lines.csv").write_text(
        "character,text,source,start,end\n"
        f"ハルト,みんな、行くぞ,,{first.start},{first.start + 1.6}\n"
        f"haruto,あの丘の上まで、誰がいちばん早く走れるか競争しよう,,{second.start},{second.start + 0.8}\n"
        f"haruto,,{take},{second.start + 6},\n",
        "utf-8",
    )
    return read_script(folder / "lines.csv", studio_at(folder).series.characters)


def whole(data: Path) -> np.ndarray:
    return soundfile.read(data, dtype="int16", always_2d=True)[0].astype(np.int64)


def test_a_dub_is_the_recording_where_nobody_speaks_and_the_background_between_the_lines(
    dubbed: tuple[Studio, Dub, Bed, list[Any]],
) -> None:
    studio, made, bed, _ = dubbed
    rate = made.about["sample_rate_hz"]
    recording, background = (whole(studio.store.path(each.key)) for each in (bed.recording, bed.background))
    with av.open(str(studio.store.path(made.video))) as copy:
        track = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in copy.decode(audio=1)]).astype(np.int64)
        assert [each.language for each in copy.streams.audio] == ["jpn", "jpn"]
        assert len(copy.streams.subtitles) == 1
        assert "Synthetic speech in the voices of ハルト (haruto)" in copy.streams.audio[1].metadata["COMMENT"]
    assert len(track) == len(recording)
    taken, said = np.zeros(len(track), bool), np.zeros(len(track), bool)
    for start, end in made.about["replaced"]:
        taken[round(start * rate) : round(end * rate)] = True
    for row in made.rows:
        said[max(0, round((row["said_start"] - 0.0101) * rate)) : round((row["said_end"] + 0.0101) * rate)] = True
    assert 0 < taken.sum() < len(track)
    assert np.array_equal(track[~taken & ~said], recording[~taken & ~said])
    start, end = made.about["replaced"][0]
    between = ~said
    between[: round((start + 0.031) * rate)] = between[round((end - 0.031) * rate) :] = False
    assert np.array_equal(track[between], background[between])
    assert np.abs(track[said] - background[said]).max() > 1000, "lines are heard"


def test_lines_are_in_their_slots_or_told_and_their_files_are_marked(
    dubbed: tuple[Studio, Dub, Bed, list[Any]], tmp_path: Path
) -> None:
    studio, made, _, done = dubbed
    first, second, third = made.rows
    assert first["fit"] in ("fits", "faster", "slower", "short")
    assert 0.84 <= first["pace"] <= 1.26
    assert second["fit"] == "over"
    assert second["pace"] == pytest.approx(1.25, abs=0.03)
    assert second["said_end"] - second["said_start"] == pytest.approx(second["natural"] / 1.25, abs=0.05)
    assert third["fit"] == "free"
    lines: list[ScriptLine] = [each.line for each in done]
    assert [each.said for each in lines][2] == lines[2].source.name
    track = tmp_path / "dub.flac"
    track.write_bytes(studio.store.read(made.track))
    assert inspect(track).verdict == "marked"
    found = inspect(studio.store.path(made.video))
    assert (found.kind, found.verdict) == ("mkv", "unsigned")
    assert found.tags["characters"] == inspect(track).tags["characters"]
