"""An engine far from the house: what travels by links, and what happens when a link, a file or the engine fails."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from containers.contract.bring_weights import bring
from containers.contract.errors import EngineError
from containers.contract.links import Links
from containers.contract.parcel import pack
from containers.contract.stages import CONTRACT


class Depot:
    """A server that takes and gives files by path, and refuses those under /old/, as links that have run out are."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, bytes] = {}
        self.refused: list[str] = []
        self.busy = 0
        self.folder = folder
        depot = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(depot.files.get(self.path))

            def do_PUT(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self._answer(b""):
                    depot.files[self.path] = data

            def _answer(self, data: bytes | None) -> bool:
                depot.busy -= 1
                code = (
                    503 if depot.busy >= 0 else 403 if self.path.startswith("/old/") else 404 if data is None else 200
                )
                if code != 200:
                    depot.refused.append(self.path)
                self.send_response(code)
                self.send_header("Content-Length", str(len(data or b"") if code == 200 else 0))
                self.end_headers()
                if code == 200:
                    self.wfile.write(data or b"")
                return code == 200

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def link(self, name: str, base: str = "") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{base}/{name}"

    def lay(self, base: str = "", **scripts: dict[str, Any]) -> Path:
        """A start over scripted videos: the file of its links."""
        items, members = {}, []
        for name, script in scripts.items():
            video = json.dumps({"stub": {"title": name, "duration": 5, **script}}).encode()
            self.files[f"/{name}/video"] = video
            about = {"path": "in/video", "sha256": hashlib.sha256(video).hexdigest()}
            envelope = {"contract": CONTRACT, "stage": "extract", "request": {"video": about}}
            request = self.folder / f"{name}.json"
            request.write_text(json.dumps(envelope))
            members.append((f"items/{name}/request.json", request))
            items[name] = {
                "inputs": {"in/video": self.link(f"{name}/video", base)},
                "state": self.link(f"{name}/keep") if f"/{name}/keep" in self.files else None,
                **{kind: self.link(f"{name}/{kind}") for kind in ("started", "keep", "out", "result", "failure")},
            }
        pack(self.folder / "start.tar", members)
        self.files["/start.tar"] = (self.folder / "start.tar").read_bytes()
        self.files["/opened"] = b""
        whole = {"start": "start.tar", "opened": "opened", "open": "opened", "error": "error"}
        links = {**{key: self.link(name) for key, name in whole.items()}, "items": items}
        return self.write(links)

    def write(self, links: dict[str, Any]) -> Path:
        path = self.folder / "links.json.gz"
        path.with_suffix(".new").write_bytes(gzip.compress(json.dumps(links).encode()))
        return path.with_suffix(".new").replace(path)

    def json(self, name: str) -> Any:
        return json.loads(self.files[name])


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    depot = Depot(tmp_path)
    yield depot
    depot.close()


def start(code: Path, links: Path, workdir: Path, engine: str = "stub", **environment: str) -> subprocess.Popen[str]:
    workdir.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "containers.contract", engine, str(workdir), "--links", str(links)],
        cwd=code,
        env={"PATH": os.environ["PATH"], "VOICECAST_STATE_S": "0.1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_answers_come_back_whole_and_neighbours_of_a_bad_item_are_played(
    code: Path, depot: Depot, tmp_path: Path
) -> None:
    links = depot.lay(a={}, b={"fail": "recording"}, c={}, d={})
    depot.files["/c/video"] = b"another file"
    del depot.files["/d/video"]
    process = start(code, links, tmp_path / "work")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    result = depot.json("/a/result")
    with tarfile.open(fileobj=io.BytesIO(depot.files["/a/out"])) as tar:
        there = {each.name: hashlib.sha256(tar.extractfile(each).read()).hexdigest() for each in tar}
    assert there.pop("run.json")
    assert there == {result["result"]["recording"]["path"]: result["result"]["recording"]["sha256"]}
    assert depot.json("/b/failure")["kind"] == "recording"
    assert "did not arrive" in depot.json("/c/failure")["message"]
    assert "did not arrive" in depot.json("/d/failure")["message"]
    assert all(f"/{name}/started" in depot.files for name in "abcd")
    assert "http" not in said, "links are credentials"
    assert list((tmp_path / "work" / "items").glob("*/in")) == [], "the disk is free again"


