"""Verify finds whatever is not as it was made, repair makes it and only it again, gc takes what nobody refers to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from infra.settings import settings
from infra.store import LocalStore, StoreError, read_json, write_json
from infra.store.bucket import BucketStore
from infra.store.cache import FileCache
from tasks.keeping.artifacts import Kind
from tasks.keeping.garbage import find_garbage, remove
from tasks.keeping.nightly_check import check
from tasks.keeping.repair import ORDER, repair
from tasks.keeping.verify import verify
from tasks.labelling.labels import history
from tasks.studio import Studio
from tests.chaos import season
from tests.unit.s3_servers import Server, moto_server

HOME = "series/toy"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A season on stub, of one episode and one voice."""
    folder = tmp_path_factory.mktemp("season")
    season.lay(folder, 1)
    season.run(season.studio_of(folder, LocalStore(folder / "store")), folder)
    return folder


@pytest.fixture
def studio(finished: Path) -> Studio:
    """The season, whose store a test may damage."""
    shutil.rmtree(finished / "copy", ignore_errors=True)
    shutil.copytree(finished / "store", finished / "copy")
    return season.studio_of(finished, LocalStore(finished / "copy"))


def bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def gone(path: Path) -> None:
    path.unlink()


DAMAGES = (bit, cut, gone)
KINDS = (
    "episodes/s01e01/recording.flac",
    "episodes/s01e01/stems/vocals.flac",
    "episodes/s01e01/fingerprint.npy",
    "episodes/s01e01/turns.json",
    "episodes/s01e01/turns.rttm",
    "episodes/s01e01/clips.jsonl",
    "episodes/s01e01/clips/*.flac",
    "episodes/s01e01/vectors.json",
    "episodes/s01e01/stages/separate.json",
    "given/*/recording.flac",
    "given/*/stages/extract.json",
    "cast/references/*.vectors.json",
    "cast/speakers.json",
    "cast/speakers.copy.json",
    "cast/labels.json",
    "recurring.json",
    "characters/anna/cleaned.json",
    "characters/anna/manifest.jsonl",
    "characters/anna/clips/*.wav",
    "voices/anna/*/card.json",
    "voices/anna/*/card.md",
    "voices/anna/*/anna.*",
    "voices/anna/current.json",
)


def one(studio: Studio, kind: str) -> Path:
    root = studio.store.root  # type: ignore[attr-defined]
    return sorted(path for path in (root / HOME).glob(kind) if path.is_file())[0]


def key_of(studio: Studio, path: Path) -> str:
    return path.relative_to(studio.store.root).as_posix()  # type: ignore[attr-defined]


def times(studio: Studio) -> dict[str, int]:
    root = studio.store.root  # type: ignore[attr-defined]
    files = [path for path in root.glob("series/**/*") if path.is_file()]
    return {key_of(studio, path): path.stat().st_mtime_ns for path in files}


def test_a_whole_series_has_nothing_broken_and_every_document_its_seal(studio: Studio) -> None:
    found = verify(studio.store, HOME)
    assert (found.broken, found.unsealed) == ((), 0)
    assert found.files > 20
    assert found.read_bytes > 100_000
    assert verify(studio.store, HOME, quick=True).read_bytes == 0


@pytest.mark.parametrize(("kind", "damage"), [(kind, DAMAGES[i % len(DAMAGES)]) for i, kind in enumerate(KINDS)])
def test_one_changed_bit_a_lost_byte_or_a_lost_file_is_found_in_everything(
    studio: Studio, kind: str, damage: Callable[[Path], None]
) -> None:
    victim = one(studio, kind)
    damage(victim)
    assert key_of(studio, victim) in {each.key for each in verify(studio.store, HOME).broken}


def test_sizes_alone_find_what_is_gone_or_cut_short(studio: Studio) -> None:
    gone(one(studio, "episodes/s01e01/clips/*.flac"))
    cut(one(studio, "characters/anna/clips/*.wav"))
    kinds = {str(each.unit) for each in verify(studio.store, HOME, quick=True).broken}
    assert kinds == {"episode s01e01", "data set anna"}


