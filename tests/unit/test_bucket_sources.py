"""Episodes in a bucket: found like files of a folder, read once for all machines, fetched where they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import bucket_sources
from infra.settings import settings
from infra.sources import files_of, here, place_of, sha256_known
from infra.store import LocalStore, StoreError
from infra.store.cache import file_cache
from tasks.episodes.episodes import list_episodes
from tasks.series import Character
from tasks.speech.scripts import ScriptError
from tasks.speech.scripts_from import script_at
from tests.unit.s3_servers import Server, moto_server
from tests.unit.stub_studio import studio_at


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


@pytest.fixture
def bucket(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in {**moto.environment, "VOICECAST_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    file_cache.cache_clear()
    yield moto.new_bucket()
    settings.cache_clear()
    file_cache.cache_clear()


def lay(server: Server, bucket: str, *names: str) -> None:
    for name in names:
        server.client().put_object(Bucket=bucket, Key=name, Body=name.encode())


def test_a_folder_a_glob_and_a_name_find_what_they_would_find_on_a_disk(moto: Server, bucket: str) -> None:
    lay(
        moto,
        bucket,
        "tv/1.mkv",
        "tv/2.MP4",
        "tv/notes.txt",
        "tv/.hidden.mkv",
        "tv/x",
        "tv/b/3.mkv",
        "tvs/4.mkv",
        "5.mkv",
    )

    def found(pattern: str) -> list[str]:
        files = files_of((f"s3://{bucket}/{pattern}",), Path("/nowhere"))
        return [str(each).removeprefix(f"s3://{bucket}/") for each in files]

    assert found("tv") == found("tv/") == ["tv/1.mkv", "tv/2.MP4"]
    assert found("tv/*") == ["tv/1.mkv", "tv/2.MP4", "tv/notes.txt", "tv/x"]
    assert found("**/*.mkv") == ["5.mkv", "tv/1.mkv", "tv/b/3.mkv", "tvs/4.mkv"]
    assert found("tv/1.mkv") == found("tv/[1].mkv") == found("tv/?.mkv") == ["tv/1.mkv"]
    assert found("tv/notes.txt") == ["tv/notes.txt"]
    assert found("") == ["5.mkv"]
    assert found("none/*.mkv") == []


def test_brackets_in_a_name_stand_for_themselves_where_nothing_else_matches(moto: Server, bucket: str) -> None:
    lay(moto, bucket, "[Team] Kaze/1.mkv")
    (found,) = files_of((f"s3://{bucket}/[Team] Kaze/*.mkv",), Path("/nowhere"))
    assert (found.name, found.stem) == ("1.mkv", "1")


def test_a_file_is_read_once_for_all_machines_until_it_changes(
    moto: Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    really = bucket_sources.download
    monkeypatch.setattr(bucket_sources, "download", lambda *given: read.append(given[2]) or really(*given))
    lay(moto, bucket, "1.mkv")

    def known(machine: str) -> str:
        store = LocalStore(tmp_path / "store")
        store.work = tmp_path / machine
        (file,) = files_of((f"s3://{bucket}/*.mkv",), tmp_path)
        sha256 = sha256_known(file, store)
        with here(place_of(str(file)), sha256) as path:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        return sha256

    first = known("one")
    assert known("one") == known("two") == first == hashlib.sha256(b"1.mkv").hexdigest()
    assert read == ["1.mkv"]
    moto.client().put_object(Bucket=bucket, Key="1.mkv", Body=b"other")
    assert known("one") != first
    assert read == ["1.mkv"] * 2


def test_an_episode_that_changed_since_it_was_listed_is_said_to_have(moto: Server, bucket: str) -> None:
    lay(moto, bucket, "1.mkv")
    with (
        pytest.raises(StoreError, match=f"s3://{bucket}/1.mkv has changed since it was listed; run"),
        here(place_of(f"s3://{bucket}/1.mkv"), "0" * 64),
    ):
        pass


def test_episodes_in_a_bucket_keep_their_keys(moto: Server, bucket: str, tmp_path: Path) -> None:
    lay(moto, bucket, "tv/Kaze S01E02.mkv", "tv/Kaze S01E01.mkv")
    studio = studio_at(tmp_path, episodes=f"s3://{bucket}/tv")
    first, second = list_episodes(studio.series, studio.store)
    assert (first.key, second.key) == ("s01e01", "s01e02")
    assert second.file == f"s3://{bucket}/tv/Kaze S01E02.mkv"


def test_a_script_is_read_from_a_bucket_as_it_is_now(moto: Server, bucket: str, tmp_path: Path) -> None:
    store, cast = LocalStore(tmp_path / "store"), {"ren": Character(name="Ren")}
    for text in ("Go", "Stop"):
        moto.client().put_object(Bucket=bucket, Key="lines/1.csv", Body=f"character,text\nren,{text}\n".encode())
        script = script_at(store, f"s3://{bucket}/lines/1.csv", cast)
        assert ([each.text for each in script.lines], script.file.name) == ([text], "1.csv")
    with pytest.raises(ScriptError, match="is no file of that bucket; name one script"):
        script_at(store, f"s3://{bucket}/lines/2.csv", cast)
