"""What comes back in other episodes is found, named, and left out only where the same voice was heard before."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.episodes.recurrence import Search
from tasks.episodes.recurring import Heard, RecurringGroup, describe, left_out_by_episode, places_of, why_recurring

HOP = 0.125
Words = NDArray[np.uint32]


def sound(seconds: float, name: str) -> Words:
    """Words of a sound; the same name is the same sound."""
    seed = int.from_bytes(name.encode(), "big") % 2**63
    return np.random.default_rng(seed).integers(1, 2**32, round(seconds / HOP), dtype=np.uint32)


def coded(words: Words, seed: int, share: float = 0.1) -> Words:
    """The words as another codec leaves them: a tenth of the bits turned over."""
    turned = np.random.default_rng(seed).random((len(words), 32)) < share
    return words ^ (turned.astype(np.uint32) @ (np.uint32(1) << np.arange(32, dtype=np.uint32)))


def episode(number: int, *parts: tuple[float, str, str]) -> Heard:
    """(seconds, what sounds, whose voice): a voice of "" is new in every episode."""
    recording = [coded(sound(seconds, name or f"r{number} {i}"), number) for i, (seconds, name, _) in enumerate(parts)]
    vocals = [
        coded(sound(seconds, f"v {name or f'{number} {i}'}"), number + 50) for i, (seconds, _, name) in enumerate(parts)
    ]
    return Heard(key=f"s01e{number:02d}", recording=np.concatenate(recording), vocals=np.concatenate(vocals), hop=HOP)


def groups_of(*heard: Heard) -> tuple[RecurringGroup, ...]:
    search = Search([each.recording for each in heard])
    for number in range(len(heard)):
        search.add(number)
    return describe(search.groups, heard)


def season(count: int) -> list[Heard]:
    """300 s each: an opening with a song, one piece of music under new words, an eyecatch, an ending."""
    return [
        episode(
            number,
            (20 + 3 * number, "", ""),
            (90, "opening", "song"),
            (60 - 3 * number, "", ""),
            (7, "eyecatch", "shout"),
            (10, "", ""),
            (25, "bed", ""),
            (30, "", ""),
            (70, "ending", "other song"),
        )
        for number in range(1, count + 1)
    ]


def test_openings_endings_and_eyecatches_are_found_and_named() -> None:
    found = {group.name: group for group in groups_of(*season(4))}

    assert set(found) == {"opening", "ending", "eyecatch", "recurring"}
    for number, segment in enumerate(sorted(found["opening"].segments, key=lambda each: each.episode), start=1):
        assert (segment.start, segment.end) == pytest.approx((20 + 3 * number, 110 + 3 * number), abs=1.0)
    assert all(len(group.segments) == 4 for group in found.values())


def test_a_theme_is_left_out_everywhere_and_a_shout_stays_where_it_is_heard_first() -> None:
    heard = season(4)
    found = {group.name: group for group in groups_of(*heard)}

    assert all(segment.left_out for segment in found["opening"].segments)
    shouts = sorted(found["eyecatch"].segments, key=lambda each: each.episode)
    assert [bool(each.left_out) for each in shouts] == [False, True, True, True]


def test_music_under_other_words_removes_no_word() -> None:
    (bed,) = [group for group in groups_of(*season(4)) if group.name == "recurring"]

    assert all(segment.left_out == () for segment in bed.segments)


def test_of_a_recap_the_first_telling_stays() -> None:
    first = episode(1, (100, "", ""), (30, "scene", "lines"), (50, "", ""))
    second = episode(2, (2, "", ""), (30, "scene", "lines"), (150, "", ""))
    (group,) = groups_of(first, second)
    left_out = left_out_by_episode([group])

    assert group.name == "recap"
    assert set(left_out) == {"s01e02"}
    assert (
        why_recurring(5, 12, left_out["s01e02"])
        == "recap (R001: 29 s in 2 episodes, in the first fifth of each but the first)"
    )
    assert why_recurring(28, 38, left_out["s01e02"]) is None, "six seconds of it are new"
    assert why_recurring(105, 112, left_out.get("s01e01", ())) is None


def test_a_further_episode_changes_nothing_that_was_known_and_gives_what_all_at_once_give() -> None:
    heard = season(5)
    at_once = groups_of(*heard)
    numbers = {each.key: number for number, each in enumerate(heard)}
    known = Search([each.recording for each in heard[:4]])
    for number in range(4):
        known.add(number)
    described = describe(known.groups, heard[:4])
    for group, each in zip(known.groups, described, strict=True):
        group.places = places_of(each, numbers, HOP)
    later = Search([each.recording for each in heard], known.groups)
    later.add(4)

    assert describe(later.groups, heard) == at_once


def test_what_recurs_up_to_the_very_ends_of_episodes_stays_within_them() -> None:
    groups = groups_of(*(episode(number, (30, "start", ""), (20, "", ""), (30, "end", "")) for number in (1, 2, 3)))

    assert len(groups) == 2
    assert all(0 <= each.start < each.end <= 80 for group in groups for each in group.segments)


def test_silence_and_other_sound_do_not_recur() -> None:
    quiet = [
        Heard(
            key=f"e{i}",
            recording=np.concatenate([sound(60, f"a{i}"), np.zeros(200, np.uint32)]),
            vocals=np.zeros(680, np.uint32),
            hop=HOP,
        )
        for i in range(3)
    ]

    assert groups_of(*quiet) == ()
    assert groups_of() == ()