def repaired(studio: Studio, folder: Path, victim: Path, damage: Callable[[Path], None]) -> set[str]:
    """What a repair wrote."""
    whole, before = season.contents(studio.store.root), times(studio)  # type: ignore[attr-defined]
    damage(victim)
    done = repair(studio, season.episodes_of(folder))
    assert done.left == {}
    assert season.contents(studio.store.root) == whole  # type: ignore[attr-defined]
    assert verify(studio.store, HOME).broken == ()
    after = times(studio)
    return {key.removeprefix(f"{HOME}/") for key in after if after[key] != before.get(key) and "/audit/" not in key}


@pytest.mark.parametrize(
    ("kind", "damage", "others"),
    [
        ("episodes/s01e01/clips/*.flac", bit, {"stages/cut.json", "stages/cut.run.json", "prepared.json"}),
        ("episodes/s01e01/clips.jsonl", bit, {"prepared.json"}),
        ("characters/anna/clips/*.wav", gone, None),
        ("characters/anna/clips/*[!0].wav", bit, None),
        ("cast/speakers.json", cut, set()),
        ("voices/anna/current.json", gone, set()),
    ],
)
def test_what_is_broken_is_made_again_and_nothing_else_is_touched(
    studio: Studio, finished: Path, kind: str, damage: Callable[[Path], None], others: set[str] | None
) -> None:
    victim = one(studio, kind)
    written = repaired(studio, finished, victim, damage)
    name = key_of(studio, victim).removeprefix(f"{HOME}/")
    assert name in written
    if others is None:
        assert all(key.startswith("characters/anna/") for key in written)
        assert len([key for key in written if key.endswith(".wav")]) == 1
    else:
        assert written == {name, *(f"episodes/s01e01/{each}" for each in others)}


@pytest.mark.proof
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_engines_or_rules_made_is_made_again_byte_by_byte(
    studio: Studio, finished: Path, kind: str, damage: Callable[[Path], None]
) -> None:
    victim = one(studio, kind)
    written = repaired(studio, finished, victim, damage)
    top = key_of(studio, victim).removeprefix(f"{HOME}/").split("/")[0]
    assert all(key.split("/")[0] == top for key in written)


def test_repair_knows_every_kind_of_thing_in_a_store(studio: Studio, finished: Path) -> None:
    assert set(ORDER) == set(get_args(Kind))
    key = f"{HOME}/dubs/s01e01/lines/dub.json"
    write_json(studio.store, key, {"name": "lines"})
    damaged = studio.store.read(key).replace(b"lines", b"linen")
    studio.store.write(key, damaged)
    assert repair(studio, season.episodes_of(finished)).later == {
        key: "was removed; dub the episode again: voicecast dub"
    }


def test_a_person_s_answer_that_is_damaged_stays_and_is_named(studio: Studio, finished: Path) -> None:
    victim = one(studio, "cast/labels/*.json")
    bit(victim)
    damaged = victim.read_bytes()
    done = repair(studio, season.episodes_of(finished))
    assert "what people said" in done.left[key_of(studio, victim)]
    assert victim.read_bytes() == damaged
    with pytest.raises(StoreError, match=victim.name):
        history(studio.store, "toy")


def test_an_episode_whose_video_is_not_at_hand_stays_as_it_is(studio: Studio) -> None:
    victim = one(studio, "episodes/s01e01/recording.flac")
    bit(victim)
    before = times(studio)
    done = repair(studio, ())
    assert "the video of s01e01 is not at hand" in done.left[key_of(studio, victim)]
    assert times(studio) == before


def test_without_both_copies_of_the_speakers_nothing_is_guessed(studio: Studio, finished: Path) -> None:
    for name in ("speakers.json", "speakers.copy.json"):
        bit(one(studio, f"cast/{name}"))
    done = repair(studio, season.episodes_of(finished))
    assert "labels speak of its speakers" in done.left[f"{HOME}/cast/speakers.json"]


def test_documents_of_an_older_version_are_read_and_counted(studio: Studio) -> None:
    key = f"{HOME}/recurring.json"
    value = read_json(studio.store, key)
    one(studio, "recurring.json").write_text('{"rules":"x","episodes":[],"groups":[]}\n')
    found = verify(studio.store, HOME)
    assert (found.broken, found.unsealed) == ((), 1)
    write_json(studio.store, key, value)
    assert verify(studio.store, HOME).unsealed == 0


