"""The cast in the store: made anew from what people said, and told by subtitles, without any engine."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from containers.contract.codec import canonical
from infra.store import LocalStore, write_json
from tasks.domain import Episode, HeardEpisode
from tasks.episodes.prepared import Prepared
from tasks.labelling.decisions import decide
from tasks.labelling.labels import history, load, record
from tasks.series import Series
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.speakers.heard import texts_of_clips
from tasks.speakers.questions import open_questions
from tasks.studio import Studio
from tests.unit.voices import heard

FORMAT = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
FIRST = heard("s01e01", [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji")] * 6)
SECOND = heard("s01e02", [("SPEAKER_00", "endou"), ("SPEAKER_01", "gouenji"), ("SPEAKER_02", "somebody")] * 6)


class Shelf:
    """A series without references; episodes are put into its store as a preparation leaves them."""

    def __init__(self, folder: Path, **said: Any) -> None:
        fields = {
            "series": "kaze",
            "episodes": "*.mkv",
            "language": "ja",
            "characters": {"endou": {"name": "円堂守", "aliases": "円堂"}, "gouenji": {"name": "豪炎寺"}},
        }
        series = Series.model_validate({**fields, **said, "folder": folder})
        self.studio = Studio(series=series, store=LocalStore(folder / "store"))
        self.keys: list[str] = []

    def put(self, episode: HeardEpisode) -> None:
        store, folder = self.studio.store, f"{self.studio.home}/episodes/{episode.episode}"
        store.write(f"{folder}/clips.jsonl", "".join(canonical(clip) for clip in episode.clips).encode())
        packed = base64.b64encode(episode.vectors.astype("<f4").tobytes()).decode()
        vectors = {"model": episode.model, "dimension": episode.vectors.shape[1], "vectors": packed}
        write_json(store, f"{folder}/vectors.json", vectors)
        write_json(store, f"{folder}/turns.json", {"turns": [], "exclusive": [], "overlap": []})
        self.keys.append(episode.episode)

    def subtitles(self, episode: str, name: str, text: str) -> None:
        self.studio.store.write(f"{self.studio.home}/episodes/{episode}/subtitles/{name}", text.encode())

    def cast(self) -> Cast:
        """As `prepare` makes it."""
        prepared = [
            Prepared(episode=key, identity=key, duration=60.0, turns=1, clips=1, problems=(), engines={})
            for key in self.keys
        ]
        episodes = [Episode(key=key, file=str(self.studio.series.folder / key), sha256="0") for key in self.keys]
        base = casting.base_of(self.studio, episodes, prepared)
        return casting.make_cast(self.studio, base, episodes, prepared)

    def say(self, how: Any = "sheet", split: dict[str, tuple[str, ...]] | None = None, **labels: str) -> None:
        decision = decide("mika", how, labels)
        record(self.studio.store, "kaze", replace(decision, split=split or {}))

    def current(self) -> Cast:
        return casting.recast(self.studio)


def bands(found: Cast) -> dict[str, tuple[str | None, str]]:
    return {each.speaker: (each.character, each.band) for each in found.suggestions}


def test_what_was_said_of_one_episode_needs_no_question_in_the_next(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    first = shelf.cast()
    asked = open_questions(shelf.studio, first, load(shelf.studio.store, "kaze"))
    assert [each.speaker for each in asked] == ["S001", "S002"]
    shelf.say(S001="endou", S002="gouenji")
    shelf.put(SECOND)
    both = shelf.cast()
    assert [each.id for each in both.speakers] == ["S001", "S002", "S003"]
    assert open_questions(shelf.studio, both, load(shelf.studio.store, "kaze")) == ()


def test_answers_count_at_once_for_those_who_were_not_asked_about(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    shelf.put(SECOND)
    found = shelf.cast()
    assert {band for _, band in bands(found).values()} == {"ask"}
    shelf.say(S001="endou", S002="gouenji")
    after = shelf.current()
    assert bands(after)["S001"] == ("endou", "accept")
    assert bands(after)["S003"][1] != "accept"
    assert after.identity != found.identity
    assert shelf.current() == after


def test_what_references_accepted_makes_no_other_cast(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    found = shelf.cast()
    shelf.say(how="auto", S001="endou")
    assert shelf.current() == found


def test_clips_a_person_took_out_have_another_speaker_at_once_and_come_back(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(heard("s01e01", [("SPEAKER_00", "ichirou"), ("SPEAKER_00", "jirou~ichirou")] * 5))
    (whole,) = shelf.cast().speakers
    shelf.say(split={"S001": whole.clips[1::2]})
    assert [each.clips for each in shelf.current().speakers] == [whole.clips[::2], whole.clips[1::2]]
    (decision,) = history(shelf.studio.store, "kaze")
    undone = decide("mika", "cli", undoes=decision.id)
    record(shelf.studio.store, "kaze", undone)
    assert shelf.current().speakers[0].clips == whole.clips


def test_names_in_subtitles_are_shown_beside_a_speaker(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    head = "[Script Info]\nScriptType: v4.00+\n\n[Events]\n" + FORMAT
    lines = [f"Dialogue: 0,0:00:{8 * n:02d}.00,0:00:{8 * n + 3:02d}.00,Default,円堂,0,0,0,,あ\n" for n in range(5)]
    shelf.subtitles("s01e01", "00.eng.ass", head + "".join(lines))
    found = {each.speaker: each for each in shelf.cast().suggestions}
    assert (found["S001"].character, found["S001"].named, found["S001"].band) == ("endou", "endou", "ask")
    assert found["S002"].named is None


def test_clips_have_the_words_of_subtitles_in_the_language_of_the_series(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    shelf.subtitles("s01e01", "00.eng.srt", "1\n00:00:00,000 --> 00:00:03,000\nLet us play\n")
    assert texts_of_clips(shelf.studio, [FIRST]) == {}
    shelf.subtitles("s01e01", "01.jpn.srt", "1\n00:00:00,000 --> 00:00:03,000\nサッカーやろうぜ\n")
    assert texts_of_clips(shelf.studio, [FIRST]) == {"s01e01/00000000": "サッカーやろうぜ"}


def test_where_references_are_not_at_hand_suggestions_stay(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(FIRST)
    found = shelf.cast()
    gone = Shelf(tmp_path, characters={"endou": {"name": "円堂", "references": "gone/*"}})
    gone.say(S002="endou")
    assert gone.current().suggestions == found.suggestions


def test_the_cast_changes_with_every_module_that_decides_about_speakers() -> None:
    named = {Path(str(each.__file__)).stem for each in casting.DECIDING}
    folder, seen = Path(str(casting.__file__)).parent, {"linking", "cast", "parting", "hearsay"}
    left = list(seen)
    while left:
        imported = re.findall(r"^from tasks\.speakers\.(\w+) import", (folder / f"{left.pop()}.py").read_text(), re.M)
        left += [each for each in imported if each not in seen]
        seen |= set(imported)
    assert seen <= named
