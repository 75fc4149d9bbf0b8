"""What a series file does not keep goes when an episode is prepared, makes nothing anew, and comes back as it was."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.stage import Job, Outcome
from infra.store import find_json, write_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes import again, pruning, recurring_files
from tasks.episodes.prepared import find_prepared, heard_episode
from tasks.episodes.pruning import find_prunable, prune
from tasks.episodes.recurring_files import fingerprints_of
from tasks.keeping import rebuild
from tasks.keeping.garbage import find_garbage
from tasks.keeping.repair import repair
from tasks.keeping.verify import is_record, verify
from tasks.orders import Under, mix
from tasks.reporting.report_pages import write_report
from tasks.speech.dubbing import bed_of
from tasks.studio import Studio, files_of_record
from tasks.trust.rights_episodes import forget
from tests.unit.stub_studio import episode_at, looking, studio_at

FILES = {
    "recordings": "recording.flac",
    "vocals": "stems/vocals.flac",
    "background": "stems/background.flac",
}


Whole = tuple[Path, Any]
"""A folder, and what makes things in it."""


class Remembering:
    """Engines that are asked once in all of these tests: a request is a value, and has one result."""

    def __init__(self, dispatcher: Any, folder: Path) -> None:
        self._dispatcher, self._folder = dispatcher, folder
        self._known: dict[str, Outcome] = {}

    def remote(self, runner: str) -> bool:
        return bool(self._dispatcher.remote(runner))

    def run(self, job: Job) -> Outcome:
        kept = self._folder / job.identity
        if job.identity not in self._known:
            made = self._dispatcher.run(job)
            (made.folder / "out").mkdir(exist_ok=True)
            shutil.copytree(made.folder / "out", kept)
            self._known[job.identity] = made
        given = self._folder / uuid.uuid4().hex
        shutil.copytree(kept, given / "out")
        return replace(self._known[job.identity], folder=given)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("engines")
    return Remembering(studio_at(folder).dispatcher, folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, engines: Any) -> Whole:
    """A prepared episode of which everything is kept, and what made it."""
    folder = tmp_path_factory.mktemp("whole")
    studio = replace(studio_at(folder), dispatcher=engines)
    rebuild.prepare_episode(studio, episode_at(folder, duration=30))
    return folder, engines


def again_at(whole: Whole, folder: Path, **said: Any) -> tuple[Studio, Episode]:
    """A copy of it under another series file."""
    shutil.copytree(whole[0], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".work"))
    return replace(studio_at(folder, **said), dispatcher=whole[1]), episode_at(folder, duration=30)


def there(studio: Studio) -> set[str]:
    folder = f"{studio.home}/episodes/s01e01"
    return {kind for kind, name in FILES.items() if studio.store.size(f"{folder}/{name}") is not None}


def contents(studio: Studio) -> dict[str, bytes]:
    """All but documents, whose records change when something goes."""
    keys = [key for key in studio.store.keys(studio.home) if not key.endswith(".json")]
    return {key: studio.store.read(key) for key in keys}


def promised(studio: Studio) -> Iterator[tuple[str, str]]:
    """(document, file) of every file that a document says is there."""
    for key in studio.store.keys(studio.home):
        document = find_json(studio.store, key) if key.endswith(".json") else None
        if is_record(key) and document:
            yield from ((key, each["key"]) for each in document["files"].values())
        elif key.endswith("/prepared.json") and document:
            yield from ((key, each) for each in document["files"])


def test_the_default_keeps_all_and_presets_and_single_kinds_say_what_stays(tmp_path: Path) -> None:
    said: list[tuple[Any, set[str]]] = [
        ("all", {"recordings", "vocals", "background", "previews"}),
        ("reusable", {"background", "previews"}),
        ({"preset": "least", "vocals": True}, {"vocals"}),
        ({"recordings": False}, {"vocals", "background", "previews"}),
    ]
    assert studio_at(tmp_path).series.keep.goes == ()
    for keep, kept in said:
        assert {*FILES, "previews"} - set(studio_at(tmp_path, keep=keep).series.keep.goes) == kept


@pytest.mark.parametrize(("keep", "kept"), [("reusable", {"background"}), ("least", set())])
def test_a_prepared_episode_loses_what_is_not_kept_and_is_still_prepared(
    whole: Whole, tmp_path: Path, keep: str, kept: set[str]
) -> None:
    studio, episode = again_at(whole, tmp_path, keep=keep)
    before = find_prepared(studio, episode)
    assert before
    pruning.prune_episode(studio, episode)

    assert there(studio) == kept
    assert find_prepared(studio, episode) == before
    assert rebuild.prepare_episode(looking(studio), episode) == before, "nothing is made anew"
    assert len(fingerprints_of(looking(studio), [episode])) == 1, "what recurs is still known"
    assert verify(studio.store, studio.home).broken == ()
    shutil.rmtree(studio.store.work / "done")  # which says that this process may start engines
    assert find_garbage(studio.store, studio.home).keys == {}
    assert repair(studio, [episode]).made == ()
    assert there(studio) == kept, "repair brings nothing back unasked"


def test_what_a_later_step_reads_comes_back_as_it_was_and_goes_again(whole: Whole, tmp_path: Path) -> None:
    """Other lengths of clips: cut anew from the vocals, with turns that nobody has to find again."""
    studio, episode = again_at(whole, tmp_path, keep="least", targets={"clip_seconds": [2.0, 8.0]})
    kept = contents(studio)
    pruning.prune_episode(studio, episode)
    turns = find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/diarize.run.json")
    rebuild.prepare_episode(studio, episode)
    assert there(studio) == set()
    assert find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/diarize.run.json") == turns

    plain = replace(studio_at(tmp_path), dispatcher=whole[1])
    vocals, background = again.stems_recorded(plain, "s01e01")
    again.make(plain, orders.survey(plain, "s01e01", vocals, background), "s01e01")
    assert there(plain) == {"vocals", "background"}, "the recording was only needed on the way"
    for each in (vocals, background):
        assert plain.store.read(each.key) == kept[each.key]
    assert verify(plain.store, plain.home).broken == ()


def test_a_broken_clip_is_cut_again_and_nothing_more_stays_than_before(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    pruning.prune_episode(studio, episode)
    before = contents(studio)
    clip = next(key for key in before if "/clips/" in key)
    studio.store.write(clip, b"broken")
    assert repair(studio, [episode]).left == {}
    assert contents(studio) == before


@pytest.mark.proof
def test_stems_of_speech_only_go_and_come_back_by_the_way_they_were_made(engines: Any, tmp_path: Path) -> None:
    speech, spoken = {"only": "speech"}, {"A": (10.0, 14.0), "B": (40.0, 44.0)}
    turns = [{"start": start, "end": end, "speaker": who} for who, (start, end) in spoken.items()]
    studio = replace(studio_at(tmp_path, separate=speech), dispatcher=engines)
    episode = episode_at(tmp_path, duration=60, turns=turns)
    rebuild.prepare_episode(studio, episode)
    before = contents(studio)
    least = studio_at(tmp_path, separate=speech, keep="least")
    pruning.prune_episode(least, episode)
    assert there(least) == set()
    assert find_prepared(least, episode)
    vocals, background = again.stems_recorded(studio, "s01e01")
    again.make(studio, orders.survey(studio, "s01e01", vocals, background), episode)
    assert there(studio) == {"vocals", "background"}
    assert {key: data for key, data in contents(studio).items() if "stems" in key} == {
        key: data for key, data in before.items() if "stems" in key
    }
    assert verify(studio.store, studio.home).broken == ()


def test_an_engine_that_gives_other_bytes_is_named_and_the_episode_is_made_anew(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    pruning.prune_episode(studio, episode)
    record = f"{studio.home}/episodes/s01e01/stages/separate.json"
    said = find_json(studio.store, record)
    assert said
    said["released"]["out/vocals.flac"]["sha256"] = "0" * 64  # as if the engine had given these
    said["result"]["vocals"]["sha256"] = "0" * 64
    write_json(studio.store, record, said)
    vocals, background = again.stems_recorded(studio, "s01e01")
    with pytest.raises(again.MadeOtherwise, match=r"s01e01 was made again .* voicecast prepare"):
        again.make(studio, orders.survey(studio, "s01e01", vocals, background), "s01e01")
    assert find_prepared(studio, episode) is None
    rebuild.prepare_episode(studio, episode)
    assert find_prepared(studio, episode)
    assert verify(studio.store, studio.home).broken == ()


def test_without_its_video_nothing_of_an_episode_goes_and_what_went_is_asked_for(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    found = find_prunable(studio, ())
    assert (found.bytes, found.stay) == (
        0,
        ("s01e01: the video is not at hand, from which it could be made again",),
    )
    found = find_prunable(studio, [episode])
    assert set(found.by_kind) == set(FILES)
    prune(studio, found)
    assert there(studio) == set()
    assert find_prunable(studio, [episode]).bytes == 0

    Path(episode.file).unlink()
    vocals, background = again.stems_recorded(studio, "s01e01")
    with pytest.raises(Exception, match="its video, from which it is made again, is not at hand"):
        again.make(studio, orders.survey(studio, "s01e01", vocals, background), "s01e01")


class Killed(BaseException):
    pass


def dying_at(studio: Studio, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies at the so-many-th change of the store."""
    left = [number]

    def counted(change: Any) -> Any:
        def run(*given: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return change(*given)

        return run

    for name in ("write", "put", "delete"):
        monkeypatch.setattr(studio.store, name, counted(getattr(studio.store, name)))


@pytest.mark.proof
def test_killed_at_any_change_no_document_promises_a_file_that_is_gone(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pruning, bringing back for a step, and pruning again; each death is followed by a run that ends it."""
    expected: dict[str, bytes] | None = None
    number = 0
    while True:
        folder = tmp_path / f"{number}"
        studio, episode = again_at(whole, folder, keep="least")
        with monkeypatch.context() as patched:
            dying_at(studio, number, patched)
            try:
                _through(studio, episode)
                break
            except Killed:
                pass
        fresh = replace(studio_at(folder, keep="least"), dispatcher=whole[1])
        assert [(document, key) for document, key in promised(fresh) if fresh.store.size(key) is None] == []
        assert find_prepared(looking(fresh), episode), "and the episode counts as prepared"
        _through(fresh, episode)
        ended = contents(fresh)
        assert ended == (expected := expected or ended)
        assert there(fresh) == set()
        assert verify(fresh.store, fresh.home).broken == ()
        shutil.rmtree(folder)
        number += 1
    assert number > 10, "something was changed"
    assert contents(studio) == expected


def _through(studio: Studio, episode: Episode) -> None:
    pruning.prune_episode(studio, episode)
    vocals, background = again.stems_recorded(studio, "s01e01")
    again.make(studio, orders.survey(studio, "s01e01", vocals, background), episode)
    pruning.prune_episode(studio, episode)


def test_what_other_engines_made_stays_since_these_would_not_make_it_again(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least", engines={"separate": "light"})
    found = find_prunable(studio, [episode])
    assert found.bytes == 0
    assert "was not made from this video by the engines that the series file names" in found.stay[0]
    pruning.prune_episode(studio, episode)
    assert there(studio) == set(FILES)


def test_all_of_an_episode_comes_back_when_somebody_says_so(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    before = contents(studio)
    pruning.prune_episode(studio, episode)
    assert again.bring_back(studio, episode) == 3
    assert contents(studio) == before
    assert again.bring_back(studio, episode) == 0


def test_a_revoked_voice_goes_from_a_pruned_episode_and_nothing_is_made_again(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    pruning.prune_episode(studio, episode)
    clips = heard_episode(studio.store, studio.home, episode.key).clips
    gone = {each.id for each in clips if each.speaker == clips[0].speaker}
    assert len(forget(studio, episode.key, gone)) == len(gone)
    made = find_prepared(studio, episode)
    assert made
    assert made.clips == len(clips) - len(gone)
    assert rebuild.prepare_episode(looking(studio), episode).clips == made.clips
    assert verify(studio.store, studio.home).broken == ()


def test_the_report_says_what_it_cannot_play_and_how_to_get_it_back(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="reusable")
    pruning.prune_episode(studio, episode)
    page = write_report(studio, tmp_path / "report").read_text("utf-8")
    assert "Not kept in the store: mix, vocals." in page
    assert "voicecast repair --pruned s01e01" in page
    assert there(studio) == {"background"}


def test_a_dub_gets_recording_and_background_back_when_it_is_mixed_and_not_before(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep="least")
    kept = contents(studio)
    recurring_files.find_recurring(studio, fingerprints_of(studio, [episode]))
    pruning.prune_episode(studio, episode)
    bed = bed_of(studio, episode)
    assert there(studio) == set()
    under = Under(recording=bed.recording, background=bed.background, seconds=bed.heard.duration)
    again.make(studio, mix("dub of s01e01", f"{studio.home}/dubs/s01e01/toy", under, [], ()), episode)
    for each in (bed.recording, bed.background):
        assert studio.store.read(each.key) == kept[each.key]


def test_previews_go_when_nobody_is_asked(whole: Whole, tmp_path: Path) -> None:
    studio, episode = again_at(whole, tmp_path, keep={"previews": False})
    vocals, _ = again.stems_recorded(studio, "s01e01")
    made = studio.make(orders.preview(studio, "a page", (orders.Shown(file=vocals),)))
    assert find_prunable(studio, [episode], asked=True).previews == {}
    found = find_prunable(studio, [episode])
    assert found.bytes >= sum(each.size for each in made.files.values())
    prune(studio, found)
    assert not list(studio.store.keys(f"{studio.home}/previews"))
    assert there(studio) == set(FILES)
    assert files_of_record(find_json(studio.store, f"{studio.home}/episodes/s01e01/stages/extract.json") or {})
