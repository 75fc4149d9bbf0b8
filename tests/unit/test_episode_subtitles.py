"""Subtitles of an episode: of the video and beside it; which of them tell what is said, and who says it."""

from __future__ import annotations

from pathlib import Path

from infra.store import LocalStore
from tasks.domain import Episode
from tasks.episode_subtitles import named, spoken, take_sidecars, tracks_of

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