def test_what_nothing_refers_to_is_listed_first_and_removed_when_said(studio: Studio) -> None:
    halves = {
        f"{HOME}/characters/anna/clips/s09e09-0001.wav": b"a clip that is kept no more",
        f"{HOME}/episodes/s01e01/clips/99999999.flac": b"of an older cut",
        f"{HOME}/voices/anna/000000000000/anna.safetensors": b"half a voice",
        f"{HOME}/speech/anna/aaaa.wav": b"half a line",
    }
    whole = verify(studio.store, HOME)
    for key, data in halves.items():
        studio.store.write(key, data)
    partial = studio.store.work / "0123.partial"
    partial.write_bytes(b"half")
    looks = Studio(series=studio.series, store=studio.store)
    with pytest.raises(StoreError, match="something runs"):
        find_garbage(looks.store, HOME)
    del studio
    shutil.rmtree(looks.store.work / "done")
    found = find_garbage(looks.store, HOME)
    assert found.keys == {key: len(data) for key, data in halves.items()}
    assert list(found.paths) == [partial]
    assert all(looks.store.size(key) is not None for key in halves)
    remove(looks.store, found)
    assert find_garbage(looks.store, HOME).bytes == 0
    assert not any(key in halves for key in looks.store.keys("series"))
    assert verify(looks.store, HOME) == whole


def test_a_bucket_is_verified_and_repaired_as_a_folder_is(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with moto_server() as server:
        for name, value in {**server.environment, "VOICECAST_CACHE_DIR": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        bucket = server.new_bucket()
        store = BucketStore(f"s3://{bucket}", FileCache(tmp_path / "cache", 2**30))
        root = finished / "store"
        for path in root.glob("series/**/*"):
            if path.is_file():
                store.write(path.relative_to(root).as_posix(), path.read_bytes())
        assert verify(store, HOME).broken == ()
        key = f"{HOME}/episodes/s01e01/stems/vocals.flac"
        client, before = server.client(), _etags(server, bucket)
        whole = store.read(key)
        client.put_object(Bucket=bucket, Key=key, Body=whole[:-1] + b"x", Metadata={"sha256": "0" * 64})
        client.delete_object(Bucket=bucket, Key=f"{HOME}/episodes/s01e01/turns.rttm")
        assert {each.key.rsplit("/", 1)[-1] for each in verify(store, HOME).broken} == {"vocals.flac", "turns.rttm"}
        done = repair(season.studio_of(finished, store), season.episodes_of(finished))
        assert (done.left, verify(store, HOME).broken) == ({}, ())
        assert store.read(key) == whole
        changed = {name for name, etag in _etags(server, bucket).items() if etag != before.get(name)}
        assert {name for name in changed if not name.endswith(".run.json") and name.startswith("series/")} == set()
    settings.cache_clear()


def _etags(server: Server, bucket: str) -> dict[str, str]:
    pages = server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}


def test_each_night_a_share_of_the_files_is_read_and_every_damage_is_found_in_its_turn(studio: Studio) -> None:
    victims = [one(studio, name) for name in ("episodes/s01e01/stems/vocals.flac", "voices/anna/*/anna.*")]
    for victim in victims:
        bit(victim)
    whole, nights = verify(studio.store, HOME).read_bytes, 4
    seen = [check(studio.store, 700_000 + day, nights, lambda _: None)[0] for day in range(nights)]
    assert sum(each.verified.read_bytes for each in seen) == whole
    assert all(each.verified.read_bytes < whole for each in seen)
    found = [broken.key for each in seen for broken in each.verified.broken]
    assert sorted(found) == sorted(key_of(studio, victim) for victim in victims)
    assert seen[0].command == f"voicecast repair --series toy --store {studio.store.address.removeprefix('file://')}"


def test_what_is_whole_a_minute_later_was_only_being_written(studio: Studio) -> None:
    victim = one(studio, "episodes/s01e01/recording.flac")
    data = victim.read_bytes()
    victim.unlink()
    (checked,) = check(studio.store, 0, 1, lambda _: victim.write_bytes(data) and None)
    assert checked.verified.broken == ()
