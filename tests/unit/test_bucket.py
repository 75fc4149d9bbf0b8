"""Every kind of store keeps the same promises; buckets over the wire."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings import SettingsError, settings
from infra.store import LocalStore, Missing, Store, StoreBusy, StoreError, bucket_client, find_json, open_store
from infra.store import bucket as bucket_module
from infra.store.bucket import BucketStore
from infra.store.cache import FileCache
from infra.store.leases import Conditional, Flags, Lease, Leases
from tasks import orders
from tests.unit.s3_servers import Proxy, Server, moto_server, s3rver
from tests.unit.stub_studio import episode_at, looking, studio_at

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="module")
def expiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3rver(tmp_path_factory.mktemp("s3rver")) as server:
        yield server


def use(server: Server, folder: Path, patch: pytest.MonkeyPatch, **more: str) -> None:
    """Settings of this process point to a server, with a cache of its own."""
    for name, value in {**server.environment, "VOICECAST_CACHE_DIR": str(folder / "cache"), **more}.items():
        patch.setenv(name, value)
    forget()


def forget(*, clients: bool = False) -> None:
    settings.cache_clear()
    if clients:  # they keep the credentials that they were made with
        bucket_client._MADE.clear()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    yield
    forget()


def cache_at(folder: Path, limit: int = 2**30) -> FileCache:
    return FileCache(folder / "cache", limit)


@pytest.fixture
def bucket(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BucketStore:
    use(moto, tmp_path, monkeypatch)
    return BucketStore(f"s3://{moto.new_bucket()}/team one", cache_at(tmp_path))


@pytest.fixture(params=["folder", "moto", pytest.param("s3rver", marks=pytest.mark.proof)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return LocalStore(tmp_path / "store")
    server: Server = request.getfixturevalue("moto" if request.param == "moto" else "expiring")
    use(server, tmp_path, monkeypatch)
    return BucketStore(f"s3://{server.new_bucket()}/team one", cache_at(tmp_path))


def made(folder: Path, data: bytes) -> Path:
    path = folder / "made"
    path.write_bytes(data)
    return path


def test_what_is_written_is_read_and_may_be_replaced(store: Store) -> None:
    store.write("cast/声.json", b"first")
    store.write("cast/声.json", b"second")
    assert store.read("cast/声.json") == b"second"
    assert store.size("cast/声.json") == 6
    assert store.path("cast/声.json").read_bytes() == b"second"


def test_a_file_is_taken_and_given_back(store: Store, tmp_path: Path) -> None:
    path = made(tmp_path, b"sound" * 1000)
    store.put("stems/vocals.flac", path)
    assert not path.exists()
    assert store.path("stems/vocals.flac").read_bytes() == b"sound" * 1000
    with store.using("stems/vocals.flac") as held:
        assert held.read_bytes() == b"sound" * 1000


def test_a_replaced_file_is_not_taken_for_the_one_before(store: Store, tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        store.put("a", made(tmp_path, data))
        assert store.path("a").read_bytes() == data


def test_what_is_new_is_created_once(store: Store) -> None:
    assert store.create("labels/1.json", b"first")
    assert not store.create("labels/1.json", b"second")
    assert store.read("labels/1.json") == b"first"


def test_keys_are_listed_by_folder_and_in_order(store: Store) -> None:
    for key in ("a/2", "a/1/x", "ab", "a.json", "b"):
        store.write(key, key.encode())
    assert list(store.keys("a")) == list(store.keys("a/")) == ["a/1/x", "a/2"]
    assert store.sizes("a") == {"a/1/x": 5, "a/2": 3}
    assert list(store.keys("none")) == []
    assert store.holds({"a/1/x": 5, "a/2": 3, "b": 1, "ab": 2})
    assert not store.holds({"a/1/x": 5, "a/2": 3, "b": 2, "ab": 2})
    assert not store.holds({"a/1/x": 5, "a/2": 3, "none": 2, "ab": 2})


def test_what_is_removed_is_gone_and_may_be_removed_again(store: Store) -> None:
    store.write("a/1", b"")
    store.write("a/2", b"")
    for _ in range(2):
        store.delete("a/1")
    assert store.size("a/1") is None
    for _ in range(2):
        store.clear("a")
    assert store.sizes("a") == {}


def test_what_is_not_there_is_said_to_be_missing(store: Store) -> None:
    for act in (store.read, store.path):
        with pytest.raises(Missing, match="a/b"):
            act("a/b")
    assert (store.size("a/b"), find_json(store, "a/b")) == (None, None)


@pytest.mark.parametrize("key", ["/etc/passwd", "../other", "a/../../b", ""])
def test_a_key_that_leads_outside_is_refused(store: Store, key: str) -> None:
    for act in (lambda: store.write(key, b""), lambda: store.read(key), lambda: store.delete(key)):
        with pytest.raises(StoreError, match="no key"):
            act()


def test_one_is_inside_a_lock_at_a_time(store: Store) -> None:
    inside, most = [], []

    def enter() -> None:
        with store.locked("cast"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1] * 4


RACES = """
import sys
from infra.store import open_store
store = open_store(sys.argv[1])
store.read("start")
wins = [i for i in range(20) if store.create(f"race/{i:02d}", sys.argv[2].encode())]
with store.locked("counter"):
    store.write("counter", str(int(store.read("counter")) + 1).encode())
