"""An engine far from the house: requests, files, state and results travel by links, the engine notices nothing.

    python -m containers.contract ENGINE WORKDIR --links FILE

This process brings and sends; the engine is its child, and works as everywhere. So an engine that dies takes
neither its finished items nor its checkpoints along. FILE is JSON, gzipped:

    {"start": GET, "opened": GET, "open": PUT, "error": PUT,
     "items": {ID: {"inputs": {"in/video": GET}, "state": GET or null,
                    "started": PUT, "keep": PUT, "out": PUT, "result": PUT, "failure": PUT}}}

`start` is a tar of options.json and items/ID/request.json. An item whose inputs
are on their way has a file `awaited`, and the engine waits until it is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .errors import EngineError
from .links import Links
from .parcel import pack, unpack
from .states import State

AHEAD = 1
"""Items whose inputs are brought before the engine asks for them."""
SENT = re.compile(r"options\.json|items/[^/]+/request\.json")
"""What the tar of a start holds."""
LIMIT = 1 << 40
"""Bytes of a tar from the house; its own tars are not what fills a disk."""
STATE_S = 60.0
"""How often state is sent at most; VOICECAST_STATE_S says otherwise."""
UNSENT = 75
"""Exit code when results could not be sent."""
REPLACED = 76
"""Exit code of a second process of one start."""


def run(engine: str, workdir: Path, links: Path) -> int:
    """Play a start whose links lie in a file; gives the exit code."""
    try:
        courier = _Courier(workdir, Links(links))
        return courier.accompany(engine)
    except Replaced as error:
        _say(str(error))
        return REPLACED
    except EngineError as error:
        _say(str(error))
        return UNSENT


class Replaced(EngineError):
    """Another process has begun this start."""


class _Courier:
    def __init__(self, workdir: Path, links: Links) -> None:
        self._workdir, self._links = workdir, links
        self._every_s = float(os.environ.get("VOICECAST_STATE_S", STATE_S))
        self._open()
        parcel = workdir / "start.tar"
        links.get(parcel, "start")
        with open(parcel, "rb") as stream:
            unpack(stream, workdir, lambda name: bool(SENT.fullmatch(name)), LIMIT)
        parcel.unlink()
        self._items = sorted(path.parent for path in workdir.glob("items/*/request.json"))
        for item in self._items:
            (item / "awaited").touch()
        self._states: dict[Path, State] = {}
        self._told: set[Path] = set()
        self._sent: set[Path] = set()
        self._failure: EngineError | None = None
        self._ending = threading.Event()

    def _open(self) -> None:
        """A cluster that takes a pod away may start another one: the first has the say, and the house begins anew."""
        mark = self._workdir / "opened"
        self._links.get(mark, "opened")
        first, me = mark.read_text("utf-8"), socket.gethostname()
        if first not in ("", me):
            raise Replaced(f"{first} has begun this start before; {me} leaves it alone")
        mark.write_text(me, "utf-8")
        self._links.put(mark, "open")

    def accompany(self, engine: str) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self._ending.set())
        child = subprocess.Popen(
            [sys.executable, "-m", "containers.contract", engine, str(self._workdir), "--tied"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        outputs = ((child.stdout, 1), (child.stderr, 2))
        relays = [threading.Thread(target=_relay, args=output, daemon=True) for output in outputs]
        for relay in relays:
            relay.start()
        for work in (self._bring_all, self._send_states):
            threading.Thread(target=self._guarded, args=(work,), daemon=True).start()
        try:
            while child.poll() is None and not self._ending.wait(0.05):
                self._deal()
            code = 128 + signal.SIGTERM if child.poll() is None else child.returncode
        finally:
            _end(child)
            for relay in relays:
                relay.join(5)
        if self._failure:
            raise self._failure
        self._settle()
        return code if code >= 0 else 128 - code

    def _deal(self) -> None:
        """Tell which items have begun, and send the answers of those that have ended."""
        for item in self._items:
            if item not in self._told and (item / "started").exists():
                self._links.put(item / "started", "items", item.name, "started")
                self._told.add(item)
            if item not in self._sent and _answered(item):
                self._send(item)
                self._sent.add(item)

    def _settle(self) -> None:
        """After the engine: what it has answered, why it could not be set up, how far it came."""
        self._deal()
        if (self._workdir / "error.json").exists():
            self._links.put(self._workdir / "error.json", "error")
        for item in self._items:
            if item in self._states and item not in self._sent:
                self._states[item].send()

    def _send(self, item: Path) -> None:
        """An answer goes last, so that what is there is whole."""
        if (item / "result.json").exists():
            parcel = item / "out.tar"
            result = json.loads((item / "result.json").read_text("utf-8"))
            members = [(name, item / name) for name in sorted(dict(_files(result)))]
            if (item / "run.json").exists():
                members.append(("run.json", item / "run.json"))
            pack(parcel, members)
            self._links.put(parcel, "items", item.name, "out")
            parcel.unlink()
            self._links.put(item / "result.json", "items", item.name, "result")
        else:
            self._links.put(item / "error.json", "items", item.name, "failure")
        for name in ("in", "out", "state"):
            shutil.rmtree(item / name, ignore_errors=True)

    def _bring_all(self) -> None:
        waiting = list(self._items)
        while waiting and not self._ending.is_set():
            asked = [item for item in waiting if (item / "started").exists()]
            brought = [item for item in self._items if item not in waiting and not _answered(item)]
            if asked or len(brought) <= AHEAD:
                item = (asked or waiting)[0]
                self._bring(item)
                waiting.remove(item)
            else:
                time.sleep(0.05)

    def _bring(self, item: Path) -> None:
        """An input that does not come is missed by the engine, which says so of this item alone."""
        request = json.loads((item / "request.json").read_text("utf-8"))
        hashes = dict(_files(request))
        for name in self._links.look("items", item.name, "inputs"):
            try:
                self._links.get(item / name, "items", item.name, "inputs", name, sha256=hashes.get(name))
            except EngineError as error:
                _say(str(error))
        work = self._workdir / "states" / item.name
        work.mkdir(parents=True, exist_ok=True)
        state = State(item, self._links, work)
        try:
            state.fetch(LIMIT)
        except EngineError as error:
            _say(f"{item.name} begins anew: {error}")
        self._states[item] = state
        (item / "awaited").unlink()

    def _send_states(self) -> None:
        while not self._ending.wait(min(1.0, self._every_s)):
            for item, state in list(self._states.items()):
                if item in self._told and not _answered(item):
                    state.send(self._every_s)

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            self._failure = error if isinstance(error, EngineError) else EngineError(f"{type(error).__name__}: {error}")
            self._ending.set()


def _answered(item: Path) -> bool:
    return (item / "result.json").exists() or (item / "error.json").exists()


def _files(value: Any) -> list[tuple[str, str]]:
    """(path, SHA-256) of every file that a request or a result names."""
    if isinstance(value, dict):
        if set(value) == {"path", "sha256"}:
            return [(str(value["path"]), str(value["sha256"]))]
        return [file for each in value.values() for file in _files(each)]
    if isinstance(value, list):
        return [file for each in value for file in _files(each)]
    return []


def _relay(stream: Any, target: int) -> None:
    """Pass on whole lines, so that those of two outputs do not mix; a bar that returns to its line's start is lines."""
    rest = b""
    while data := os.read(stream.fileno(), 1 << 16):
        *whole, rest = re.split(rb"\r\n|\r|\n", rest + data)
        if len(rest) > 1 << 16:
            whole, rest = [*whole, rest], b""
        for line in whole:
            os.write(target, line + b"\n")
    if rest:
        os.write(target, rest + b"\n")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the engine and the programs that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _say(words: str) -> None:
    os.write(2, f"{words}\n".encode())
