"""De-reverberation of kept clips, on stub: asked for, undone, done once, and told."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from containers.contract.errors import EngineError
from infra.settings import settings
from infra.store import LocalStore, write_json
from tasks import orders
from tasks.clips import clean_ledger, drying
from tasks.clips.clean_records import forget_overwritten
from tasks.keeping.garbage import find_garbage
from tasks.keeping.repair import repair
from tasks.keeping.verify import verify
from tasks.opening import check_engines
from tasks.series import Series
from tasks.studio import Stored, Studio
from tasks.trust.rights_derived import plan
from tests.chaos import season
from tests.unit.stub_studio import studio_at

STUB = {"engine": "stub"}


def asking(studio: Studio, dereverb: dict[str, Any] | None) -> Studio:
    said = {**studio.series.model_dump(), "folder": studio.series.folder, "dereverb": dereverb}
    return replace(studio, series=Series.model_validate(said))


class Season:
    """A season on stub of which every request that an engine is given is counted by stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        season.lay(folder, 1)
        self.studio = season.studio_of(folder, LocalStore(folder / "store"))
        self.home = folder / "store/series/toy"
        self.cleaned: list[Path] = []

    def run(self, dereverb: dict[str, Any] | None) -> Counter[str]:
        """What was started for it: stage -> requests."""
        begun: Counter[str] = Counter()
        cleaned: list[Path] = []
        studio = asking(self.studio, dereverb)
        dispatcher: Any = studio.dispatcher

        class Told:
            def run(self, job: Any) -> Any:
                begun[job.stage] += 1
                if job.stage == "clean":
                    cleaned.extend(job.inputs.values())
                return dispatcher.run(job)

            def remote(self, runner: str) -> bool:
                return bool(dispatcher.remote(runner))

        told: Any = Told()
        season.run(replace(studio, dispatcher=told), self.folder)
        self.cleaned = cleaned or self.cleaned
        return begun

    def kept(self) -> list[dict[str, Any]]:
        lines = (self.home / "characters/anna/manifest.jsonl").read_text("utf-8").splitlines()
        return [row for row in map(json.loads, lines) if row["verdict"] == "kept"]

    def dry(self) -> list[str]:
        return sorted(path.parent.name for path in self.home.glob("characters/anna/dry/*/vocals.flac"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Season, Counter[str], dict[str, bytes]]:
    """A season made without it, then with it: what that started, and the files of the episodes before."""
    toy = Season(tmp_path_factory.mktemp("toy"))
    toy.run(None)
    assert {row["cleaned"]["dereverbed_by"] for row in toy.kept()} == {None}
    before = {str(path): path.read_bytes() for path in (toy.home / "episodes").rglob("*") if path.is_file()}
    return toy, toy.run(STUB), before


Asked = tuple[Season, Counter[str], dict[str, bytes]]


def test_asking_for_it_dries_every_kept_clip_once_and_cleans_again_and_touches_no_episode(asked: Asked) -> None:
    toy, begun, before = asked
    kept = toy.kept()
    assert begun["separate"] == len(kept) > 1
    assert begun["clean"] == 1
    assert set(begun) <= {"separate", "clean", "train"}
    assert {row["cleaned"]["dereverbed_by"] for row in kept} == {"stub 1"}
    assert toy.dry() == sorted(clean_ledger.clip_name(row["clip"]) for row in kept)
    assert {str(path): path.read_bytes() for path in (toy.home / "episodes").rglob("*") if path.is_file()} == before


def test_what_is_cleaned_is_the_dry_voice(asked: Asked) -> None:
    toy, _, _ = asked
    assert sorted(path.parent.name for path in toy.cleaned) == toy.dry()
    assert {(path.parents[1].name, path.name) for path in toy.cleaned} == {("dry", "vocals.flac")}


def test_a_second_run_starts_nothing(asked: Asked) -> None:
    assert not asked[0].run(STUB)


def test_what_looks_after_a_store_knows_the_dry_voices(asked: Asked, tmp_path: Path) -> None:
    toy, _, _ = asked
    shutil.copytree(toy.folder / "store", tmp_path / "store", ignore=shutil.ignore_patterns(".work"))
    studio = asking(season.studio_of(toy.folder, LocalStore(tmp_path / "store")), STUB)
    studio = Studio(series=studio.series, store=studio.store)
    assert not verify(studio.store, studio.home).broken
    left = f"{studio.home}/characters/anna/dry/s01e01-00000000/vocals.flac"
    studio.store.write(left, b"fLaC of a crash")
    assert left in _unreferred(studio)
    studio.store.delete(left)
    assert not [key for key in _unreferred(studio) if "/dry/" in key or "dereverb" in key]
    dry = {f"{studio.home}/characters/anna/dry/{name}/vocals.flac" for name in toy.dry()}
    assert dry <= set(plan(studio, "anna").keys)
    lost = min(dry)
    studio.store.delete(lost)
    assert [each.key for each in verify(studio.store, studio.home, quick=True).broken] == [lost]
    assert not repair(studio, season.episodes_of(toy.folder)).left


def _unreferred(studio: Studio) -> list[str]:
    return list(find_garbage(studio.store, studio.home).keys)


def test_taking_it_back_cleans_again_and_keeps_no_dry_voice(asked: Asked) -> None:
    """The last of those that share the season."""
    toy, _, _ = asked
    begun = toy.run(None)
    assert begun["clean"] == 1
    assert set(begun) <= {"clean", "train"}
    assert {row["cleaned"]["dereverbed_by"] for row in toy.kept()} == {None}
    assert toy.dry() == []
    assert not list(toy.home.glob("characters/anna/stages/dereverb-*"))
    assert not verify(toy.studio.store, toy.studio.home).broken


def test_a_record_whose_clips_were_cleaned_anew_is_not_found_again(tmp_path: Path) -> None:
    """Clips of 16 bits have the same size however they were cleaned."""
    studio = studio_at(tmp_path)
    stages = f"{studio.home}/characters/anna/stages"
    wav = f"{studio.home}/characters/anna/clips/s01e01-00001000.wav"
    for name, sha256 in (("clean-before", "0" * 64), ("clean-now", "1" * 64)):
        files = {"out/clips/0000.wav": {"key": wav, "sha256": sha256, "size": 9}}
        write_json(studio.store, f"{stages}/{name}.json", {"identity": name, "files": files})
        write_json(studio.store, f"{stages}/{name}.run.json", {})
    forget_overwritten(studio, "anna", {wav: "1" * 64})
    assert set(studio.store.keys(stages)) == {f"{stages}/clean-now.json", f"{stages}/clean-now.run.json"}


def test_another_model_is_another_clip_and_the_separation_of_episodes_is_not(tmp_path: Path) -> None:
    """And options of the separate stage say nothing of it."""
    studio = Season(tmp_path).studio
    clip = Stored(key="series/toy/episodes/s01e01/clips/00001000.flac", sha256="ab" * 32)

    def said(model: str, **options: Any) -> tuple[str, Any]:
        one = asking(studio, {"engine": "uvr", "options": {"model": model, **options}})
        one = replace(one, series=one.series.model_copy(update={"options": {"uvr": {"model": "voices", "overlap": 9}}}))
        assert orders.dereverb(one, "anna", "alone", clip).options == {"model": model, **options}
        return drying.identity_with(one, "anna", clip, "cleaned"), drying.identity_of(one.series)

    assert said("room") == said("room", threads=2)
    assert said("room")[0] != said("hall")[0] != "cleaned"
    assert said("room")[1] != said("hall")[1]
    assert drying.identity_with(studio, "anna", clip, "cleaned") == "cleaned"


def test_what_it_lacks_is_said_before_the_first_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "engines_dir", tmp_path / "none")
    monkeypatch.setattr(settings(), "weights_dir", tmp_path / "none")
    studio = asking(Season(tmp_path).studio, {"engine": "uvr", "options": {"model": "room"}})
    check_engines(studio, "separate")
    with pytest.raises(EngineError, match=r"uvr is not installed.*room.*voicecast knows no source"):
        check_engines(studio, "separate", "clean")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"engine": "light"}, "engines that can are stub, uvr"),
        ({"engine": "uvr"}, "must give `model`"),
        ({"engine": "uvr", "model": "room"}, "Extra inputs"),
    ],
)
def test_an_engine_that_cannot_or_lacks_a_model_is_refused(tmp_path: Path, said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        asking(Season(tmp_path).studio, said)