print(*wins)
"""


@pytest.mark.parametrize("place", ["folder", "moto", pytest.param("s3rver", marks=pytest.mark.proof)])
def test_of_processes_that_race_one_wins_each_time(
    place: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "store")
    if place != "folder":
        server: Server = request.getfixturevalue("moto" if place == "moto" else "expiring")
        use(server, tmp_path, monkeypatch)
        address = f"s3://{server.new_bucket()}"
    store = open_store(address)
    store.write("counter", b"0")
    store.write("start", b"")
    racers = [
        subprocess.Popen([sys.executable, "-c", RACES, address, f"{i}"], cwd=HERE, stdout=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    said = [set(each.communicate(timeout=60)[0].split()) for each in racers]
    assert [each.returncode for each in racers] == [0, 0]
    assert not said[0] & said[1]
    assert said[0] | said[1] == {str(i) for i in range(20)}
    for i in range(20):
        assert str(i) in said[int(store.read(f"race/{i:02d}"))]
    assert store.read("counter") == b"2"


@pytest.mark.parametrize("server", ["moto", pytest.param("expiring", marks=pytest.mark.proof)])
def test_links_take_and_give_a_file_without_credentials(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at: Server = request.getfixturevalue(server)
    use(at, tmp_path, monkeypatch)
    store = BucketStore(f"s3://{at.new_bucket()}/team", cache_at(tmp_path))
    key = "scratch/starts/1/out é.tar"
    sending = urllib.request.Request(store.link_put(key, 60), data=b"made", method="PUT")
    sending.add_header("Content-Type", "application/octet-stream")
    urllib.request.urlopen(sending, timeout=10).close()
    assert store.read(key) == b"made"
    with urllib.request.urlopen(store.link_get(key, 60), timeout=10) as answer:
        assert answer.read() == b"made"


@pytest.mark.proof
def test_a_link_that_has_run_out_is_refused(expiring: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(expiring, tmp_path, monkeypatch)
    store = BucketStore(f"s3://{expiring.new_bucket()}", cache_at(tmp_path))
    store.write("a", b"sound")
    link = store.link_get("a", 1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link, timeout=10)
    assert refused.value.code == 403


def test_listings_of_more_than_a_page_are_whole(
    bucket: BucketStore, moto: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PAGE", 10)
    client, name = moto.client(), bucket.address.split("/")[2]
    for i in range(25):
        client.put_object(Bucket=name, Key=f"team one/many/{i:04d}", Body=b"x")
    assert list(bucket.keys("many")) == [f"many/{i:04d}" for i in range(25)]
    assert bucket.holds({f"many/{i:04d}": 1 for i in range(25)})


def test_encryption_is_asked_for_as_set(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(moto, tmp_path, monkeypatch, VOICECAST_S3_ENCRYPTION="sse-kms", VOICECAST_S3_KMS_KEY="alias/voices")
    name = moto.new_bucket()
    store = BucketStore(f"s3://{name}", cache_at(tmp_path))
    store.write("written", b"1")
    store.put("put", made(tmp_path, b"2"))
    with store.locked("cast"):
        (lock,) = store.keys("locks")
    for key in ("written", "put", lock):
        about = moto.client().head_object(Bucket=name, Key=key)
        assert (about["ServerSideEncryption"], about["SSEKMSKeyId"]) == ("aws:kms", "alias/voices")


def test_a_wrong_bucket_is_named_with_the_way_out(
    moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(moto, tmp_path, monkeypatch)
    with pytest.raises(StoreError, match=f"no bucket nowhere-at-all at {moto.endpoint}; create it"):
        BucketStore("s3://nowhere-at-all", cache_at(tmp_path)).write("a", b"")
    for wrong in ("s3://", "s3:///a", "s3://bucket/../other"):
        with pytest.raises(StoreError, match="write s3://bucket"):
            open_store(wrong)


def test_no_message_holds_a_credential(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(moto, tmp_path, monkeypatch, VOICECAST_S3_ENDPOINT="http://127.0.0.1:9", VOICECAST_S3_ATTEMPTS="1")
    with pytest.raises(StoreBusy, match=r"no whole answer from http://127.0.0.1:9") as refused:
        BucketStore("s3://voices", cache_at(tmp_path)).read("a")
    assert moto.secret not in str(refused.value) + repr(refused.value.__cause__)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    forget(clients=True)
    with pytest.raises(StoreError, match="no credentials; set AWS_PROFILE"):
        BucketStore("s3://voices", cache_at(tmp_path)).read("a")


@pytest.mark.parametrize("address", ["http://user:secret@host", "ftp://host", "host:9000", "http://host/bucket"])
def test_an_endpoint_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECAST_S3_ENDPOINT", address)
    forget()
    with pytest.raises(SettingsError, match="VOICECAST_S3_ENDPOINT: an S3 endpoint is") as refused:
        settings()
    assert address not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.fixture
def broken(moto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Proxy, BucketStore]]:
    """A store whose way to the server can be broken."""
    proxy = Proxy(moto)
    use(moto, tmp_path, monkeypatch, VOICECAST_S3_ENDPOINT=proxy.endpoint, VOICECAST_S3_ATTEMPTS="3")
    yield proxy, BucketStore(f"s3://{moto.new_bucket()}", cache_at(tmp_path))
    proxy.close()


@pytest.mark.proof
def test_a_busy_server_is_asked_again(broken: tuple[Proxy, BucketStore]) -> None:
    proxy, store = broken
    proxy.busy = 2
    store.write("a", b"sound")
    assert store.read("a") == b"sound"
    proxy.busy = 99
    with pytest.raises(StoreBusy, match="busy or broken; try again later"):
        store.write("a", b"other")
    proxy.busy = 0
    assert store.read("a") == b"sound"


@pytest.mark.proof
def test_an_upload_that_breaks_off_leaves_nothing_and_succeeds_when_sent_again(
    broken: tuple[Proxy, BucketStore], tmp_path: Path
) -> None:
    proxy, store = broken
    size = 3_000_000
    proxy.fault = lambda first: 100_000 if first.startswith(b"PUT") else None
    with pytest.raises(StoreError):
        store.put("big", made(tmp_path, b"s" * size))
    assert store.size("big") is None
    breaks = iter([100_000])
    proxy.fault = lambda first: next(breaks, None) if first.startswith(b"PUT") else None
    store.put("big", tmp_path / "made")
    assert store.size("big") == size


def test_a_download_that_breaks_off_is_taken_up_again_and_never_seen_half(
    broken: tuple[Proxy, BucketStore], tmp_path: Path
) -> None:
    proxy, store = broken
    data = bytes(range(256)) * 8000
    store.put("big", made(tmp_path, data))
    for path in (tmp_path / "cache" / "files").glob("??/*"):
        path.unlink()
    breaks = iter([-500_000])
    proxy.fault = lambda first: next(breaks, None) if first.startswith(b"GET") else None
    assert store.path("big").read_bytes() == data
    breaks = iter([-500_000])
    assert store.read("big") == data
    for path in (tmp_path / "cache" / "files").glob("??/*"):
        path.unlink()
    proxy.fault = lambda first: -500_000 if first.startswith(b"GET") else None
    with pytest.raises(StoreBusy):
        store.path("big")
    assert not list((tmp_path / "cache" / "files").glob("??/*"))
    assert not list((tmp_path / "cache" / "partial").iterdir())


def test_bytes_that_changed_in_the_bucket_are_not_taken(bucket: BucketStore, moto: Server, tmp_path: Path) -> None:
    bucket.put("a", made(tmp_path, b"right"))
    name, about = bucket.address.split("/")[2], {"sha256": "0" * 64}
    moto.client().put_object(Bucket=name, Key="team one/a", Body=b"wrong", Metadata=about)
    with pytest.raises(StoreBusy, match="did not arrive whole"):
        bucket.read("a")
    with pytest.raises(StoreBusy, match="did not arrive whole"):
        bucket.path("a")


@pytest.mark.proof
def test_a_created_object_whose_answer_was_lost_is_known_as_ours(broken: tuple[Proxy, BucketStore]) -> None:
    proxy, store = broken
    assert store.create("first", b"")  # the server has been asked what it can
    lost = iter([-1])
    proxy.fault = lambda first: next(lost, None) if first.startswith(b"PUT") else None
    assert store.create("labels/1.json", b"mine")
    assert not store.create("labels/1.json", b"mine")


LARGE = """
import sys
from pathlib import Path
from infra.store import bucket
from infra.store import open_store
from boto3.s3.transfer import TransferConfig
bucket.TRANSFER = TransferConfig(multipart_threshold=2**20, multipart_chunksize=5 * 2**20, max_concurrency=1)
store = open_store(sys.argv[1])
print("go", flush=True)
store.put("big", Path(sys.argv[2]))
"""


@pytest.mark.proof
def test_a_writer_killed_in_a_large_upload_leaves_nothing_visible(
    broken: tuple[Proxy, BucketStore], tmp_path: Path
) -> None:
    proxy, store = broken
    parts = threading.Event()

    def slow(first: bytes) -> None:
        if b"partNumber=2" in first:
            parts.set()
            time.sleep(60)

    proxy.fault = slow
    arguments = [store.address, str(made(tmp_path, os.urandom(12 * 2**20)))]
    with subprocess.Popen([sys.executable, "-c", LARGE, *arguments], cwd=HERE) as writer:
        assert parts.wait(30)
        writer.kill()
    assert store.size("big") is None
    assert store.sizes("") == {}


def leases(server: Server, name: str, seconds: float, *, conditional: bool) -> Leases:
    found = Leases(server.client(), name, "locks/", seconds)
    found.__dict__["conditional"] = conditional
    return found


@pytest.mark.proof
@pytest.mark.parametrize("way", [Conditional, Flags])
def test_the_lease_of_a_dead_holder_is_taken_over_when_it_has_run_out_and_not_before(
    way: type[Conditional | Flags], moto: Server
) -> None:
    at, lock, refused = way(moto.client(), moto.new_bucket()), "locks/cast", 0
    dead, heir = Lease(seconds=2.0), Lease(seconds=2.0)
    began = time.monotonic()
    assert at.take(lock, dead) is None
    while at.take(lock, heir):
        refused += 1
        time.sleep(0.2)
    assert time.monotonic() - began > 1.5
    assert refused
    if way is Conditional:
        assert not at.renew(lock, dead)
    assert at.renew(lock, heir)


@pytest.mark.proof
@pytest.mark.parametrize("conditional", [True, False])
def test_a_lease_is_kept_as_long_as_its_holder_lives(conditional: bool, moto: Server) -> None:
    name, entered = moto.new_bucket(), threading.Event()
    held, waiting = (leases(moto, name, 2.0, conditional=conditional) for _ in range(2))

    def enter() -> None:
        with waiting.held("cast"):
            entered.set()

    with held.held("cast"):
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.wait(4.5)
    assert entered.wait(6)
    thread.join()


def test_a_machine_whose_clock_is_wrong_steals_no_lock(bucket: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, really = threading.Event(), time.time

    def enter() -> None:
        with bucket.locked("cast"):
            entered.set()

    with bucket.locked("cast"):
        monkeypatch.setattr(time, "time", lambda: really() + 3600)
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.wait(0.7)
    assert entered.wait(5)
    thread.join()


def test_what_a_stage_made_is_found_in_the_bucket_by_another_machine(
    bucket: BucketStore, moto: Server, tmp_path: Path
) -> None:
    studio = replace(studio_at(tmp_path), store=bucket)
    episode = episode_at(tmp_path)
    made = studio.make(orders.extract(studio, episode))
    elsewhere = replace(looking(studio), store=BucketStore(bucket.address, cache_at(tmp_path / "elsewhere")))
    found = elsewhere.find(orders.extract(elsewhere, episode))
    assert found is not None
    assert found.result == made.result
    recording = found.stored(found.result.recording)
    with elsewhere.store.using(recording.key, recording.sha256) as path:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == recording.sha256
    bucket.delete(recording.key)
    assert elsewhere.find(orders.extract(elsewhere, episode)) is None
