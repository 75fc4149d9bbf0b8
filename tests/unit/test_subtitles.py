"""Lines of subtitles: what is spoken, sung and written is told apart, and each clip gets its own words."""

from __future__ import annotations

import pytest

from tasks.clips.clip_texts import texts_of
from tasks.domain import EpisodeClip
from tasks.episodes.subtitles import Cue, Kind, SubtitlesError, read_cues
from tests.unit.voices import GOOD

ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:03.50,Default,Endou,0,0,0,,サッカー{\\i1}やろうぜ\\Nみんなで
Comment: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,a note of the translator
Dialogue: 0,0:01:00.00,0:01:04.00,OP_Romaji,,0,0,0,,{\\k20}Ri{\\k30}yo
Dialogue: 0,0:02:00.00,0:02:04.00,Signs,,0,0,0,,{\\pos(10,20)}School gate
Dialogue: 0,0:02:00.00,0:02:04.00,Default,,0,0,0,,{\\pos(10,20)}On a letter
Dialogue: 0,0:02:00.00,0:02:04.00,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}
Dialogue: 0,0:03:00.00,0:03:04.00,Default - Top,,0,0,0,,Copy that, Ed
"""
SRT = """1
00:00:01,000 --> 00:00:02,000
（円堂）サッカーやろうぜ！

2
00:00:03,000 --> 00:00:04,000
（歓声）

3
00:00:05,000 --> 00:00:06,000
♪ 立ち上がリーヨ

6
00:00:06,000 --> 00:00:06,500
Ben: Where?

4
00:00:07,000 --> 00:00:08,000
Anna: I am <i>here</i>.

5
00:00:09,000 --> 00:00:10,000
It is 12:30 now.
"""


def test_styles_tell_dialogue_from_songs_and_signs() -> None:
    found = [(cue.kind, cue.speaker_name, cue.text) for cue in read_cues(ASS.encode(), "ass")]

    assert found == [
        ("dialogue", "Endou", "サッカーやろうぜ みんなで"),
        ("song", None, "Riyo"),
        ("sign", None, "On a letter"),
        ("sign", None, "School gate"),
        ("dialogue", None, "Copy that, Ed"),
    ]


def test_srt_names_speakers_sounds_and_songs_in_the_text() -> None:
    found = [(cue.kind, cue.speaker_name, cue.text, cue.start) for cue in read_cues(SRT.encode("utf-8-sig"), "srt")]

    assert found == [
        ("dialogue", "円堂", "サッカーやろうぜ！", 1.0),
        ("sign", None, "（歓声）", 3.0),
        ("song", None, "♪ 立ち上がリーヨ", 5.0),
        ("dialogue", "Ben", "Where?", 6.0),
        ("dialogue", "Anna", "I am here.", 7.0),
        ("dialogue", None, "It is 12:30 now.", 9.0),
    ]


def test_a_colon_is_a_name_only_where_the_file_writes_names_so() -> None:
    lines = ["Listen: I go alone.", "No.", "Yes.", "Why?"]
    srt = "".join(f"{i}\n00:00:0{i},000 --> 00:00:0{i},500\n{line}\n\n" for i, line in enumerate(lines, 1))

    assert read_cues(srt.encode(), "srt")[0] == cue(1.0, 1.5, "Listen: I go alone.")


def test_what_is_broken_is_named_and_what_is_no_subtitles_says_nothing() -> None:
    with pytest.raises(SubtitlesError, match=r"00\.jpn\.ass.*take it out"):
        read_cues(ASS.replace("0:00:01.00", "soon").encode(), "ass", "00.jpn.ass")
    assert read_cues(b"\x00\x01", "srt") == read_cues(b"\x00\x01", "ass") == ()


def cue(start: float, end: float, text: str, kind: Kind = "dialogue") -> Cue:
    return Cue(start=start, end=end, text=text, speaker_name=None, kind=kind)


def clip(start: float, end: float) -> EpisodeClip:
    return EpisodeClip(
        id=f"e/{start}", episode="e", start=start, end=end, speaker="A", sha256="", consistency=1.0, measurements=GOOD
    )


def test_a_clip_has_the_lines_that_are_mainly_its_own_in_order() -> None:
    clips = [clip(1, 5), clip(5.2, 8)]
    cues = [cue(3, 5.1, "two"), cue(0.8, 2.8, "one"), cue(5.0, 8.4, "three"), cue(1, 5, "la la", "song")]

    assert texts_of(clips, cues) == {"e/1": "one two", "e/5.2": "three"}


def test_a_line_that_is_cut_in_two_is_nobodys() -> None:
    assert texts_of([clip(1, 5), clip(5.2, 8)], [cue(2, 7, "cut in two")]) == {}


def test_a_line_of_two_people_is_nobodys() -> None:
    assert texts_of([clip(1, 3), clip(3.2, 5), clip(6, 8)], [cue(1, 5, "- A. - B."), cue(6, 8, "C")]) == {"e/6": "C"}


def test_a_clip_of_which_most_is_told_by_no_line_has_no_text() -> None:
    assert texts_of([clip(1, 10)], [cue(1, 3, "a little")]) == {}
