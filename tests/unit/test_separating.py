"""What of an episode is separated, and that its stems are whole all the same; engines are stub."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from containers.contract.stages import Segment, SeparateResult
from infra.store import find_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import prepared
from tasks.episodes.separating import Rule, find_stems, make_stems, speech_segments
from tasks.keeping.verify import verify
from tasks.studio import Made, Studio
from tests.unit.stub_studio import episode_at, looking, studio_at

HOP = 0.1
RULE = Rule(margin=0.5, bridged=2.0, worth=0.1)
SCRIPT = {
    "duration": 60,
    "turns": [
        {"start": 10.0, "end": 14.0, "speaker": "A"},
        {"start": 15.0, "end": 18.0, "speaker": "B"},
        {"start": 40.0, "end": 44.0, "speaker": "A"},
    ],
}


def rows(seconds: float, *spoken: tuple[float, float], column: int = 0, probability: float = 0.9) -> np.ndarray:
    found = np.zeros((round(seconds / HOP), 2), np.float32)
    for start, end in spoken:
        found[round(start / HOP) : round(end / HOP), column] = probability
    return found


def spans(segments: tuple[Segment, ...] | None) -> list[tuple[float, float]]:
    return [(each.start, each.end) for each in segments or ()]


def test_segments_reach_beyond_what_was_heard_and_short_rests_belong_to_them() -> None:
    heard = rows(60, (10.0, 12.0), (14.0, 15.0), (30.0, 31.0))
    assert spans(speech_segments(heard, HOP, 60.0, RULE)) == [(9.5, 15.5), (29.5, 31.5)]


@pytest.mark.parametrize(("column", "probability", "is_heard"), [(0, 0.05, True), (1, 0.05, False), (1, 0.2, True)])
def test_either_way_of_listening_counts_from_its_own_threshold(column: int, probability: float, is_heard: bool) -> None:
    heard = rows(60, (10.0, 12.0), column=column, probability=probability)
    assert bool(speech_segments(heard, HOP, 60.0, RULE)) is is_heard


@pytest.mark.parametrize(("seconds", "is_heard"), [(0.2, False), (0.5, True)])
def test_what_resembles_a_voice_for_a_moment_is_not_separated_and_a_short_line_is(
    seconds: float, is_heard: bool
) -> None:
    heard = rows(60, (10.0, 10.0 + seconds), probability=0.12)
    assert bool(speech_segments(heard, HOP, 60.0, RULE)) is is_heard


def test_a_short_rest_at_either_end_of_the_recording_belongs_to_the_speech() -> None:
    heard = rows(60, (1.0, 3.0), (57.0, 58.5))
    assert spans(speech_segments(heard, HOP, 60.0, RULE)) == [(0.0, 3.5), (56.5, 60.0)]


def test_little_to_leave_out_is_not_worth_it_and_no_speech_at_all_is_no_segment() -> None:
    assert speech_segments(rows(60, (0.0, 55.0)), HOP, 60.0, RULE) is None
    assert speech_segments(rows(60), HOP, 60.0, RULE) == ()


def speech_only(folder: Path) -> Studio:
    return studio_at(folder, separate={"only": "speech"})


def stems_of(studio: Studio, episode: Episode) -> Made[SeparateResult]:
    return make_stems(studio, episode, studio.make(orders.extract(studio, episode)))


def bytes_of(studio: Studio, made: Made[SeparateResult]) -> dict[str, bytes]:
    return {path: studio.store.read(each.key) for path, each in made.files.items()}


def test_stems_of_a_part_are_those_of_the_whole_and_nothing_of_the_way_there_stays(tmp_path: Path) -> None:
    """On stub, whose stems say who speaks when; lost ones are made again, whole ones by nobody."""
    episode = episode_at(tmp_path, **SCRIPT)
    (tmp_path / "all").mkdir()
    every, part = studio_at(tmp_path / "all"), speech_only(tmp_path)
    wanted, made = stems_of(every, episode), stems_of(part, episode)
    assert bytes_of(part, made) == bytes_of(every, wanted)
    assert (made.engine, made.result) == ("stub 1", wanted.result)
    folder = f"{part.home}/episodes/s01e01"
    assert not list(part.store.keys(f"{folder}/condensed"))
    condensed = find_json(part.store, f"{folder}/stages/condense.json")
    assert condensed is not None
    assert condensed["result"]["duration"] == pytest.approx((18 - 10) + (44 - 40) + 4 * 0.75, abs=0.2)
    assert verify(part.store, part.home).broken == ()

    extracted = part.find(orders.extract(part, episode))
    assert extracted
    found = find_stems(looking(part), episode, extracted)
    assert found
    assert (found.found, found.engine, found.files) == (True, "stub 1", made.files)
    part.store.delete(f"{folder}/stems/vocals.flac")
    assert find_stems(part, episode, extracted) is None
    assert bytes_of(part, make_stems(part, episode, extracted)) == bytes_of(every, wanted)


def test_where_nobody_speaks_nothing_is_separated(tmp_path: Path) -> None:
    studio, episode = speech_only(tmp_path), episode_at(tmp_path, cast=[], duration=30)
    made = stems_of(studio, episode)
    record = find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/separate.json")
    assert record is not None
    assert record["stage"] == "restore"
    assert set(made.files) == {"out/vocals.flac", "out/background.flac"}
    assert verify(studio.store, studio.home).broken == ()


def test_the_switch_leaves_nothing_that_promises_files_of_before(tmp_path: Path) -> None:
    episode = episode_at(tmp_path, **SCRIPT)
    for studio in (studio_at(tmp_path), speech_only(tmp_path), studio_at(tmp_path)):
        stems_of(studio, episode)
        assert verify(studio.store, studio.home).broken == ()


def test_the_switch_makes_an_episode_anew_and_its_absence_changes_nothing(tmp_path: Path) -> None:
    episode = episode_at(tmp_path)
    plain, said, part = studio_at(tmp_path), studio_at(tmp_path, separate={"only": None}), speech_only(tmp_path)
    assert prepared.identity_of(plain, episode) == prepared.identity_of(said, episode)
    assert prepared.identity_of(plain, episode) != prepared.identity_of(part, episode)
