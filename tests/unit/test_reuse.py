"""What of an episode is taken from an earlier one, which one that is, and what if that one failed; engines are stub."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from containers.contract.codec import encode
from containers.contract.errors import EngineError
from containers.contract.stages import COMPARED, Compared, Reused, Segment, SeparateResult
from infra.store import find_json, write_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import prepared, separating
from tasks.episodes.earlier import Earlier
from tasks.episodes.reuse import Rule, reusable, to_separate
from tasks.episodes.separating import _Part, _put_back, _restore, find_stems, make_stems
from tasks.keeping import rebuild
from tasks.keeping.garbage import find_garbage
from tasks.keeping.repair import repair
from tasks.keeping.verify import verify
from tasks.studio import Made, Stored, Studio
from tests.unit.stub_studio import episode_at, looking, studio_at

HOP = 0.1
RULE = Rule(margin=0.5, shortest=3.0)
DURATION = 100.0


def compared(start: float, seconds: float, lag: float = 5.0) -> Compared:
    return Compared(start=start, end=start + seconds, lag=lag, gain=0.5, rows=round(seconds / HOP))


def rows(seconds: float, *doubts: tuple[float, float, str]) -> np.ndarray:
    """Rows of which nothing is in doubt but from, to, in a column."""
    found = np.tile(np.array([-40.0, 0.0, 0.0], np.float32), (round(seconds / HOP), 1))
    for start, end, column in doubts:
        found[round(start / HOP) : round(end / HOP), COMPARED.index(column)] = 1.0
    return found


def spans(found: tuple[Reused, ...] | tuple[Segment, ...]) -> list[tuple[float, float]]:
    return [(each.start, each.end) for each in found]


@pytest.mark.parametrize("column", COMPARED)
def test_what_is_in_doubt_is_not_reused_nor_what_is_near_it(column: str) -> None:
    found = reusable((compared(20.0, 30.0),), rows(30.0, (10.0, 12.0, column)), HOP, RULE)
    kept = spans(found)
    assert len(kept) == 2
    assert kept[0] == (20.0, pytest.approx(29.4, abs=0.25))
    assert kept[1] == (pytest.approx(32.6, abs=0.25), 50.0)
    assert kept[0][1] <= 29.5
    assert kept[1][0] >= 32.5
    assert {(each.lag, each.gain) for each in found} == {(5.0, 0.5)}


def test_too_short_a_stretch_is_not_worth_it_and_two_are_never_over_each_other() -> None:
    both = (compared(20.0, 10.0), compared(28.0, 10.0, lag=7.0))
    table = np.concatenate((rows(10.0, (0.0, 3.0, "afresh")), rows(10.0)))
    first, second = spans(reusable(both, table, HOP, RULE))
    assert first[0] > 23
    assert first[1] < second[0]
    assert reusable((compared(0.0, 2.0),), rows(2.0), HOP, RULE) == ()


def test_what_is_separated_reaches_a_joint_into_what_is_reused() -> None:
    every = (Segment(start=0.0, end=DURATION),)
    middle = Reused(start=10.0, end=20.0, lag=1.0, gain=1.0)
    assert spans(to_separate(every, (middle,), DURATION)) == [(0.0, 10.02), (19.98, DURATION)]
    at_the_end = Reused(start=90.0, end=DURATION, lag=1.0, gain=1.0)
    assert spans(to_separate(every, (at_the_end,), DURATION)) == [(0.0, 90.02)]
    spoken = (Segment(start=5.0, end=12.0), Segment(start=13.0, end=15.0), Segment(start=30.0, end=40.0))
    assert spans(to_separate(spoken, (middle,), DURATION)) == [(5.0, 10.02), (30.0, 40.0)]


# ---------------------------------------------------------------- a series on stub


def episode(folder: Path, number: int, opening: float | None, said: float = 60.0, **script: Any) -> Episode:
    """An episode of 100 s in which somebody speaks at `said`, with an opening of 40 s from `opening` on."""
    music = [] if opening is None else [{"start": opening, "end": opening + 40, "name": "theme", "sung": True}]
    turns = [{"start": said, "end": said + 4.0, "speaker": "A"}]
    return episode_at(folder, f"s01e{number:02d}", duration=DURATION, music=music, turns=turns, **script)


def once(folder: Path, *, only: str | None = None, **said: Any) -> Studio:
    return studio_at(folder, separate={"recurring": "once", **({"only": only} if only else {})}, **said)


def stems_of(studio: Studio, one: Episode, earlier: Earlier) -> Made[SeparateResult]:
    extracted = studio.make(orders.extract(studio, one))
    studio.make(orders.fingerprint(studio, one, extracted))
    return make_stems(studio, one, extracted, earlier)


def reuse_of(studio: Studio, key: str) -> dict[str, Any]:
    said = find_json(studio.store, f"{studio.home}/episodes/{key}/reuse.json")
    assert said is not None
    return said


def separated_seconds(studio: Studio, key: str) -> float:
    record = find_json(studio.store, f"{studio.home}/episodes/{key}/stages/separate.json")
    assert record is not None
    return float(record["result"]["duration"])


def test_an_opening_is_separated_once_and_a_line_over_it_in_every_episode(tmp_path: Path) -> None:
    studio = once(tmp_path)
    first, second, over = episode(tmp_path, 1, 5.0), episode(tmp_path, 2, 12.0), episode(tmp_path, 3, 8.0, said=30.0)
    season = Earlier((first, second, over), ("s01e01", "s01e02", "s01e03"))
    made = {each.key: stems_of(studio, each, season) for each in (over, second, first)}

    assert reuse_of(studio, "s01e01")["reused"] == []
    assert [reuse_of(studio, key)["source"] for key in ("s01e02", "s01e03")] == ["s01e01", "s01e01"]
    (span,) = reuse_of(studio, "s01e02")["reused"]
    assert (span["lag"], span["gain"]) == (7.0, 1.0)
    assert 36 < span["end"] - span["start"] <= 40
    assert separated_seconds(studio, "s01e01") == DURATION
    assert separated_seconds(studio, "s01e02") == pytest.approx(DURATION - (span["end"] - span["start"]), abs=0.1)
    assert all(each["end"] < 30 - 0.5 or each["start"] > 34 + 0.5 for each in reuse_of(studio, "s01e03")["reused"])
    assert made["s01e02"].engine == "stub 1"
    assert verify(studio.store, studio.home).broken == ()

    alone = looking(studio)
    extracted = alone.find(orders.extract(alone, second))
    assert extracted
    studio.store.delete(f"{studio.home}/episodes/s01e01/stems/vocals.flac")
    found = find_stems(alone, second, extracted)
    assert found is not None
    assert found.files == made["s01e02"].files


def test_an_episode_that_shares_nothing_starts_no_other_ones_separation(tmp_path: Path) -> None:
    studio = once(tmp_path)
    first, other = episode(tmp_path, 1, 5.0), episode(tmp_path, 2, None)
    stems_of(studio, other, Earlier((first, other), ("s01e01", "s01e02")))
    assert studio.store.size(f"{studio.home}/episodes/s01e01/stages/separate.json") is None
    assert separated_seconds(studio, "s01e02") == DURATION


@pytest.mark.proof
@pytest.mark.parametrize(("kind", "stage"), [("recording", "separate"), ("request", "extract")])
def test_where_the_earlier_episode_failed_all_is_separated(tmp_path: Path, kind: str, stage: str) -> None:
    studio = once(tmp_path)
    first, second = episode(tmp_path, 1, 5.0, fail=kind, stage=stage), episode(tmp_path, 2, 12.0)
    stems_of(studio, second, Earlier((first, second), ("s01e01", "s01e02")))
    assert reuse_of(studio, "s01e02")["reused"] == []
    assert separated_seconds(studio, "s01e02") == DURATION


def test_what_failed_once_is_tried_by_no_later_episode_again(tmp_path: Path) -> None:
    season, tries = Earlier((episode(tmp_path, 1, 5.0),), ("s01e01",)), []

    def fails() -> Any:
        tries.append(1)
        raise EngineError("no memory")

    for _ in range(2):
        with pytest.raises(EngineError, match="no memory"):
            season.once("s01e01", fails)
    assert len(tries) == 1


@pytest.mark.proof
def test_only_speech_and_once_go_together(tmp_path: Path) -> None:
    """The opening is sung, so it counts as speech, but for what the first episode has of it."""
    studio = once(tmp_path, only="speech")
    first, second = episode(tmp_path, 1, 5.0, said=10.0), episode(tmp_path, 2, 12.0, said=70.0)
    season = Earlier((first, second), ("s01e01", "s01e02"))
    for each in (second, first):
        stems_of(studio, each, season)
    assert separated_seconds(studio, "s01e01") == pytest.approx(4 + 1.5, abs=0.2)
    assert separated_seconds(studio, "s01e02") == pytest.approx(4 + 1.5, abs=0.2)
    assert reuse_of(studio, "s01e02")["source"] == "s01e01"
    assert verify(studio.store, studio.home).broken == ()


@pytest.mark.proof
def test_what_was_decided_stays_when_the_stems_could_not_be_put_together(tmp_path: Path) -> None:
    studio = once(tmp_path)
    first, second = episode(tmp_path, 1, 5.0), episode(tmp_path, 2, 12.0, fail="machine", stage="restore", times=1)
    season = Earlier((first, second), ("s01e01", "s01e02"))
    with pytest.raises(EngineError):
        stems_of(studio, second, season)
    decided = reuse_of(studio, "s01e02")
    separated = find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/separate.run.json")
    stems_of(studio, second, season)
    assert reuse_of(studio, "s01e02") == decided
    assert find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/separate.run.json") == separated
    assert verify(studio.store, studio.home).broken == ()


@pytest.mark.proof
def test_upkeep_knows_what_was_decided(tmp_path: Path) -> None:
    """Without it nobody would find the stems, so it is missed, is no garbage, and a repair decides the same."""
    studio = once(tmp_path)
    both = (episode(tmp_path, 1, 5.0), episode(tmp_path, 2, 12.0))
    for each in both:
        rebuild.prepare_episode(studio, each)
    write_json(studio.store, f"{studio.home}/episodes.json", [encode(each) for each in both])
    decided, stems = reuse_of(studio, "s01e02"), studio.store.digest(f"{studio.home}/episodes/s01e02/stems/vocals.flac")
    assert decided["source"] == "s01e01"
    assert verify(studio.store, studio.home).broken == ()
    for name in ("starts", "done"):  # what says that this process may start engines
        shutil.rmtree(studio.store.work / name, ignore_errors=True)
    assert find_garbage(studio.store, studio.home).keys == {}

    studio = once(tmp_path)
    key = f"{studio.home}/episodes/s01e02/reuse.json"
    studio.store.delete(key)
    assert key in [each.key for each in verify(studio.store, studio.home).broken]
    repaired = repair(studio, both)
    assert str(repaired.made[0]) == "episode s01e02"
    assert reuse_of(studio, "s01e02") == decided
    assert studio.store.digest(f"{studio.home}/episodes/s01e02/stems/vocals.flac") == stems
    assert verify(studio.store, studio.home).broken == ()


@pytest.mark.proof
def test_pruned_vocals_come_back_for_those_who_took_them_and_are_not_made_for_others(tmp_path: Path) -> None:
    studio = once(tmp_path, keep="least")
    first, second, third = (episode(tmp_path, number, 5.0 * number) for number in (1, 2, 3))
    season = Earlier((first, second), ("s01e01", "s01e02"))
    made = stems_of(studio, second, season)
    folder = f"{studio.home}/episodes"
    studio.release(f"{folder}/s01e01/stages/separate.json", {"out/vocals.flac"})
    studio.release(f"{folder}/s01e02/stages/restore.json", {"out/vocals.flac"})

    everybody = Earlier((first, second, third), ("s01e03",))
    stems_of(studio, third, everybody)
    assert reuse_of(studio, "s01e03")["reused"] == []
    assert studio.store.size(f"{folder}/s01e01/stems/vocals.flac") is None

    again = stems_of(studio, second, everybody)
    assert again.files == made.files
    assert not again.gone


@pytest.mark.proof
def test_vocals_that_are_pruned_while_the_rest_is_separated_come_back(tmp_path: Path) -> None:
    studio = once(tmp_path)
    first, second = episode(tmp_path, 1, 5.0), episode(tmp_path, 2, 12.0)
    season = Earlier((first, second), ("s01e01", "s01e02"))
    stems_of(studio, second, season)
    studio.release(f"{studio.home}/episodes/s01e01/stages/separate.json", {"out/vocals.flac"})
    part = _Part(segments=(), earlier=Stored(**reuse_of(studio, "s01e02")["vocals"]), source="s01e01")
    extracted = studio.make(orders.extract(studio, second))
    order = _restore(studio, second, extracted.stored(extracted.result.recording), part, None)
    assert _put_back(studio, order, part, season).files
    assert studio.store.size(f"{studio.home}/episodes/s01e01/stems/vocals.flac")


def test_the_switch_makes_an_episode_anew_and_says_what_it_needs(tmp_path: Path) -> None:
    one = episode(tmp_path, 1, None)
    plain, switched = studio_at(tmp_path), once(tmp_path)
    assert prepared.identity_of(plain, one) != prepared.identity_of(switched, one)
    assert separating.stages_of(plain.series) == ()
    assert separating.stages_of(switched.series) == ("compare", "condense", "restore")
