"""Subtitles of an episode: of the video and beside it; which of them tell what is said, and who says it."""

from __future__ import annotations

from pathlib import Path

from infra.store import LocalStore
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.episode_subtitles import lines_shown, named, spoken, take_sidecars, tracks_of
from tasks.episodes.prepared import identity_of
from tests.unit.stub_studio import episode_at, studio_at

FOLDER = "series/kaze/episodes/s01e01"
HEAD = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n"
)
FORMAT = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"


def srt(*lines: str) -> str:
    return "\n".join(f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{line}\n" for n, line in enumerate(lines, start=1))


def ass(*lines: tuple[str, str]) -> str:
    return (
        HEAD
        + FORMAT
        + "".join(
            f"Dialogue: 0,0:00:{n:02d}.00,0:00:{n:02d}.90,Default,{name},0,0,0,,{text}\n"
            for n, (name, text) in enumerate(lines, start=1)
        )
    )


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, LocalStore(folder / "store")
        self.video = folder / "Kaze S01E01.mkv"
        self.video.write_bytes(b"a video")

    def beside(self, ending: str, text: str, encoding: str = "utf-8") -> None:
        (self.folder / f"Kaze S01E01{ending}").write_bytes(text.encode(encoding))

    def take(self) -> list[str]:
        return take_sidecars(self.store, FOLDER, Episode(key="s01e01", file=str(self.video), sha256="0"))

    def inside(self, name: str, text: str) -> None:
        self.store.write(f"{FOLDER}/subtitles/{name}", text.encode())

    def spoken(self, language: str = "ja") -> list[str]:
        return [cue.text for cue in spoken(tracks_of(self.store, FOLDER), language)]


def test_the_track_in_the_language_of_the_series_tells_what_is_said(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.inside("00.eng.srt", srt("Let us play", "soccer", "now"))
    shelf.inside("01.jpn.srt", srt("サッカーやろうぜ"))
    assert shelf.spoken("ja") == ["サッカーやろうぜ"]
    assert shelf.spoken("en") == ["Let us play", "soccer", "now"]
    assert shelf.spoken("de") == []


def test_files_beside_a_video_count_by_the_language_in_their_name(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.beside(".ja.srt", srt("サッカーやろうぜ", "おう"), "cp932")
    shelf.beside(".en.forced.ass", ass(("Endou", "A sign")))
    shelf.beside(".de.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nSpielen wir\n", "utf-16")
    (tmp_path / "Kaze S01E010.ja.srt").write_text(srt("another episode"))
    assert shelf.take() == []
    assert shelf.spoken("ja") == ["サッカーやろうぜ", "おう"]
    assert shelf.spoken("de") == ["Spielen wir"]


def test_a_track_of_no_language_counts_where_its_letters_fit(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.beside(".srt", srt("サッカーやろうぜ", "OK、行くぞ"))
    shelf.take()
    assert shelf.spoken("ja") == ["サッカーやろうぜ", "OK、行くぞ"]
    assert shelf.spoken("en") == []


def test_a_translation_names_who_speaks_and_is_no_transcript(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.inside("00.eng.ass", ass(("Endou", "Let us play"), ("", "unnamed"), ("Gouenji", "No")))
    found = [cue.speaker_name for cue in named(tracks_of(shelf.store, FOLDER))]
    assert found == ["Endou", "Gouenji"]
    assert shelf.spoken("ja") == []


def test_a_copy_goes_when_its_file_does_and_a_broken_one_is_named(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.beside(".ja.srt", srt("サッカーやろうぜ"))
    shelf.beside(".en.ass", ass(("", "x")).replace("0:00:01.00", "soon"))
    (problem,) = shelf.take()
    assert problem.startswith("Kaze S01E01.en.ass is left out")
    assert len(list(shelf.store.keys(f"{FOLDER}/sidecars/"))) == 1
    (tmp_path / "Kaze S01E01.ja.srt").unlink()
    shelf.take()
    assert list(shelf.store.keys(f"{FOLDER}/sidecars/")) == []


def test_a_video_in_a_bucket_has_nothing_beside_it(tmp_path: Path) -> None:
    episode = Episode(key="s01e01", file="s3://bucket/Kaze S01E01.mkv", sha256="0")
    assert take_sidecars(LocalStore(tmp_path), FOLDER, episode) == []


def test_the_cutter_is_told_when_lines_are_shown_also_those_of_a_translation(tmp_path: Path) -> None:
    """Signs and songs are no lines; the track in the language of the series comes first."""
    shelf = Shelf(tmp_path)
    assert lines_shown(tracks_of(shelf.store, FOLDER), "ja") == ()
    shelf.inside("00.eng.srt", srt("Let us play", "♪ la la", "now"))
    shown = [(each.start, each.end) for each in lines_shown(tracks_of(shelf.store, FOLDER), "ja")]
    assert shown == [(1.0, 1.9), (3.0, 3.9)]
    shelf.inside("01.jpn.srt", srt("サッカーやろうぜ"))
    assert [each.start for each in lines_shown(tracks_of(shelf.store, FOLDER), "ja")] == [1.0]


def test_an_order_to_cut_and_a_prepared_episode_know_the_subtitles_beside_a_video(tmp_path: Path) -> None:
    studio, episode = studio_at(tmp_path), episode_at(tmp_path)
    made = studio.make(orders.extract(studio, episode))
    stems = studio.make(orders.separate(studio, episode, made))
    turns = studio.make(orders.diarize(studio, episode, stems))
    before = identity_of(studio, episode)
    (tmp_path / "s01e01.ja.srt").write_text(srt("サッカーやろうぜ"), "utf-8")
    assert identity_of(studio, episode) != before
    assert take_sidecars(studio.store, orders.folder_of(studio, episode), episode) == []
    asked = orders.cut(studio, episode, stems, turns)
    assert [(each.start, each.end) for each in asked.request.cues] == [(1.0, 1.9)]
    assert studio.make(asked).result.clips
