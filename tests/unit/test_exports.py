"""Exports, read back by the libraries they are for."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import soundfile

from infra.settings import settings
from infra.store.bucket import BucketStore
from infra.store.cache import FileCache
from tasks.exporting import exports
from tasks.exporting.exports import FORMATS, export
from tasks.exporting.exports_folder import MARK
from tasks.exporting.exports_material import ExportError, field_of_list, one_line
from tasks.labelling import labels
from tasks.labelling.decisions import decide
from tasks.studio import Studio
from tasks.trust.rights import NoVoice, RightsError
from tests.unit.data_set_material import publish, row
from tests.unit.s3_servers import moto_server
from tests.unit.stub_studio import RIGHTS, looking, studio_at

TEXTS = {"s01e01/00010000": "必殺技、ゴッドハンド！", "s01e02/00020500": "二行の\n字幕 | 縦線も\tある。"}
ROWS = (
    row("s01e01/00010000"),
    row("s01e01/00030000", verdict="dropped", reason="noisy"),
    row("s01e02/00020500", seconds=2.25),
    row("s01e02/00040000", seconds=1.0),
)
KEPT = ["s01e01-00010000", "s01e02-00020500", "s01e02-00040000"]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Three kept clips, two with a text; it looks only: an export starts no engine."""
    made = studio_at(tmp_path)
    publish(made, tmp_path, ROWS, TEXTS)
    return looking(made)


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_wavs_are_a_folder_of_nothing_but_the_kept_clips(studio: Studio, tmp_path: Path) -> None:
    done = export(studio, "anna", "wavs", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out" / "anna")) == [f"{name}.wav" for name in KEPT]
    assert (done.clips, done.without_text) == (3, 0)
    assert done.seconds == pytest.approx(4.75)
    about = soundfile.info(tmp_path / "out" / "anna" / "s01e02-00020500.wav")
    assert (about.samplerate, about.channels, about.subtype, about.duration) == (44100, 1, "PCM_16", 2.25)


def test_lhotse_reads_validates_and_decodes_what_was_written(studio: Studio, tmp_path: Path) -> None:
    lhotse = pytest.importorskip("lhotse")
    export(studio, "anna", "lhotse", tmp_path / "out")
    loaded = {
        name: lhotse.load_manifest(tmp_path / "out" / f"{name}.jsonl.gz") for name in ("recordings", "supervisions")
    }
    for each in loaded.values():
        lhotse.validate(each)
    cuts = lhotse.CutSet.from_file(tmp_path / "out" / "cuts.jsonl.gz").with_recording_path_prefix(tmp_path / "out")
    assert [cut.id for cut in cuts] == KEPT
    for cut in cuts:
        lhotse.validate(cut, read_data=True)
        assert cut.load_audio().shape == (1, cut.num_samples)
    first = next(iter(cuts)).supervisions[0]
    assert (first.text, first.speaker, first.language) == ("必殺技、ゴッドハンド！", "anna", "ja")
    assert first.custom["label"]["who"] == "mika"
    assert (first.custom["episode"], first.custom["start"]) == ("s01e01", 10.0)
    assert len(lhotse.CutSet.from_manifests(**loaded)) == 3


def test_datasets_loads_the_audiofolder_with_text_sound_and_provenance(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """datasets imports the encoder of torchcodec even for files that it only names; it is not called."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    export(studio, "anna", "audiofolder", tmp_path / "out")
    encoders = ModuleType("torchcodec.encoders")
    encoders.AudioEncoder = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    monkeypatch.setitem(sys.modules, "torchcodec.encoders", encoders)
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    found = {line["clip"]: line for line in loaded.cast_column("audio", datasets.Audio(decode=False))}
    assert len(found) == 3
    line = found["s01e02/00020500"]
    sound = line["audio"]["bytes"] or Path(line["audio"]["path"]).read_bytes()
    assert soundfile.info(io.BytesIO(sound)).duration == 2.25 == line["duration"]
    assert (line["text"], line["speaker_name"]) == ("二行の 字幕 | 縦線も ある。", "アンナ")
    assert (line["labelled_by"], line["labelled_how"], line["episode"], line["snr_db"]) == (
        "mika",
        "cli",
        "s01e02",
        24.5,
    )
    assert json.loads(line["engines"])["separate"] == "light 1.0"
    assert found["s01e02/00040000"]["text"] is None
    card = datasets.load_dataset_builder(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert list(card.config.data_files) == ["train"]


def test_lhotse_reads_the_ljspeech_form(studio: Studio, tmp_path: Path) -> None:
    recipes = pytest.importorskip("lhotse.recipes")
    done = export(studio, "anna", "ljspeech", tmp_path / "out")
    assert (done.clips, done.without_text) == (2, 1)
    read = recipes.prepare_ljspeech(tmp_path / "out")
    assert [each.id for each in read["recordings"]] == KEPT[:2]
    assert [each.text for each in read["supervisions"]] == [TEXTS["s01e01/00010000"], "二行の 字幕 ｜ 縦線も ある。"]


def test_the_list_of_gpt_sovits_has_four_fields_and_names_files_that_are_there(studio: Studio, tmp_path: Path) -> None:
    """Read as its prepare_datasets scripts do: split at lines and bars, then the base name in the folder given."""
    export(studio, "anna", "gpt-sovits", tmp_path / "out")
    lines = (tmp_path / "out" / "anna.list").read_text("utf-8").strip("\n").split("\n")
    read = [line.split("|") for line in lines]
    assert [(speaker, language) for _, speaker, language, _ in read] == [("anna", "ja")] * 2
    assert read[1][3] == "二行の 字幕 ｜ 縦線も ある。"
    assert all((tmp_path / "out" / "wavs" / os.path.basename(path)).is_file() for path, *_ in read)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_says_rights_provenance_and_how_to_use_it(studio: Studio, tmp_path: Path, format: str) -> None:
    export(studio, "anna", format, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert all(
        text in readme for text in ("a stub's voice", "the tests", "2026-11-22", "アンナ", "mika (cli)", "light 1.0")
    )
    rows = [json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").open(encoding="utf-8")]
    assert all((tmp_path / "out" / each["file"]).is_file() for each in rows)
    assert {each["label"]["who"] for each in rows} == {"mika"}
    marked = json.loads((tmp_path / "out" / MARK).read_text())["files"]
    assert marked.items() == {(name, sha) for name, sha in files(tmp_path / "out").items() if name != MARK}


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_data_set_is_the_same_export_and_may_be_written_again(
    studio: Studio, tmp_path: Path, format: str
) -> None:
    export(studio, "anna", format, tmp_path / "out")
    first = files(tmp_path / "out")
    export(studio, "anna", format, tmp_path / "out")
    assert files(tmp_path / "out") == first
    assert not list(tmp_path.glob(".out.voicecast-*"))


@pytest.mark.parametrize("mine", ["notes.txt", "anna/s01e01-00010000.wav", "README.md"])
def test_what_a_person_put_or_changed_there_is_never_written_over(studio: Studio, tmp_path: Path, mine: str) -> None:
    export(studio, "anna", "wavs", tmp_path / "out")
    (tmp_path / "out" / mine).write_text("mine")
    with pytest.raises(ExportError, match=mine):
        export(studio, "anna", "wavs", tmp_path / "out")
    assert (tmp_path / "out" / mine).read_text() == "mine"


def test_a_folder_a_file_and_a_link_of_somebody_elses_are_left(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("folder", "file", "link"):
        with pytest.raises(ExportError):
            export(studio, "anna", "wavs", tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert export(studio, "anna", "wavs", tmp_path / "empty").clips == 3


def test_an_export_that_fails_half_way_leaves_what_was_there(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(studio, "anna", "wavs", tmp_path / "out")
    before, given = files(tmp_path / "out"), []

    def full(*_: Any) -> bytes:
        given.append(1)
        if len(given) > 1:
            raise OSError(28, "No space left on device", "out")
        return b"a clip"

    monkeypatch.setattr(exports, "clip_bytes", full)
    with pytest.raises(OSError, match="No space"):
        export(studio, "anna", "lhotse", tmp_path / "out")
    assert files(tmp_path / "out") == before
    assert not list(tmp_path.glob(".out.voicecast-*"))


def test_what_a_kill_left_is_removed_by_the_next_export(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / ".out[1].voicecast-dead").mkdir()
    (tmp_path / ".other.voicecast-alive").mkdir()
    export(studio, "anna", "wavs", tmp_path / "out[1]")
    assert [path.name for path in tmp_path.glob(".*voicecast-*")] == [".other.voicecast-alive"]


@pytest.mark.proof
def test_an_export_from_a_bucket_is_the_same(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("VOICECAST_CACHE_DIR", str(tmp_path / "cache"))
        settings.cache_clear()
        bucket = BucketStore(f"s3://{server.new_bucket()}/team one", FileCache(tmp_path / "cache", 2**30))
        for key in studio.store.keys("series"):
            bucket.write(key, studio.store.read(key))
        for name, store in (("folder", studio.store), ("bucket", bucket)):
            export(replace(studio, store=store), "anna", "lhotse", tmp_path / name)
    settings.cache_clear()
    assert files(tmp_path / "folder") == files(tmp_path / "bucket")


def test_without_rights_nothing_is_exported(tmp_path: Path) -> None:
    with pytest.raises(RightsError, match="no rights are recorded"):
        export(studio_at(tmp_path), "ben", "wavs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_data_set_older_than_its_labels_is_not_exported(studio: Studio, tmp_path: Path) -> None:
    """A clip that a person has rejected since must not get out."""
    labels.record(studio.store, "toy", decide("mika", "cli", rejected=["s01e01/00010000"]))
    with pytest.raises(ExportError, match="run: voicecast dataset"):
        export(studio, "anna", "wavs", tmp_path / "out")


def test_a_clip_that_is_not_the_one_in_the_manifest_stops_the_export(studio: Studio, tmp_path: Path) -> None:
    studio.store.write("series/toy/characters/anna/clips/s01e02-00020500.wav", b"RIFF of somebody else")
    with pytest.raises(ExportError, match=r"s01e02-00020500\.wav is not the clip"):
        export(studio, "anna", "wavs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_said_with_the_way_out(tmp_path: Path) -> None:
    studio = studio_at(tmp_path, characters={"anna": {"name": "Anna", "rights": RIGHTS}}, language="fi")
    with pytest.raises(NoVoice, match="its characters are: anna"):
        export(studio, "carl", "wavs", tmp_path / "out")
    with pytest.raises(ExportError, match="run: voicecast dataset"):
        export(studio, "anna", "wavs", tmp_path / "out")
    publish(studio, tmp_path, ROWS)
    for format, said in (("ljspeech", "has a text"), ("gpt-sovits", "no 'fi'"), ("mp3", "there are wavs, lhotse")):
        with pytest.raises(ExportError, match=said):
            export(studio, "anna", format, tmp_path / "out")


def test_a_hostile_name_stays_a_name(tmp_path: Path) -> None:
    name = 'アンナ"\n---\nlicense: mit\n<script>alert(1)</script> | ../../x [y](z)'
    studio = studio_at(tmp_path, characters={"anna": {"name": name, "rights": {**RIGHTS, "by": "a|b\n# c"}}})
    publish(studio, tmp_path, ROWS, {"s01e01/00010000": 'x"|y\r\nz\u2028w'})
    for format in FORMATS:
        export(studio, "anna", format, tmp_path / format)
        readme = (tmp_path / format / "README.md").read_text("utf-8")
        assert "<script>" not in readme.partition("\n# ")[2]
        assert "license: mit" not in readme.splitlines()
    assert (tmp_path / "ljspeech" / "metadata.csv").read_text("utf-8").count("\n") == 1


def test_a_text_becomes_one_line_and_a_field_without_bars() -> None:
    assert one_line("\ufeffa\r\n b\tc\u2028d\x00") == "a b c d"
    assert field_of_list("a|b") == "a｜b"
