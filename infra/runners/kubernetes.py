"""The kubernetes runner: a start of an engine as a Job of a cluster, followed to its end.

A Job bears the claims of its items as labels. So a flow that comes back after its process was killed finds the Jobs
that still play its items, and follows them; nothing is started twice. What travels is `kubernetes_parcels`', what a
Job looks like `kubernetes_job`'s, what its ends mean `kubernetes_ends`'.
"""

from __future__ import annotations

import atexit
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from containers.contract.errors import EngineError
from infra.items import progress_of
from infra.runners import kubernetes_parcels as parcels
from infra.runners.kubernetes_api import Cluster, cluster
from infra.runners.kubernetes_following import Following
from infra.runners.kubernetes_job import ITEM, RUN, START
from infra.runners.kubernetes_launch import adopt, launch
from infra.runners.kubernetes_sweep import OURS, sweep_orphans
from infra.settings import kubernetes_settings
from infra.stage import Exit, Start
from infra.store import Store, StoreError, scratch_of

log = logging.getLogger("voicecast.stage")

Found = dict[str, Any]

_mine: set[str] = set()
"""Names of the Jobs of this process, for its end: threads that wait for engines do not reach their own."""


class KubernetesRunner:
    """Runs starts as Jobs; needs a store that other machines reach. `run`: id of the flow run, a label of its Jobs."""

    remote = True
    in_place = False

    def __init__(self, store: Store, run: str = "") -> None:
        self._store, self._run = store, run
        with suppress(EngineError):
            sweep_orphans()

    def run(self, start: Start, heard: Callable[[str], None]) -> Exit:
        try:
            return self._run_all(start, heard)
        except StoreError as error:
            raise EngineError(f"{start.engine.name} in the cluster needs the store: {error}") from error

    def _run_all(self, start: Start, heard: Callable[[str], None]) -> Exit:
        """Jobs that play, or have played, some of these items are followed; what others have sent meanwhile is taken;
        the rest goes into a Job of its own."""
        limit = int(start.engine.disk_gb * 2**30)
        items = sorted(path.name for path in (start.workdir / "items").iterdir())
        speak = _one_at_a_time(heard)
        with cluster() as api:
            theirs = self._playing(api, start, items)
            alone = [item for item in items if not any(item in names.values() for _, names in theirs)]
            fresh = [item for item in alone if not parcels.take(self._store, start, item, limit)]
            plays = [partial(self._follow_found, api, job, start, names, speak) for job, names in theirs]
            if fresh:
                plays.append(partial(self._start, api, start, fresh, speak))
            exits = _together(plays)
        worst = [ended for ended in exits if ended.reason != "finished"] or exits
        return worst[0] if worst else Exit(reason="finished")

    def _playing(self, api: Cluster, start: Start, items: list[str]) -> list[tuple[Found, dict[str, str]]]:
        """Jobs over this store that play some of these items, each with those: its name for an item -> ours."""
        found: list[tuple[Found, dict[str, str]]] = []
        wanted = {f"{ITEM}/{parcels.errand(start, item).claim}": item for item in items if item in start.errands}
        for job in api.list("jobs", labels=OURS) if wanted else ():
            about = job["metadata"]
            shared = [label for label in wanted if label in about["labels"]]
            if not shared or about.get("deletionTimestamp") or not parcels.is_here(self._store, about["labels"][START]):
                continue
            names = {about["labels"][label]: wanted.pop(label) for label in shared}
            found.append(({"apiVersion": "batch/v1", "kind": "Job", **job}, names))
        return found

    def _start(self, api: Cluster, start: Start, items: list[str], heard: Callable[[str], None]) -> Exit:
        said = kubernetes_settings()
        weights = {} if said.weights_claim else parcels.weights_of(start)
        plan = parcels.send(self._store, start, items, weights)
        labels = {START: start.id, **({RUN: self._run} if self._run else {})}
        labels |= {f"{ITEM}/{parcels.errand(start, item).claim}": item for item in items}
        name = f"voicecast-{start.engine.name}-{start.id}".lower()
        _mine.add(name)
        try:
            job = launch(api, name, start.engine, self._store, plan, labels)
            following = Following(api, self._store, job, start.engine)
            return self._follow(following, job, start, {item: item for item in items}, heard)
        finally:
            self._clear(api, name, start.id)
            _mine.discard(name)

    def _follow_found(
        self, api: Cluster, job: Found, start: Start, names: Mapping[str, str], heard: Callable[[str], None]
    ) -> Exit:
        """Follow a Job that was started before; while it plays items that nobody asked for yet, it is left alone."""
        adopt(api, job, self._run)
        about = job["metadata"]
        played = {value for label, value in about["labels"].items() if label.startswith(f"{ITEM}/")}
        following = Following(api, self._store, job, start.engine)
        try:
            return self._follow(following, job, start, names, _renamed(heard, names), to_the_end=set(names) == played)
        finally:
            if following.is_over or set(names) == played:
                self._clear(api, about["name"], about["labels"][START])

    def _follow(
        self,
        following: Following,
        job: Found,
        start: Start,
        names: Mapping[str, str],
        heard: Callable[[str], None],
        *,
        to_the_end: bool = True,
    ) -> Exit:
        """Follow a Job and bring what it has sent of these items (`names`: as the Job calls them -> here)."""
        limit = int(start.engine.disk_gb * 2**30)
        left = dict(names)

        def all_taken() -> bool:
            for theirs, mine in list(left.items()):
                if parcels.take(self._store, start, mine, limit):
                    del left[theirs]
            return not left

        ended = following.to_the_end(heard, None if to_the_end else all_taken)
        home = job["metadata"]["labels"][START]
        if not all_taken():
            for theirs, mine in left.items():
                parcels.take_error(self._store, home, theirs, start.workdir / "items" / mine)
            parcels.take_error(self._store, home, "", start.workdir)
        if (start.workdir / "error.json").exists():
            ended = Exit(reason="finished", message=ended.message)
        return ended

    def _clear(self, api: Cluster, name: str, start: str) -> None:
        """Leave nothing of a start; where that fails, the Job ends by its ttl and scratch by the bucket's lifecycle."""
        try:
            api.delete("jobs", name)
            self._store.clear(scratch_of(start))
        except (ApiException, HTTPError, StoreError) as error:
            log.warning("of %s something is left: %s", name, type(error).__name__)


