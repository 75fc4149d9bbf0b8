"""Subtitles and cast lists: evidence beside the voice, never instead of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.domain import Reference, Speaker, Suggestion
from tasks.episodes.subtitles import Cue
from tasks.series import Series, SeriesError
from tasks.speakers.cast import suggest
from tasks.speakers.hearsay import Hint, hints_of
from tasks.speakers.names import casts_of, character_names
from tests.unit.voices import heard, reference

REFERENCES = [reference(each) for each in ("endou", "gouenji", "kazemaru")]
SERIES = Series.model_validate(
    {
        "series": "kaze",
        "episodes": "episodes",
        "language": "ja",
        "characters": {
            "endou": {"name": "円堂 守", "aliases": ["円堂", "Mark"]},
            "gouenji": {"name": "豪炎寺 修也", "aliases": "豪炎寺"},
            "kazemaru": {"name": "風丸 一郎太"},
        },
    }
)


def suggested(voice: str, hint: Hint, references: list[Reference] = REFERENCES, likeness: float = 0.8) -> Suggestion:
    episode = heard("s01e01", [("SPEAKER_00", voice)] * 5, likeness=likeness)
    speaker = Speaker(id="S001", clips=tuple(c.id for c in episode.clips), episodes=("s01e01",), seconds=15.0)
    (found,) = suggest([speaker], [episode], references, hints={"S001": hint})
    return found


def test_names_in_subtitles_are_counted_by_the_seconds_they_share_with_clips() -> None:
    episode = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "somebody")] * 2)
    speakers = [
        Speaker(id="S001", clips=tuple(c.id for c in episode.clips[::2]), episodes=("s01e01",), seconds=6.0),
        Speaker(id="S002", clips=tuple(c.id for c in episode.clips[1::2]), episodes=("s01e01",), seconds=6.0),
    ]
    cues = [
        Cue(start=0.0, end=3.0, text="サッカー", speaker_name="円堂くん", kind="dialogue"),
        Cue(start=4.0, end=7.0, text="はい", speaker_name="先生", kind="dialogue"),
        Cue(start=8.0, end=10.0, text="やろうぜ", speaker_name="Mark (off)", kind="dialogue"),
        Cue(start=8.0, end=11.0, text="ラララ", speaker_name="豪炎寺", kind="song"),
    ]
    found = hints_of(speakers, [episode], {"s01e01": cues}, {}, character_names(SERIES))
    assert found["S001"].named == {"endou": 5.0}
    assert found["S001"].name == "endou"
    assert found["S002"].name == ""


def test_a_name_helps_a_voice_in_doubt_and_alone_accepts_nobody() -> None:
    assert suggested("endou", Hint(), likeness=0.58).band == "ask"
    assert suggested("endou", Hint(named={"endou": 9.0}), likeness=0.58).band == "accept"
    assert suggested("somebody", Hint(named={"endou": 20.0})).band == "ask"
    alone = suggested("endou", Hint(named={"endou": 20.0}), references=[])
    assert (alone.character, alone.band, alone.named) == ("endou", "ask", "endou")


def test_a_name_that_contradicts_the_voice_makes_a_question() -> None:
    assert suggested("endou", Hint()).band == "accept"
    against = suggested("endou", Hint(named={"gouenji": 20.0}))
    assert against.band == "ask"
    assert suggested("endou", Hint(named={"": 20.0})).band == "ask"


def test_a_word_under_a_name_says_nothing() -> None:
    assert suggested("endou", Hint(named={"gouenji": 1.0})).band == "accept"


def test_who_is_on_no_cast_list_is_asked_about() -> None:
    assert suggested("endou", Hint(possible=frozenset({"gouenji"}))).band == "ask"
    assert suggested("endou", Hint(possible=frozenset({"endou"}))).band == "accept"


def test_cast_lists_name_characters_as_people_write_them(tmp_path: Path) -> None:
    inline = SERIES.model_copy(update={"casts": {"s01e01": ("円堂守", "The Teacher"), "s01e02": ()}})
    assert casts_of(inline) == {"s01e01": frozenset({"endou"}), "s01e02": frozenset()}
    (tmp_path / "casts.csv").write_text("s01e01,円堂,豪炎寺 修也\ns01e02,kazemaru\n", "utf-8")
    filed = SERIES.model_copy(update={"casts": "casts.csv", "folder": tmp_path})
    assert casts_of(filed) == {"s01e01": frozenset({"endou", "gouenji"}), "s01e02": frozenset({"kazemaru"})}


def test_a_cast_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "casts.yaml").write_text("s01e01: endou\n")
    with pytest.raises(SeriesError, match=r"casts\.yaml must hold lines such as"):
        casts_of(SERIES.model_copy(update={"casts": "casts.yaml", "folder": tmp_path}))
    with pytest.raises(SeriesError, match=r"nothing\.csv cannot be read"):
        casts_of(SERIES.model_copy(update={"casts": "nothing.csv", "folder": tmp_path}))


def test_a_name_that_two_characters_share_is_nobodys() -> None:
    characters = {slug: replace_name(SERIES, slug) for slug in SERIES.characters}
    assert "mamoru" not in character_names(SERIES.model_copy(update={"characters": characters}))


def replace_name(series: Series, slug: str) -> object:
    return series.characters[slug].model_copy(update={"aliases": ("Mamoru",)})


def test_a_cast_list_that_lacks_a_name_now_and_then_does_no_harm() -> None:
    episodes = [heard(f"s01e{n:02d}", [("SPEAKER_00", "endou")]) for n in range(1, 11)]
    speaker = Speaker(
        id="S001",
        clips=tuple(clip.id for each in episodes for clip in each.clips),
        episodes=tuple(each.episode for each in episodes),
        seconds=30.0,
    )
    casts = {each.episode: frozenset({"endou"}) for each in episodes} | {"s01e05": frozenset({"gouenji"})}
    assert hints_of([speaker], episodes, {}, casts, {})["S001"].possible == {"endou"}
    assert hints_of([replace(speaker, episodes=("s02e01",))], episodes, {}, casts, {})["S001"].possible is None
