"""`recurring.json` from scripted episodes: themes leave the voice path, music under other words does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.store import read_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import recurring_files
from tasks.episodes.archive import keep_archive
from tasks.studio import Studio
from tests.unit.stub_studio import episode_at, looking, studio_at

OPENING = {"start": 10, "end": 70, "name": "opening", "sung": True}
BED = {"start": 90, "end": 130, "name": "bed"}


def prepared(studio: Studio, folder: Path, count: int) -> list[Episode]:
    """Episodes of 200 s as far as their fingerprints need."""
    found = []
    for number in range(1, count + 1):
        script: dict[str, Any] = {"duration": 200, "music": [OPENING, BED]}
        episode = episode_at(folder, f"s01e{number:02d}", **script)
        recording = studio.make(orders.extract(studio, episode))
        studio.make(orders.fingerprint(studio, episode, recording))
        stems = studio.make(orders.separate(studio, episode, recording))
        studio.make(orders.fingerprint_vocals(studio, episode, stems))
        found.append(episode)
    return found


def test_what_recurs_is_kept_and_a_new_episode_is_added_to_it(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    episodes = prepared(studio, tmp_path, 4)
    three = recurring_files.find_recurring(studio, recurring_files.fingerprints_of(looking(studio), episodes[:3]))
    four = recurring_files.find_recurring(studio, recurring_files.fingerprints_of(looking(studio), episodes))

    assert recurring_files.load_recurring(studio) == four
    assert {group.name: len(group.segments) for group in four.groups} == {"opening": 4, "recurring": 4}
    assert {group.id for group in three.groups} == {group.id for group in four.groups}
    opening, bed = sorted(four.groups, key=lambda group: group.name)
    assert all(segment.left_out for segment in opening.segments)
    assert not any(segment.left_out for segment in bed.segments)


def test_an_episode_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    episodes = prepared(studio, tmp_path, 2)
    recurring_files.find_recurring(studio, recurring_files.fingerprints_of(studio, episodes))

    assert recurring_files.find_recurring(studio, recurring_files.fingerprints_of(studio, episodes[:1])).groups == ()


def test_an_opening_is_kept_once_in_the_archive_and_goes_when_it_recurs_no_more(tmp_path: Path) -> None:
    """Music that lies under other words is no theme and is not kept; a second run starts no engine."""
    studio = studio_at(tmp_path)
    assert keep_archive(studio) == ()
    episodes = prepared(studio, tmp_path, 3)
    recurring_files.find_recurring(studio, recurring_files.fingerprints_of(studio, episodes))

    (opening,) = keep_archive(studio)
    assert (opening.name, opening.sound) == ("opening", "series/toy/archive/opening.flac")
    assert opening.episodes == ("s01e01", "s01e02", "s01e03")
    assert 50 < opening.end - opening.start < 70
    assert studio.store.read(opening.sound).startswith(b"fLaC")
    assert read_json(studio.store, "series/toy/archive/archive.json")[0]["group"] == opening.group
    assert keep_archive(looking(studio)) == (opening,)

    recurring_files.find_recurring(studio, recurring_files.fingerprints_of(studio, episodes[:1]))
    assert keep_archive(studio) == ()
    assert list(studio.store.keys("series/toy/archive/")) == ["series/toy/archive/archive.json"]
