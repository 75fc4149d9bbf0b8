"""The identity of a result: what changes it, and what does not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra import identity as module
from infra.engines import Engine, UnknownEngine, engine_for, engines
from infra.identity import code_hash, identity
from infra.settings import settings

STUB = engines()["stub"]
REQUEST = {"video": {"path": "in/video", "sha256": "0" * 64}}
AT_HOME = identity(STUB, "extract", REQUEST, {})


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the engines' folders, to change."""
    for name in ("stub", "contract"):
        shutil.copytree(STUB.folder.parent / name, tmp_path / name)
    monkeypatch.setattr(module, "CONTAINERS", tmp_path)
    code_hash.cache_clear()
    yield tmp_path
    code_hash.cache_clear()


def identity_now() -> str:
    code_hash.cache_clear()
    return identity(STUB, "extract", REQUEST, {})


@pytest.mark.parametrize("name", ["speech.py", "requirements.txt", "Dockerfile", "new.py"])
def test_what_makes_an_engine_changes_the_identity_of_its_results(containers: Path, name: str) -> None:
    before = identity_now()
    with (containers / "stub" / name).open("a") as stream:
        stream.write("# another version\n")
    assert identity_now() != before


def test_code_in_a_folder_inside_counts_and_so_does_its_place(containers: Path) -> None:
    before = code_hash("contract")
    assert (containers / "contract" / "stages" / "cut.py").is_file()
    with (containers / "contract" / "stages" / "cut.py").open("a") as stream:
        stream.write("# another version\n")
    code_hash.cache_clear()
    changed = code_hash("contract")
    (containers / "contract" / "stages" / "cut.py").rename(containers / "contract" / "cut.py")
    code_hash.cache_clear()
    assert len({before, changed, code_hash("contract")}) == 3


def test_prose_and_leftovers_of_python_do_not(containers: Path) -> None:
    before = identity_now()
    (containers / "stub" / "README.md").write_text("other words")
    (containers / "stub" / "__pycache__").mkdir(exist_ok=True)
    (containers / "stub" / "__pycache__" / "speech.py").write_text("")
    assert identity_now() == before


def test_the_place_of_the_house_does_not(containers: Path) -> None:
    assert identity_now() == AT_HOME


def test_stage_request_engine_and_options_that_count_change_it() -> None:
    others = [
        identity(STUB, "extract", REQUEST, {}),
        identity(STUB, "probe", REQUEST, {}),
        identity(STUB, "extract", {**REQUEST, "language": "ja"}, {}),
        identity(engines()["light"], "extract", REQUEST, {}),
        identity(STUB, "extract", REQUEST, {"voice": 1}),
    ]
    assert len(set(others)) == len(others)


def test_options_that_only_take_time_do_not() -> None:
    assert identity(STUB, "extract", REQUEST, {"sleep_s": 3}) == identity(STUB, "extract", REQUEST, {})


def test_an_engine_that_does_not_play_a_stage_is_refused_with_those_that_do() -> None:
    assert engine_for("light", "train").name == "light"
    with pytest.raises(UnknownEngine, match=r"no engine .demcs. plays separate; choose one of: .*light"):
        engine_for("demcs", "separate")


def test_other_weights_are_another_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings(), "weights_dir", tmp_path)
    demucs, request = engines()["demucs"], {"recording": {"path": "in/recording.flac", "sha256": "0" * 64}}
    seen = {identity(demucs, "separate", request, {"model": "ours"})}
    for content in (b"one model", b"a better model"):
        (tmp_path / "ours").mkdir(exist_ok=True)
        (tmp_path / "ours" / "model.safetensors").write_bytes(content)
        seen.add(identity(demucs, "separate", request, {"model": "ours"}))
    assert len(seen) == 3
    assert identity(demucs, "separate", request, {"model": "ours"}) in seen


def test_the_weights_taken_by_default_count_like_those_named() -> None:
    demucs, request = engines()["demucs"], {"recording": {"path": "in/recording.flac", "sha256": "0" * 64}}
    assert identity(demucs, "separate", request, {}) == identity(demucs, "separate", request, {"model": "htdemucs"})


def test_a_stage_with_a_revision_keeps_its_results_when_code_is_edited_until_the_revision_is_counted_up(
    containers: Path,
) -> None:
    """A voice is a night's work. Lock, torch, weights and options still count, and other stages go by the code."""

    def voice(engine: Engine, **options: object) -> str:
        code_hash.cache_clear()
        return identity(engine, "train", REQUEST, options)

    engine = replace(STUB, revision={"train": 1})
    before, line = voice(engine), identity(engine, "convert", REQUEST, {})
    (containers / "stub" / "voices.py").write_text("# rewritten\n")
    assert voice(engine) == before
    assert identity(engine, "convert", REQUEST, {}) != line
    others = {
        voice(replace(engine, revision={"train": 2})),
        voice(replace(engine, torch="3.0.0")),
        voice(engine, voice=1),
        voice(replace(engine, weights={"model": "ours"})),
        voice(STUB),
    }
    assert len(others | {before}) == 6
    with (containers / "stub" / "requirements.txt").open("a") as stream:
        stream.write("# another version\n")
    assert voice(engine) not in {before, *others}
