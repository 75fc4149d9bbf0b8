"""Music cues and effects from a survey, and the library of them in a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest

from containers.contract.stages import SURVEYED, Turn
from infra.store import read_json
from tasks import orders
from tasks.episodes.asset_library import export_assets, list_assets, load_assets
from tasks.episodes.assets import Rules, find_cues, find_effects, integrated_lufs, survey_columns
from tasks.episodes.prepared import Prepared
from tasks.studio import Stored, Studio
from tests.unit.stub_studio import episode_at, looking, studio_at

HOP = 0.02
LOUD, STILL = 1e-3, 1e-9


def surveyed(seconds: float, music: Any = (), noise: Any = (), bangs: Any = (), voice: Any = ()) -> dict[str, Any]:
    """A survey in which these spans (start, end) are so."""
    columns = {name: np.zeros(round(seconds / HOP), np.float32) for name in SURVEYED}
    columns["background_power"] += STILL
    columns["vocals_power"] += STILL
    columns["tonal_db"] += 2.5

    def put(name: str, spans: Any, value: float) -> None:
        for start, end in spans:
            columns[name][round(start / HOP) : round(end / HOP)] = value

    put("background_power", [*music, *noise, *bangs], LOUD)
    put("tonal_db", music, 7.0)
    put("stands_out_db", bangs, 20.0)
    put("vocals_power", voice, 100 * LOUD)
    return columns


def turn(start: float, end: float) -> Turn:
    return Turn(start=start, end=end, speaker="SPEAKER_00")


def test_a_cue_is_music_without_a_break_and_says_where_nobody_speaks() -> None:
    """A rest of 1 s belongs to it, one of 6 s does not; noise as loud as music is no cue, nor is a jingle of 2 s."""
    survey = surveyed(120, music=[(10, 30), (31, 50), (56, 70), (90, 92)], noise=[(100, 115)])
    cues = find_cues(survey, HOP, [turn(12, 14), turn(20, 22)])
    assert [(each.start, each.end) for each in cues] == [
        (pytest.approx(10, abs=0.3), pytest.approx(50, abs=0.3)),
        (pytest.approx(56, abs=0.3), pytest.approx(70, abs=0.3)),
    ]
    assert cues[0].dialogue == pytest.approx(4, abs=0.1)
    assert [(each.start, each.end) for each in cues[0].clear] == [
        (pytest.approx(14.2), pytest.approx(19.8)),
        (pytest.approx(22.2), pytest.approx(50, abs=0.3)),
    ]
    assert cues[0].loudness_lufs == pytest.approx(-30.7, abs=0.2)
    assert [each.id for each in cues] == sorted({each.id for each in cues})


def test_an_effect_is_short_stands_out_and_is_not_the_remains_of_a_voice() -> None:
    """0.5 s counts; 9 s is no effect; where the voice is 20 dB louder it is the voice's remains."""
    survey = surveyed(60, music=[(30, 50)], bangs=[(5, 5.5), (10, 19), (25, 25.3), (40, 40.2)], voice=[(25, 26)])
    cues = find_cues(survey, HOP, [])
    effects = find_effects(survey, HOP, [turn(4, 6)], cues)
    assert [(each.start, each.over_dialogue, each.over_music) for each in effects] == [
        (5.0, True, False),
        (40.0, False, True),
    ]
    assert (effects[0].duration, effects[0].stands_out_db) == (pytest.approx(0.5), 20.0)


def test_where_the_episode_begins_and_ends_there_is_no_effect() -> None:
    """Music that begins with the episode stands out of nothing."""
    survey = surveyed(60, bangs=[(0, 0.3), (20, 20.3), (59.7, 60)])
    assert [each.start for each in find_effects(survey, HOP, [], [])] == [20.0]


def test_rules_change_what_is_found_without_another_survey() -> None:
    survey = surveyed(60, music=[(10, 20)], bangs=[(40, 40.5)])
    assert not find_cues(survey, HOP, [], Rules(min_cue=15.0))
    assert not find_effects(survey, HOP, [], [], Rules(min_stands_out_db=25.0))


@pytest.mark.parametrize("seconds", [0.02, 0.3, 3.0])
def test_silence_of_any_length_holds_nothing(seconds: float) -> None:
    survey = surveyed(seconds)
    assert find_cues(survey, HOP, []) == []
    assert find_effects(survey, HOP, [], []) == []


def test_a_cues_loudness_is_gated_as_pyloudnorm_gates_it() -> None:
    """Ten seconds of noise, then five of near silence that the gate leaves out; +-0.1 LU."""
    rate = 48000
    sound = (
        np.random.default_rng(0).normal(0, 1, (15 * rate, 1))
        * np.repeat([0.05, 0.0001], [10 * rate, 5 * rate])[:, None]
    )
    meter = pyloudnorm.Meter(rate)
    weighted = sound[:, 0]
    for each in meter._filters.values():
        weighted = each.apply_filter(weighted)
    power = np.square(weighted).reshape(-1, round(HOP * rate)).mean(axis=1).astype(np.float32)
    assert integrated_lufs(power, HOP) == pytest.approx(meter.integrated_loudness(sound), abs=0.1)


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[Studio, Prepared]:
    """An episode of a minute with music from 20 to 40 s, as far as its turns."""
    studio = studio_at(tmp_path)
    episode = episode_at(tmp_path, duration=60, music=[{"start": 20, "end": 40, "name": "theme"}])
    separated = studio.make(orders.separate(studio, episode, studio.make(orders.extract(studio, episode))))
    turns = studio.make(orders.diarize(studio, episode, separated)).result.turns
    written = json.dumps({"turns": [vars(each) for each in turns]}).encode()
    studio.store.write(f"{studio.home}/episodes/s01e01/turns.json", written)
    about = {"turns": 1, "clips": 0, "problems": (), "engines": {"separate": "stub 1", "diarize": "stub 1"}}
    return studio, Prepared(episode="s01e01", identity="0", duration=60.0, **about)


def test_assets_are_listed_once_and_found_again_without_an_engine(prepared: tuple[Studio, Prepared]) -> None:
    studio, episode = prepared
    found = list_assets(studio, episode)
    assert [(round(each.start), round(each.end)) for each in found.cues] == [(20, 40)]
    assert [each.start for each in found.effects] == [5.0]
    assert list_assets(looking(studio), episode) == load_assets(looking(studio), "s01e01") == found
    said = read_json(studio.store, "series/toy/assets/s01e01.json")
    assert said["background"]["key"] == "series/toy/episodes/s01e01/stems/background.flac"
    assert said["engines"]["survey"] == "stub 1"


def test_on_demand_every_asset_is_a_file_and_stays_when_they_are_listed_again(
    prepared: tuple[Studio, Prepared],
) -> None:
    studio, episode = prepared
    exported = export_assets(studio, list_assets(studio, episode))
    assert set(exported.files) == {each.id for each in exported.all}
    for files in exported.files.values():
        assert studio.store.read(files.sound).startswith(b"fLaC")
        assert studio.store.read(files.picture).startswith(b"\x89PNG")
    assert list_assets(looking(studio), episode) == exported
    assert isinstance(exported.background, Stored)


def test_columns_have_their_names() -> None:
    table = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert {name: list(each) for name, each in survey_columns(table).items()} == {
        "background_power": [0, 4], "vocals_power": [1, 5], "stands_out_db": [2, 6], "tonal_db": [3, 7],
    }  # fmt: skip
