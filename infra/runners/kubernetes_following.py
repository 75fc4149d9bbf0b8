"""Following a Job from its making to its end: why it waits, what it says, its links renewed in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from containers.contract.errors import EngineError
from infra.engines import Engine
from infra.runners import kubernetes_ends as ends
from infra.runners import kubernetes_parcels as parcels
from infra.runners.kubernetes_api import Cluster
from infra.runners.kubernetes_job import START, UNTIL
from infra.runners.kubernetes_launch import renew
from infra.runners.kubernetes_log import Log
from infra.runners.silence import Silence
from infra.settings import kubernetes_settings
from infra.stage import Exit
from infra.store import Store, StoreError

log = logging.getLogger("voicecast.stage")

Found = dict[str, Any]

POLL_S = 1.0
REST_S = 10.0
"""How long the rest of a log may take once its container has ended."""
SETTLING_S = 2.0
"""How long the cluster may take to write down why it took a pod away."""


class Following:
    """One Job, watched; `is_over`: whether it had ended when it was looked at last."""

    def __init__(self, api: Cluster, store: Store, job: Found, engine: Engine) -> None:
        self._api, self._store, self._engine = api, store, engine
        self._job: Found = job
        self._name = str(job["metadata"]["name"])
        self._pod: Found | None = None
        self._seen: Found | None = None
        self._hindered: tuple[str, float] | None = None
        self._log: Log | None = None
        self._until = int(job["metadata"]["annotations"][UNTIL])
        self._is_there = True
        self.is_over = False

    def to_the_end(self, heard: Callable[[str], None], enough: Callable[[], bool] | None) -> Exit:
        """How it ended; `enough` ends the following earlier. EngineError if it cannot begin."""
        with Silence(self._engine.timeout_s, lambda: None) as silence:
            while True:
                ended = self._look(heard, silence.heard)
                if ended:
                    self.is_over = True
                    return ended
                if enough and enough():
                    return Exit(reason="finished")
                if not ends.began(self._pod):
                    silence.heard()
                    self._wait_no_longer_than_makes_sense()
                if self._log and self._log.failure:
                    raise self._log.failure
                if silence.expired:
                    self._api.delete("jobs", self._name)
                    return Exit(reason="stuck", message=self._log.last if self._log else "")
                self._renew_in_time()
                time.sleep(POLL_S)

    def _look(self, heard: Callable[[str], None], alive: Callable[[], None]) -> Exit | None:
        self._ask()
        if self._log is None and self._pod and ends.began(self._pod):
            self._log = Log(self._api, str(self._pod["metadata"]["name"]), heard, alive)
        ended = self._ended()
        if ended and ended.reason in ("lost", "killed"):
            time.sleep(SETTLING_S)
            self._ask()
        if ended and self._log:
            self._log.end(REST_S)
            if self._log.failure:
                raise self._log.failure
        return ended and (self._ended() or ended)

    def _ask(self) -> None:
        """What the cluster says now."""
        job = self._api.steady(lambda: self._api.find("jobs", self._name))
        pods = self._api.steady(lambda: self._api.list("pods", labels=f"job-name={self._name}"))
        pods.sort(key=lambda each: str(each["metadata"]["creationTimestamp"]))
        ours = self._seen["metadata"]["uid"] if self._seen else pods[0]["metadata"]["uid"] if pods else None
        self._pod = next((each for each in pods if each["metadata"]["uid"] == ours), None)
        self._seen, self._job, self._is_there = self._pod or self._seen, job or self._job, job is not None

    def _ended(self) -> Exit | None:
        last = self._log.last if self._log else ""
        return ends.ended(self._job if self._is_there else None, self._pod, self._seen, last)

    def _wait_no_longer_than_makes_sense(self) -> None:
        events = self._events()
        found = ends.hindrance(self._job, self._pod, events, kubernetes_settings().patience_s)
        if found is None:
            self._hindered = None
            return
        if self._hindered is None or self._hindered[0] != found.cause:
            log.info("%s waits: %s", self._name, found.message)
            self._hindered = (found.cause, time.monotonic())
        if time.monotonic() - self._hindered[1] >= found.patience_s:
            raise EngineError(f"{self._engine.name} cannot start in the cluster: {found.message}")

    def _events(self) -> list[Found]:
        """Of the Job and of its pod."""
        names = [self._name, *([self._pod["metadata"]["name"]] if self._pod else [])]
        found: list[Found] = []
        for name in names:
            found += self._api.steady(partial(self._api.list, "events", fields=f"involvedObject.name={name}"))
        return found

    def _renew_in_time(self) -> None:
        """New links when half of the time of the old ones has passed; what fails is tried again at the next look."""
        if self._until - time.time() > kubernetes_settings().link_minutes * 60 / 2:
            return
        try:
            plan = parcels.read_plan(self._store, self._job["metadata"]["labels"][START])
            self._until = renew(self._api, self._job, self._store, plan)
        except (StoreError, ApiException, HTTPError) as error:
            log.warning("the links of %s are not renewed yet: %s", self._name, type(error).__name__)
