"""Where a round's store lies, which fault its way there has, and where its engines run."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from infra.settings import settings
from infra.stage import Runner
from infra.store import LocalStore, Store
from infra.store.bucket import BucketStore
from tests.chaos import faults, season
from tests.chaos.afar import Afar
from tests.chaos.children import DONE, Loss, child, ended
from tests.chaos.refusing import Refusing
from tests.unit.s3_servers import Proxy, Server, moto_server, s3rver

WITHIN_S = 6.0
"""How long after it opens a bucket begins to refuse writes, at most."""
_open = contextlib.ExitStack()
"""Servers of buckets, which live as long as the harness."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """`calm` gives the store over a way that nothing disturbs, `struck` over the one of the fault; both are called in a
    season's process. `change` resizes or closes a disk, `upload` and `mirror` carry a folder to a bucket and back;
    `hit`: whether the way there has refused something."""

    calm: Callable[[], Store]
    struck: Callable[[], Store]
    runner: Callable[[Store], dict[str, Runner]] = season.beside
    change: Callable[[str], None] = lambda _: None
    upload: Callable[[], None] = lambda: None
    mirror: Callable[[], None] = lambda: None
    hit: Callable[[], bool] = lambda: False


@contextlib.contextmanager
def place_of(fault: str, folder: Path, chance: random.Random, kilobytes: int) -> Iterator[Place]:
    """The place of a round in a folder; `kilobytes`: of an undisturbed season."""
    root = folder / "store" / "s"
    local = partial(LocalStore, root)
    if fault in ("disk", "readonly"):
        with faults.small_disk(folder / "store", 4 * kilobytes + 4096) as change:
            yield Place(calm=local, struck=local, change=change)
        return
    (folder / "store").mkdir()
    if fault in ("bucket", "links", "refusing"):
        with _in_bucket(fault, folder, root, chance) as place:
            yield place
    elif fault == "container":
        from tests.chaos.docked import in_containers

        yield Place(calm=local, struck=local, runner=in_containers)
    elif fault == "failing":
        fails = chance.choice((0.0, 0.01, 0.05))
        yield Place(calm=local, struck=partial(faults.UnwillingStore, root, chance, fails, 0.02))
    else:
        yield Place(calm=local, struck=local)


@contextlib.contextmanager
def _in_bucket(fault: str, folder: Path, root: Path, chance: random.Random) -> Iterator[Place]:
    server = (_expiring if fault == "links" else _moto)()
    bucket = server.new_bucket()
    proxy = Proxy(server, fault=_weather(chance)) if fault == "bucket" else None
    closed = Refusing(server, chance, WITHIN_S) if fault == "refusing" else None
    way = proxy or closed
    server_by = Server(endpoint=way.endpoint, key=server.key, secret=server.secret) if way else server

    def at(way: Server) -> Store:
        os.environ.update({**way.environment, "VOICECAST_CACHE_DIR": str(folder / "cache")})
        settings.cache_clear()
        return BucketStore(f"s3://{bucket}/team")

    def upload() -> None:
        def act() -> None:
            store = at(server)
            for path in [each for each in root.rglob("*") if each.is_file()]:
                store.write(path.relative_to(root).as_posix(), path.read_bytes())

        if ended(child(act, folder / "log")) != DONE:
            raise Loss(f"a bucket could not be filled: {(folder / 'log').read_text()[-2000:]}")

    yield Place(
        calm=lambda: at(server),
        struck=lambda: at(server_by),
        runner=(lambda store: {"kubernetes": Afar(store, chance)}) if fault == "links" else season.beside,
        upload=upload,
        mirror=lambda: _mirror(server, bucket, root),
        hit=lambda: bool(closed and closed.refused),
    )
    if proxy:
        proxy.close()
    if closed:
        closed.close()


def _weather(chance: random.Random) -> Callable[[bytes], int | None]:
    """What a bad network does to connections: some are slow, some are cut going up or coming down, and there are hours
    in which every one breaks."""
    cuts, slow_s = chance.choice((0.0, 0.02, 0.1)), chance.choice((0.0, 0.05, 0.3))
    dark_from = time.monotonic() + chance.uniform(0, 10)
    dark_to = dark_from + chance.choice((0.0, 2.0, 8.0))
    mutex = threading.Lock()

    def fault(_: bytes) -> int | None:
        with mutex:
            wait, cut, size = chance.uniform(0, slow_s), chance.random() < cuts, chance.randrange(1, 4000)
            side = chance.choice((1, -1))
        time.sleep(wait)
        if dark_from < time.monotonic() < dark_to:
            return 1
        return side * size if cut else None

    return fault


def _mirror(server: Server, bucket: str, root: Path) -> None:
    """The objects of a bucket as files, and nothing else."""
    for path in [each for each in root.rglob("*") if each.is_file()]:
        path.unlink()
    for page in server.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="team/series/"):
        for each in page.get("Contents", ()):
            path = root / each["Key"].removeprefix("team/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(server.client().get_object(Bucket=bucket, Key=each["Key"])["Body"].read())


@cache
def _moto() -> Server:
    return _open.enter_context(moto_server())


@cache
def _expiring() -> Server:
    import tempfile

    folder = _open.enter_context(tempfile.TemporaryDirectory())
    return _open.enter_context(s3rver(Path(folder)))
