"""Weights: fetched whole and checked or not at all, from a server that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from infra import weights_catalogue, weights_hashes, weights_transfer
from infra.engines import engines
from infra.settings import settings
from infra.weights import digest, expected, licences, look, pinned, weights_folder
from infra.weights_catalogue import Weights, WeightsError, WeightsRefused, catalogue, known, read_catalogue
from infra.weights_fetch import Fetched, fetch
from infra.weights_source import WeightsSource
from tests.unit.weights_hub import COMMIT, GOOD, SIGNATURE, STRANGER, Hub, running_hub

HERE = Path(__file__).parents[2]
MODEL = random.Random(1).randbytes(1_000_000)
CONFIG = b'{"hidden_size": 8}\n'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that holds `maker/model`, and an empty weights folder."""
    with running_hub() as found:
        found.files = {("maker/model", "config.json"): CONFIG, ("maker/model", "model.safetensors"): MODEL}
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        monkeypatch.setenv("VOICECAST_WEIGHTS_DIR", str(tmp_path / "weights"))
        monkeypatch.setenv("VOICECAST_RETRY_SECONDS", "0.01")
        settings.cache_clear()
        yield found
        settings.cache_clear()
        catalogue.cache_clear()


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write the catalogue: one name, `small`, unless a test says otherwise."""

    def write(files: dict[str, dict[str, str]], source: str = "hf:maker/model", **more: Any) -> Weights:
        table = {"engines": ["demucs"], "source": source, "licence": "MIT", "megabytes": 1, **more}
        lines = ["[small]", *(f"{key} = {json.dumps(value)}" for key, value in table.items()), "[small.files]"]
        for name, about in files.items():
            inside = ", ".join(f"{key} = {json.dumps(value)}" for key, value in about.items())
            lines.append(f"{json.dumps(name)} = {{ {inside} }}")
        (tmp_path / "weights.toml").write_text("\n".join(lines))
        monkeypatch.setattr(weights_catalogue, "CONTAINERS", tmp_path)
        catalogue.cache_clear()
        return known("small")

    return write


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


BOTH = {"config.json": {"sha256": sha256(CONFIG)}, "model.safetensors": {"sha256": sha256(MODEL)}}


def bring(weights: Weights, token: str | None = None, **how: bool) -> Fetched:
    with WeightsSource(SecretStr(token) if token else None) as source:
        return fetch(weights, source, lambda *_: None, **how)


def content(name: str = "small") -> dict[str, bytes]:
    place = weights_folder() / name
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- the catalogue


def test_every_weights_name_that_an_engine_takes_by_default_is_known() -> None:
    for engine in engines().values():
        for name in engine.weights_named(engine.options({})):
            assert engine.name in known(name).engines


def test_a_pin_of_the_catalogue_is_the_same_wherever_a_file_is_named_twice() -> None:
    pins: dict[tuple[str, str], set[str | None]] = {}
    for weights in catalogue().values():
        for file, about in weights.files.items():
            pins.setdefault(weights.source_of(file), set()).add(about.sha256)
    assert [place for place, sums in pins.items() if len(sums) > 1] == []


def test_licences_of_an_engine_begin_with_those_of_its_defaults() -> None:
    found = licences("pyannote")
    assert [each.weights for each in found][:1] == ["speaker-diarization-community-1"]
    assert found[0].gated
    assert found[0].page == "https://huggingface.co/pyannote/speaker-diarization-community-1"
    assert licences("light") == ()


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../../b", "a\\b", ".hidden", "a/.b", "a//b", "a/", "x\n", "x\0", "", " x", "~/x", "C:x"],
)
def test_a_file_name_that_leads_out_of_the_folder_is_refused(hub: Hub, say: Any, name: str) -> None:
    with pytest.raises(WeightsError, match=r"weights\.toml has 1 mistake"):
        say({name: {}})
    assert not weights_folder().exists()


@pytest.mark.parametrize(
    ("files", "more", "said"),
    [
        ({"a": {}, "a/b": {}}, {}, "is a file and a folder"),
        ({"A.json": {}, "a.json": {}}, {}, "differ in capitals only"),
        ({"a": {"sha256": "12"}}, {}, "a.sha256"),
        ({"a": {"sha": "12"}}, {}, "a.sha"),
        ({"a": {"path": "../../b"}}, {}, "inside the weights' folder"),
        ({"a": {}}, {"source": "http://example.org/x"}, "a source is"),
        ({"a": {}}, {"source": "https://user:secret@example.org/x"}, "a source is"),
        ({"a": {}}, {"source": "hf:model"}, "a source is"),
        ({"a": {}}, {"color": "red"}, "color"),
        ({}, {}, "files"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(say: Any, files: Any, more: Any, said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        say(files, **more)


def test_a_weights_name_that_is_no_folder_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.toml"
    for name in ("../up", ".hidden", "a/b", ""):
        path.write_text(
            f'["{name}"]\nengines = ["x"]\nsource = "hf:a/b"\nlicence = "MIT"\nmegabytes = 1\nfiles = {{ x = {{}} }}'
        )
        with pytest.raises(WeightsError, match="name"):
            read_catalogue(path)


# ---------------------------------------------------------------- fetch


def test_a_fetch_lays_the_files_and_notes_where_they_came_from(hub: Hub, say: Any) -> None:
    done = bring(say(BOTH))
    assert content() == {"config.json": CONFIG, "model.safetensors": MODEL}
    assert (done.files, done.trusted) == (("config.json", "model.safetensors"), ())
    pins = json.loads((weights_folder() / "pins.json").read_text())["small"]
    assert pins["model.safetensors"]["sha256"] == sha256(MODEL)
    assert pins["model.safetensors"]["commit"] == COMMIT
    assert look("small").state == "here"
    assert pinned(known("small")) == "by us"
    assert not (weights_folder() / ".partial" / "small").exists()


def test_a_second_fetch_asks_nobody(hub: Hub, say: Any) -> None:
    weights = say(BOTH)
    bring(weights)
    hub.asked.clear()
    assert bring(weights).files == ()
    assert hub.asked == []


def test_what_the_hub_offers_in_place_of_the_pinned_file_is_not_downloaded(hub: Hub, say: Any) -> None:
    weights = say({"model.safetensors": {"sha256": sha256(b"what it was")}})
    with pytest.raises(WeightsError, match=r"small/model\.safetensors.*now offers other bytes"):
        bring(weights)
    assert hub.bodies() == []
    assert look("small").state == "missing"


def test_a_body_that_is_not_the_pinned_file_is_refused_and_not_kept(hub: Hub, say: Any) -> None:
    hub.wrong[MODEL] = b"x" * len(MODEL)
    with pytest.raises(WeightsError, match=f"refused: SHA-256 {sha256(b'x' * len(MODEL))} is not the pinned"):
        bring(say(BOTH))
    assert look("small").state == "missing"
    assert not list(weights_folder().rglob("*.part"))
    hub.wrong.clear()
    bring(known("small"))
    assert content()["model.safetensors"] == MODEL


def test_a_small_file_is_checked_by_the_name_that_git_gives_its_bytes(hub: Hub, say: Any) -> None:
    hub.wrong[CONFIG] = CONFIG.upper()
    with pytest.raises(WeightsError, match="not the file that the hub's commit names"):
        bring(say({"config.json": {}}))


def test_files_that_nobody_pinned_are_pinned_by_the_first_fetch(hub: Hub, say: Any) -> None:
    weights = say({"config.json": {"sha256": sha256(CONFIG)}, "model.safetensors": {}})
    assert pinned(weights) == "not yet"
    assert digest("small") == "missing"
    assert bring(weights).trusted == ("model.safetensors",)
    assert pinned(weights) == "on first fetch"
    shutil.rmtree(weights_folder() / "small")
    hub.files["maker/model", "model.safetensors"] = MODEL[::-1]
    with pytest.raises(WeightsError, match=f"than the pinned ones .{sha256(MODEL)}"):
        bring(weights)


def test_a_file_at_a_web_address_is_pinned_by_the_first_fetch_too(hub: Hub, say: Any) -> None:
    hub.files["web", "x.onnx"] = MODEL
    hub.cut = [300_000]
    weights = say({"x.onnx": {}}, source=f"{hub.store}/web")
    assert bring(weights, GOOD).trusted == ("x.onnx",)
    assert [(each.range, each.authorization) for each in hub.asked] == [(None, None)] * 2  # nothing tells parts apart
    shutil.rmtree(weights_folder() / "small")
    hub.files["web", "x.onnx"] = MODEL[::-1]
    with pytest.raises(WeightsError, match="is not the pinned"):
        bring(weights)


def test_a_connection_that_breaks_is_gone_on_with_where_it_was(hub: Hub, say: Any) -> None:
    hub.cut = [300_000, 200_000]
    bring(say({"model.safetensors": BOTH["model.safetensors"]}))
    assert content() == {"model.safetensors": MODEL}
    assert [each.range for each in hub.bodies() if each.server == "store"] == [None, "bytes=300000-", "bytes=500000-"]
    assert hub.sent == len(MODEL)


def test_a_server_that_cannot_go_on_begins_anew(hub: Hub, say: Any) -> None:
    hub.cut, hub.ranges = [300_000], False
    bring(say(BOTH))
    assert content()["model.safetensors"] == MODEL


def test_a_server_that_is_busy_is_asked_again(hub: Hub, say: Any) -> None:
    hub.failing = 3
    bring(say(BOTH))
    assert look("small").state == "here"


def test_a_server_that_stays_away_is_given_up_and_named(hub: Hub, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.failing = 1000
    with pytest.raises(WeightsError, match=r"config\.json: http.* answers 503; run the same command again"):
        bring(say(BOTH))
    assert len(hub.asked) == weights_transfer.ATTEMPTS
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"ConnectError.* run the same command again"):
        bring(known("small"))


def test_more_than_was_announced_is_given_up(hub: Hub, say: Any) -> None:
    hub.wrong[MODEL] = MODEL + MODEL
    with pytest.raises(WeightsError, match="sends more than the 1000000 bytes"):
        bring(say(BOTH))


def test_a_file_larger_than_the_disk_is_refused_first(hub: Hub, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 500_000))  # type: ignore[attr-defined]
    with pytest.raises(WeightsRefused, match=r"GB free, model\.safetensors needs"):
        bring(say(BOTH))


def test_a_renamed_repository_is_found(hub: Hub, say: Any) -> None:
    hub.renamed["old/name"] = "maker/model"
    bring(say(BOTH, source="hf:old/name"))
    assert content()["model.safetensors"] == MODEL


CHILD = """
import sys
from pathlib import Path
from infra import weights_catalogue
from infra.weights_fetch import fetch
from infra.weights_source import WeightsSource
weights_catalogue.CONTAINERS = Path(sys.argv[1])
with WeightsSource() as source:
    fetch(weights_catalogue.known("small"), source, lambda *_: None)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """A fetch in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_fetch_that_was_killed_goes_on_where_it_was(hub: Hub, say: Any, tmp_path: Path) -> None:
    say(BOTH)
    hub.block_seconds = 0.1
    child = start(tmp_path)
    deadline = time.monotonic() + 60
    while hub.sent < 300_000 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    hub.block_seconds = 0
    part = weights_folder() / ".partial" / "small" / "model.safetensors.part"
    kept = part.stat().st_size
    assert 0 < kept < len(MODEL)
    assert look("small").state == "missing"
    hub.asked.clear()
    bring(known("small"))
    assert content() == {"config.json": CONFIG, "model.safetensors": MODEL}
    assert [each.range for each in hub.bodies()] == [f"bytes={kept}-"] * 2  # the hub, then the store it points to


def test_a_part_that_was_spoilt_is_fetched_anew(hub: Hub, say: Any) -> None:
    weights = say(BOTH)
    part = weights_folder() / ".partial" / "small" / "model.safetensors.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"\0" * 400_000)
    bring(weights)
    assert content()["model.safetensors"] == MODEL


def test_two_fetches_at_once_download_once(hub: Hub, say: Any, tmp_path: Path) -> None:
    say(BOTH)
    hub.block_seconds = 0.02
    child = start(tmp_path)
    threads = [threading.Thread(target=bring, args=(known("small"),)) for _ in range(2)]
    for each in threads:
        each.start()
    said = child.communicate(timeout=60)[0]
    for each in threads:
        each.join()
    assert child.returncode == 0, said
    assert content() == {"config.json": CONFIG, "model.safetensors": MODEL}
    assert len([each for each in hub.bodies() if each.server == "store"]) == 1


# ---------------------------------------------------------------- who may have them, and what is trusted


def test_gated_weights_name_the_page_and_the_variable(hub: Hub, say: Any) -> None:
    hub.gated.add("maker/model")
    weights = say(BOTH, gated=True)
    with pytest.raises(WeightsRefused, match=r"accept them at https://huggingface.co/maker/model.*HF_TOKEN"):
        bring(weights)
    with pytest.raises(WeightsRefused, match=r"not given to this token.*sign in at https://huggingface.co/maker/model"):
        bring(weights, STRANGER)
    assert bring(weights, GOOD).files


def test_the_token_goes_to_the_hub_alone_and_is_written_nowhere(
    hub: Hub, say: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(1)
    hub.gated.add("maker/model")
    weights = say(BOTH, gated=True)
    with pytest.raises(WeightsRefused) as refused:
        bring(weights, STRANGER)
    hub.wrong[MODEL] = MODEL[::-1]
    with pytest.raises(WeightsError) as wrong:
        bring(weights, GOOD)
    hub.wrong.clear()
    bring(weights, GOOD)
    assert {each.authorization for each in hub.asked if each.server == "store"} == {None}
    assert f"Bearer {GOOD}" in {each.authorization for each in hub.asked if each.server == "hub"}
    said = caplog.text + repr(refused.value) + repr(wrong.value) + repr(WeightsSource(SecretStr(GOOD)).__dict__)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for token in (GOOD, STRANGER):
        assert token not in said
        assert not any(token.encode() in each for each in written)
    assert SIGNATURE not in repr(refused.value) + repr(wrong.value)
    assert not any(SIGNATURE.encode() in each for each in written)


def test_a_pickle_that_nobody_vouched_for_is_refused_until_accepted(hub: Hub, say: Any) -> None:
    hub.files["maker/model", "G_0.pth"] = b"pickle" * 1000
    weights = say({"G_0.pth": {}})
    with pytest.raises(WeightsRefused, match=r"G_0\.pth may run any program.*--accept-pickle small"):
        bring(weights)
    assert hub.asked == []
    assert bring(weights, accept_pickle=True).trusted == ("G_0.pth",)
    shutil.rmtree(weights_folder() / "small")
    assert bring(weights).trusted == ()  # its hash is known by now
    hub.files["maker/model", "G_0.pth"] = b"PICKLE" * 1000
    shutil.rmtree(weights_folder() / "small")
    with pytest.raises(WeightsError, match="now offers other bytes"):
        bring(weights, accept_pickle=True)


def test_a_pinned_pickle_needs_no_word(hub: Hub, say: Any) -> None:
    hub.files["maker/model", "m.ckpt"] = b"pickle"
    bring(say({"m.ckpt": {"sha256": sha256(b"pickle")}}))
    assert content() == {"m.ckpt": b"pickle"}


def test_a_folder_of_the_users_own_stays_as_it_is(hub: Hub, say: Any) -> None:
    weights = say(BOTH)
    mine = weights_folder() / "small" / "model.safetensors"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert look("small").state == "own"
    with pytest.raises(WeightsRefused, match="a folder of your own and stays as it is"):
        bring(weights)
    assert mine.read_bytes() == b"mine"


def test_files_that_were_copied_by_hand_are_as_good_as_fetched_ones(hub: Hub, say: Any) -> None:
    say(BOTH)
    place = weights_folder() / "small"
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(CONFIG)
    (place / "model.safetensors").write_bytes(MODEL)
    assert look("small").state == "here"


def test_of_damaged_weights_only_the_damaged_file_is_fetched(hub: Hub, say: Any) -> None:
    weights = say(BOTH)
    bring(weights)
    place = weights_folder() / "small"
    (place / "notes.txt").write_text("mine")
    (place / "config.json").write_bytes(b"{}")
    assert (look("small").state, look("small").wrong) == ("damaged", ("config.json",))
    hub.asked.clear()
    assert bring(weights).files == ("config.json",)
    assert {each.path.rpartition("/")[2] for each in hub.asked} == {"config.json"}
    assert content() == {"config.json": CONFIG, "model.safetensors": MODEL, "notes.txt": b"mine"}


def test_a_file_that_a_newer_catalogue_adds_is_fetched_beside_the_others(hub: Hub, say: Any) -> None:
    bring(say({"config.json": BOTH["config.json"]}))
    weights = say({"config.json": BOTH["config.json"], "model.safetensors": {}})
    assert look("small").state == "damaged"
    assert bring(weights).files == ("model.safetensors",)
    assert look("small").state == "here"


def test_pins_that_cannot_be_read_are_named(hub: Hub, say: Any) -> None:
    weights_folder().mkdir()
    (weights_folder() / "pins.json").write_text('{"small": ')
    with pytest.raises(WeightsError, match=r"pins\.json is damaged; move it away"):
        bring(say(BOTH))


# ---------------------------------------------------------------- identity


def test_the_digest_is_known_before_and_after_the_fetch_and_changes_with_a_byte(hub: Hub, say: Any) -> None:
    weights = say(BOTH)
    before = digest("small")
    assert before != "missing"
    bring(weights)
    assert digest("small") == before
    path = weights_folder() / "small" / "model.safetensors"
    path.write_bytes(MODEL[:-1] + b"?")
    assert digest("small") != before


def test_the_digest_of_an_own_folder_is_that_of_its_visible_files(hub: Hub) -> None:
    place = weights_folder() / "my-model"
    place.mkdir(parents=True)
    (place / "a.safetensors").write_bytes(b"1")
    one = digest("my-model")
    (place / ".DS_Store").write_bytes(b"2")
    assert digest("my-model") == one
    (place / "a.safetensors").rename(place / "b.safetensors")
    assert digest("my-model") != one
    assert digest("nobody") == "missing"
    assert expected("my-model") == {}


def test_a_file_is_hashed_once_by_all_processes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    place = weights_folder() / "my-model"
    place.mkdir(parents=True)
    (place / "a.safetensors").write_bytes(b"1")
    one = digest("my-model")
    monkeypatch.setattr(weights_hashes, "_known", {})  # as another process begins
    monkeypatch.setattr(weights_hashes, "sha256_of", lambda _: pytest.fail("read again"))
    assert digest("my-model") == one


def test_a_memory_of_hashes_that_is_spoilt_or_cannot_be_written_does_no_harm(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = weights_folder() / "my-model"
    place.mkdir(parents=True)
    (place / "a.safetensors").write_bytes(b"1")
    (weights_folder() / ".hashes.json").write_text("[")

    def refuse(path: Path, _: str) -> None:
        raise PermissionError(13, "read-only", str(path))

    monkeypatch.setattr(weights_hashes, "write_whole", refuse)
    one = digest("my-model")
    assert len(one) == 64
    monkeypatch.setattr(weights_hashes, "sha256_of", lambda _: pytest.fail("read again in the same process"))
    assert digest("my-model") == one


def test_verify_reads_what_the_memory_of_hashes_would_hide(hub: Hub, say: Any) -> None:
    bring(say(BOTH))
    path = weights_folder() / "small" / "model.safetensors"
    about = path.stat()
    path.write_bytes(MODEL[::-1])
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert look("small").state == "here"
    assert look("small", hash_again=True).wrong == ("model.safetensors",)
