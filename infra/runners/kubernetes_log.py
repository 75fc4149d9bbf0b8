"""The log of an engine's container as it is written: streamed, and taken up again where the connection broke."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import urllib3
from kubernetes.client.exceptions import ApiException

from infra.runners.kubernetes_api import Cluster
from infra.runners.kubernetes_job import CONTAINER

WORDS = 20
"""Lines of a log that tell how it ended."""
LONGEST = 1 << 16
"""Bytes of a line; what is longer comes in pieces."""


class Log:
    """Hands each line of a pod's log to a listener, from a thread of its own, until `end`.

    A listener that fails ends the reading; `failure` holds what it raised.
    """

    def __init__(self, cluster: Cluster, pod: str, heard: Callable[[str], None], alive: Callable[[], None]) -> None:
        self._cluster, self._pod, self._heard, self._alive = cluster, pod, heard, alive
        self._last: deque[str] = deque(maxlen=WORDS)
        self._over = threading.Event()
        self._newest, self._at = "", time.monotonic()
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def last(self) -> str:
        """The last words that are no progress."""
        return "".join(self._last)

    def end(self, patience_s: float) -> None:
        """Hear the rest of a container that has ended, if it comes in time."""
        self._over.set()
        self._thread.join(patience_s)

    def _read(self) -> None:
        wait_s = 0.2
        while True:
            over = self._over.is_set()
            try:
                for time_, line in self._lines():
                    self._newest = max(self._newest, time_, key=_moment)  # two outputs may overtake each other
                    self._at, wait_s = time.monotonic(), 0.2
                    self._alive()
                    self._hand_on(line)
                    if not line.startswith('{"item"'):
                        self._last.append(line)
            except (ApiException, urllib3.exceptions.HTTPError, OSError):
                self._alive()  # nobody knows whether the engine is silent
            if self.failure:
                return
            if over:
                return
            self._over.wait(wait_s)
            wait_s = min(wait_s * 2, 5.0)

    def _hand_on(self, line: str) -> None:
        if self.failure is None:
            try:
                self._heard(line)
            except Exception as error:  # noqa: BLE001 (whoever follows raises it)
                self.failure = error

    def _lines(self) -> Iterator[tuple[str, str]]:
        """(time, line) of all that is newer than what was heard; seconds are counted here, so no clock must agree."""
        known = self._newest
        since = None if not known else int(time.monotonic() - self._at) + 3
        stream = self._cluster.log(self._pod, CONTAINER, since)
        try:
            rest = b""
            for data in stream.stream(1 << 16, decode_content=True):
                *whole, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST:
                    whole, rest = [*whole, rest], b""
                for line in whole:
                    time_, _, text = line.decode(errors="replace").partition(" ")
                    if _moment(time_) > _moment(known):
                        yield time_, text + "\n"
            if rest:  # the container has ended within a line
                yield self._newest, rest.decode(errors="replace").partition(" ")[2] + "\n"
        finally:
            stream.close()
            stream.release_conn()


def _moment(time_: str) -> tuple[str, str]:
    """RFC 3339 in order: some runtimes leave zeros at the end of a fraction out."""
    whole, _, fraction = time_.rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")
