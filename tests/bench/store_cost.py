"""What a bucket costs: the same season on stub in a folder and in a bucket, and the look at 126 finished episodes.

`python -m tests.bench.store_cost [--episodes 8]` prints JSON. The bucket is moto's server on this machine, so that what
is counted is the house's own work and the number of requests; a real bucket adds its waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tests.unit.s3_servers import Server, free_port

CLIPS, BUCKET = 300, "voices"
EPISODE_KEYS = tuple(f"s01e{i:03d}" for i in range(1, 127))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=8, help="episodes of the season on stub")
    parser.add_argument("--prepare", nargs=2, metavar=("FOLDER", "STORE"), help="only this, in this process")
    parser.add_argument("--look", metavar="STORE", help="only look for 126 finished episodes of 300 clips there")
    parser.add_argument("--serve", type=int, metavar="PORT", help="only the server")
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
    if chosen.prepare:
        print(json.dumps(prepare(Path(chosen.prepare[0]), chosen.prepare[1])))
        return
    if chosen.look:
        print(json.dumps(look(chosen.look)))
        return
    figures: dict[str, Any] = {}
    with _moto() as reached, tempfile.TemporaryDirectory(prefix="voicecast-bench-") as folder:
        environment = {**os.environ, **reached, "VOICECAST_CACHE_DIR": f"{folder}/cache"}
        lay_clips(Path(folder) / "large")
        for name, store in (("folder", folder), ("bucket", f"s3://{BUCKET}")):
            lay_episodes(Path(folder) / name, chosen.episodes)
            figures[f"season_in_{name}"] = _in_a_process(["--prepare", f"{folder}/{name}", f"{store}/s"], environment)
            figures[f"looked_for_in_{name}"] = _in_a_process(["--look", f"{store}/large"], environment)
    print(json.dumps(figures, indent=1))


@contextmanager
def _moto() -> Iterator[dict[str, str]]:
    """A server in a process of its own, whose bucket has the clips already: to put 37,800 objects takes it minutes."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.store_cost", "--serve", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        assert server.stdout.readline()
        yield Server(endpoint=f"http://127.0.0.1:{port}", key="moto", secret="moto-secret").environment
    finally:
        server.kill()
        server.wait()


def serve(port: int) -> None:
    """moto's server, with the clips of 126 episodes below large/."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False).start()
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.create_bucket(BUCKET, "us-east-1")
    for key in clips():
        backend.put_object(BUCKET, f"large/{key}", b"clip")
    print("ready", flush=True)
    while True:
        time.sleep(60)


def clips() -> Iterator[str]:
    """Their keys."""
    for episode in EPISODE_KEYS:
        for i in range(CLIPS):
            yield f"series/toy/episodes/{episode}/clips/{i:08d}.flac"


def lay_clips(store: Path) -> None:
    for key in clips():
        (store / key).parent.mkdir(parents=True, exist_ok=True)
        (store / key).write_bytes(b"clip")


def _in_a_process(arguments: list[str], environment: dict[str, str]) -> Any:
    command = [sys.executable, "-m", "tests.bench.store_cost", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def lay_episodes(folder: Path, count: int) -> None:
    """Scripted episodes of 24 minutes for the stub engine."""
    folder.mkdir(parents=True)
    for i in range(1, count + 1):
        script = {"stub": {"title": f"episode {i}", "duration": 1440, "cast": ["A", "B", "C"]}}
        (folder / f"S01E{i:03d}.mkv").write_text(json.dumps(script))


def _studio(folder: Path, address: str) -> Any:
    from containers.contract.stages import STAGES
    from infra.dispatch import Dispatcher
    from infra.runners.process import ProcessRunner
    from infra.store import open_store
    from tasks.series import Series
    from tasks.studio import Studio

    fields = {
        "series": "toy",
        "episodes": "*.mkv",
        "language": "ja",
        "characters": {"anna": {"name": "Anna"}},
        "engines": dict.fromkeys(STAGES, "stub"),
        "folder": folder,
    }
    store = open_store(address)
    runners = {"process": ProcessRunner(store.work)}
    dispatcher = Dispatcher(store.work, runners, lambda _: nullcontext(()), lambda _: None)
    return Studio(series=Series.model_validate(fields), store=store, dispatcher=dispatcher)


def _requests() -> Counter[str]:
    """Counts the requests that boto3 sends from now on."""
    from botocore import httpsession

    count: Counter[str] = Counter()
    really = httpsession.URLLib3Session.send

    def counted(self: Any, request: Any) -> Any:
        count[request.method] += 1
        return really(self, request)

    httpsession.URLLib3Session.send = counted  # type: ignore[method-assign]
    return count


def _cost(began: float, requests: Counter[str]) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(time.monotonic() - began, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "requests": dict(requests),
    }


def prepare(folder: Path, address: str) -> dict[str, Any]:
    """Every stage of every episode, one after another, without Prefect."""
    from tasks import orders
    from tasks.episodes import prepared
    from tasks.episodes.episodes import list_episodes

    studio, requests, began = _studio(folder, address), _requests(), time.monotonic()
    clips = 0
    for episode in list_episodes(studio.series, studio.store):
        recording = studio.make(orders.extract(studio, episode))
        prints = studio.make(orders.fingerprint(studio, episode, recording))
        stems = studio.make(orders.separate(studio, episode, recording))
        turns = studio.make(orders.diarize(studio, episode, stems))
        cut = studio.make(orders.cut(studio, episode, stems, turns))
        vectors = studio.make(orders.embed(studio, episode, stems, cut))
        parts = prepared.Parts(
            extract=recording,
            fingerprint=prints,
            fingerprint_vocals=studio.make(orders.fingerprint_vocals(studio, episode, stems)),
            separate=stems,
            diarize=turns,
            cut=cut,
            embed=vectors,
        )
        clips += prepared.publish(studio, episode, parts).clips
    return {**_cost(began, requests), "clips": clips}


def look(address: str) -> dict[str, Any]:
    """126 episodes, whose 300 clips each are there, are called finished, and then looked for as every command does."""
    from concurrent.futures import ThreadPoolExecutor

    from containers.contract.codec import canonical
    from tasks.domain import Episode
    from tasks.episodes.prepared import Prepared, find_all_prepared, folder_of, identity_of

    with tempfile.TemporaryDirectory() as folder:
        studio = _studio(Path(folder), address)
        episodes = [Episode(key=key, file=f"{key}.mkv", sha256="0" * 64) for key in EPISODE_KEYS]

        def lay(episode: Episode) -> None:
            home = folder_of(studio, episode)
            files = {f"{home}/clips/{i:08d}.flac": 4 for i in range(CLIPS)}
            about = Prepared(
                episode=episode.key,
                identity=identity_of(studio, episode),
                duration=1440.0,
                turns=300,
                clips=CLIPS,
                problems=(),
                engines={},
            )
            studio.store.write(f"{home}/prepared.json", canonical({"prepared": about, "files": files}).encode())

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lay, episodes))
        before, requests, began = resource.getrusage(resource.RUSAGE_SELF), _requests(), time.monotonic()
        found = find_all_prepared(studio, episodes)
        assert len(found) == len(EPISODE_KEYS)
        cost = _cost(began, requests)
        cost["cpu_seconds"] = round(cost["cpu_seconds"] - before.ru_utime - before.ru_stime, 1)
        return cost


if __name__ == "__main__":
    main()