def _together(plays: Sequence[Callable[[], Exit]]) -> list[Exit]:
    """What all of them come to, each in a thread that does not outlive this process; raises what the first raises."""
    ends: list[Exit | BaseException] = [Exit(reason="finished")] * len(plays)

    def play(number: int) -> None:
        try:
            ends[number] = plays[number]()
        except Exception as error:  # noqa: BLE001 (raised below)
            ends[number] = error

    threads = [threading.Thread(target=play, args=(number,), daemon=True) for number in range(1, len(plays))]
    for thread in threads:
        thread.start()
    if plays:
        play(0)
    for thread in threads:
        thread.join()
    for each in ends:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ends if isinstance(each, Exit)]


def _one_at_a_time(heard: Callable[[str], None]) -> Callable[[str], None]:
    mutex = threading.Lock()

    def hear(line: str) -> None:
        with mutex:
            heard(line)

    return hear


def _renamed(heard: Callable[[str], None], names: Mapping[str, str]) -> Callable[[str], None]:
    """Progress of a Job that was found, under our names; of items that nobody asked for it is not heard."""

    def hear(line: str) -> None:
        said = progress_of(line)
        if said is None:
            heard(line)
        elif said[0] in names:
            heard(json.dumps({"item": names[said[0]], "done": said[1]}) + "\n")

    return hear


@atexit.register
def _leave() -> None:
    if _mine:
        with suppress(EngineError), cluster() as api:
            for name in tuple(_mine):
                api.delete("jobs", name)