def test_a_link_that_has_run_out_is_replaced_when_it_is_renewed(code: Path, depot: Depot, tmp_path: Path) -> None:
    links = depot.lay("/old", a={})
    process = start(code, links, tmp_path / "work")
    until = time.monotonic() + 30
    while "/old/a/video" not in depot.refused:
        assert time.monotonic() < until, "it is not asked for"
        time.sleep(0.05)
    depot.lay(a={})
    said, _ = process.communicate(timeout=60)
    assert "/a/result" in depot.files, said


def test_a_server_that_is_busy_is_asked_again(code: Path, depot: Depot, tmp_path: Path) -> None:
    links = depot.lay(a={})
    depot.busy = 4
    start(code, links, tmp_path / "work").communicate(timeout=60)
    assert "/a/result" in depot.files


def test_a_store_that_takes_nothing_is_told_without_its_address(code: Path, depot: Depot, tmp_path: Path) -> None:
    links = depot.lay(a={})
    said = json.loads(gzip.decompress(links.read_bytes()))
    said["items"]["a"]["out"] = depot.link("a/out", "/old")
    depot.write(said)
    process = start(code, links, tmp_path / "work", VOICECAST_LINK_PATIENCE_S="1")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "items/a/out: the store answers 403" in said
    assert "http" not in said


def test_an_engine_that_dies_leaves_its_neighbours_answers_and_its_own_state(
    code: Path, depot: Depot, tmp_path: Path
) -> None:
    links = depot.lay(a={}, b={"die": "extract", "times": 1})
    process = start(code, links, tmp_path / "first")
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert "/a/result" in depot.files
    assert {"/b/started", "/b/keep"} <= set(depot.files)
    again = start(code, depot.lay(b={"die": "extract", "times": 1}), tmp_path / "second")
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert "/b/result" in depot.files, "stub counts its attempts in its state"


def test_a_second_process_of_a_start_leaves_it_alone(code: Path, depot: Depot, tmp_path: Path) -> None:
    """As a Job's controller starts when a pod was taken away: it would put older state over newer."""
    links = depot.lay(a={})
    depot.files["/opened"] = b"another-pod"
    process = start(code, links, tmp_path / "work")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 76
    assert "another-pod has begun this start" in said
    assert "/a/started" not in depot.files


def test_a_pod_that_is_to_go_sends_the_state_of_what_is_under_way(code: Path, depot: Depot, tmp_path: Path) -> None:
    links = depot.lay(a={"sleep_s": 60})
    process = start(code, links, tmp_path / "work", VOICECAST_STATE_S="3600")
    assert process.stdout
    assert '"item"' in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    with tarfile.open(fileobj=io.BytesIO(depot.files["/a/keep"])) as tar:
        assert tar.extractfile("attempts").read() == b"1"


def test_an_engine_that_cannot_be_set_up_says_why(code: Path, depot: Depot, tmp_path: Path) -> None:
    process = start(code, depot.lay(a={}), tmp_path / "work", engine="nowhere")
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert "nowhere cannot start" in depot.json("/error")["message"]


def test_a_state_that_is_damaged_is_begun_anew(code: Path, depot: Depot, tmp_path: Path) -> None:
    depot.files["/a/keep"] = b"\x1f\x8b" + bytes(2000)
    process = start(code, depot.lay(a={}), tmp_path / "work")
    said, _ = process.communicate(timeout=60)
    assert "begins anew" in said
    assert "/a/result" in depot.files


def test_weights_come_by_links_and_are_what_was_pinned(depot: Depot, tmp_path: Path) -> None:
    depot.files["/w"] = b"weights"
    pinned = {"model/a.safetensors": hashlib.sha256(b"weights").hexdigest()}
    links = {"weights": {"model/a.safetensors": depot.link("w")}, "weights_sha256": pinned}
    bring(tmp_path / "here", Links(depot.write(links)))
    assert (tmp_path / "here" / "model" / "a.safetensors").read_bytes() == b"weights"
    links["weights_sha256"] = {"model/a.safetensors": "0" * 64}
    with pytest.raises(EngineError, match="not the file that was meant"):
        bring(tmp_path / "there", Links(depot.write(links)))
    assert not list((tmp_path / "there").rglob("*.safetensors"))
