"""Episodes: which file is which, by keys that are safe, short and stay."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from pathlib import Path

import pytest

from infra.store import LocalStore, write_json
from tasks.domain import Episode
from tasks.episodes.episodes import choose, episode_key, episode_keys, list_episodes, not_taken
from tasks.series import Series, SeriesError

SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@pytest.mark.parametrize(
    ("stem", "key"),
    [
        ("Kaze no Eleven S01E02", "s01e02"),
        ("kaze.s1e2.1080p.x264", "s01e02"),
        ("Kaze S02 E013 - Storm", "s02e13"),
        ("Ｋａｚｅ Ｓ０１Ｅ０２", "s01e02"),
        ("[Team] Kaze - 12v2 (720p) [0A1B2C3D]", "e012"),
        ("Kaze_03_[1080p]", "e003"),
        ("Kaze - 07 [1920x1080 H264 AAC]", "e007"),
        ("Kaze 2nd Season - 05", "e005"),
        ("Kaze 1080p 05", "e005"),
        ("第3話 嵐", "e003"),
        ("風のイレブン 第１２話", "e012"),
        ("第 007 回", "e007"),
        ("Episode 9", "e009"),
        ("Kaze ep10", "e010"),
        ("Movie", "movie"),
        ("05", "e005"),
    ],
)
def test_the_key_is_read_from_the_name(stem: str, key: str) -> None:
    assert episode_key(stem) == key


HOSTILE = [
    "two words.mkv",
    "🎌.mkv",
    unicodedata.normalize("NFD", "ガンバレ.mkv"),
    'it\'s "quoted".mkv',
    "$HOME;rm -rf &.mkv",
    "-rf.mkv",
    "%20%d%s.mkv",
    "new\nline.mkv",
    "trailing space.mkv ",
    "no ending",
    "[red]markup[bold].mkv",
    "{braces}.mkv",
    "あ" * 80 + ".mkv",
    os.fsdecode(b"\xff\xfe.mkv"),
]


def test_every_name_a_disk_can_hold_gets_a_safe_key_of_its_own(tmp_path: Path) -> None:
    assert len(os.fsencode(HOSTILE[-2])) == 244
    for name in HOSTILE:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    episodes = list_episodes(series(tmp_path, "*"), LocalStore(tmp_path / ".store"))
    assert len(episodes) == len({each.key for each in episodes}) == len(HOSTILE)
    assert all(SAFE.fullmatch(each.key) for each in episodes)


def test_a_name_has_one_key_however_the_disk_composes_its_letters() -> None:
    name = "ガンバレ"
    assert episode_key(unicodedata.normalize("NFD", name)) == episode_key(unicodedata.normalize("NFC", name))


def test_files_of_one_number_are_told_apart_whatever_order_they_come_in() -> None:
    files = [Path("a/Kaze S01E01.mkv"), Path("a/Kaze S01E01 uncut.mkv"), Path("b/Kaze S01E01.mkv"), Path("S01E02.mkv")]
    keys = episode_keys(tuple(files))
    assert list(keys) == [
        "s01e01-kaze-s01e01-mkv",
        "s01e01-kaze-s01e01-mkv-2",
        "s01e01-kaze-s01e01-uncut-mkv",
        "s01e02",
    ]
    assert episode_keys(tuple(reversed(files))) == keys


def series(folder: Path, episodes: str = "*.mkv") -> Series:
    said = {"series": "kaze", "episodes": episodes, "language": "ja", "characters": {"a": {"name": "A"}}}
    return Series.model_validate({**said, "folder": folder})


def test_an_episode_keeps_its_key_when_another_of_its_number_comes(tmp_path: Path) -> None:
    """Its clips are labelled under that key."""
    store = LocalStore(tmp_path / "store")
    (tmp_path / "Kaze S01E01.mkv").write_text("first")
    (before,) = list_episodes(series(tmp_path), store)
    assert before.key == "s01e01"
    write_json(
        store, "series/kaze/episodes.json", [{"key": before.key, "file": "Kaze S01E01.mkv", "sha256": before.sha256}]
    )
    (tmp_path / "Kaze 0 S01E01.mkv").write_text("second")
    after = {each.key: Path(each.file).name for each in list_episodes(series(tmp_path), store)}
    assert after == {"s01e01": "Kaze S01E01.mkv", "s01e01-kaze-0-s01e01-mkv": "Kaze 0 S01E01.mkv"}


def test_a_corrected_name_gets_the_key_it_says(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "S01E03.mkv").write_text("first")
    (known,) = list_episodes(series(tmp_path), store)
    write_json(store, "series/kaze/episodes.json", [{"key": "s01e02", "file": "S01E02.mkv", "sha256": known.sha256}])
    assert [each.key for each in list_episodes(series(tmp_path), store)] == ["s01e03"]


def test_a_series_without_episodes_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=rf"no episodes: \*.mkv matches no file below {tmp_path}; correct"):
        list_episodes(series(tmp_path), LocalStore(tmp_path / "store"))


def series_of(count: int) -> list[Episode]:
    return [Episode(key=f"s01e{n:03d}", file="", sha256="") for n in range(1, count + 1)]


def test_a_folder_says_how_to_take_episodes_of_its_subfolders(tmp_path: Path) -> None:
    for name in ("Season 1/1.mkv", "Season 2/a/2.mp4", "Season 1/.hidden.avi", "Season 1/notes.txt"):
        (tmp_path / "episodes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "episodes" / name).write_text(name)
    found = series(tmp_path).model_copy(update={"episodes": ("episodes",)})
    with pytest.raises(SeriesError, match=r'"episodes", "episodes/\*\*/\*.mkv", "episodes/\*\*/\*.mp4"'):
        list_episodes(found, LocalStore(tmp_path / "store"))
    (tmp_path / "episodes" / "film.mkv").write_text("film")
    assert "episodes in subfolders" in not_taken(found)
    assert not_taken(found.model_copy(update={"episodes": ("episodes/**/*",)})) == ""
    assert not_taken(found.model_copy(update={"episodes": ("episodes", "episodes/**/*.m*")})) == ""


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("Season 2/03.mkv", "s02e03"),
        ("Kaze S1 [BD]/[Team] Kaze - 12.mkv", "s01e12"),
        ("Kaze 2nd Season/#4.mkv", "s02e04"),
        ("風 第3期/第10話.mkv", "s03e10"),
        ("Season 2/S03E01.mkv", "s03e01"),
        ("Season 2/Movie.mkv", "movie"),
        ("Kaze's 100/03.mkv", "e003"),
    ],
)
def test_a_folder_of_a_season_goes_into_the_key(path: str, key: str) -> None:
    assert list(episode_keys([Path(path)])) == [key]


def test_a_sample_is_spread_over_the_series() -> None:
    found = [int(each.key[-3:]) for each in choose(series_of(126), sample=8)]
    assert len(found) == 8
    gaps = [later - before for before, later in itertools.pairwise(found)]
    assert max(gaps) - min(gaps) <= 1
    assert found[0] <= 9
    assert found[-1] >= 118
    assert [each.key for each in choose(series_of(3), sample=8)] == ["s01e001", "s01e002", "s01e003"]


def test_episodes_are_chosen_by_key() -> None:
    assert [each.key for each in choose(series_of(9), only=["s01e005", "s01e002"])] == ["s01e002", "s01e005"]
    assert len(choose(series_of(9), only=["s01e005", "s01e002"], sample=1)) == 1
    with pytest.raises(SeriesError, match="no episode has the key s09e09; keys are s01e001"):
        choose(series_of(9), only=["s09e09"])
