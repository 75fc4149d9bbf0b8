"""`voicecast up`: server, worker and label sheet under one supervisor, behind a password; ended, saved, put back."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from infra.up_folder import UpFolder
from tests.flow.conftest import Scripted

HERE = Path(__file__).parents[2]

pytestmark = [pytest.mark.prefect, pytest.mark.proof, pytest.mark.timeout(1200)]


class Up:
    """`voicecast up` in a terminal of its own."""

    def __init__(self, series: Scripted, folder: Path, *words: str) -> None:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            two.bind(("127.0.0.1", 0))
            port, review = one.getsockname()[1], two.getsockname()[1]
        self.api, self.folder = f"http://127.0.0.1:{port}/api", UpFolder(folder)
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "flows.cli.main", "up", "--config", str(series.config), "--folder", str(folder),
                "--port", str(port), "--review-port", str(review), *words,
            ],
            env={**os.environ, "PYTHONPATH": str(HERE)}, cwd=HERE, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    def told(self) -> str:
        """What it says once all runs."""
        assert self.process.stdout
        said = ""
        for line in self.process.stdout:
            said += line
            if "Commands of another terminal" in line:
                return said
        assert self.process.stderr
        raise AssertionError(said + self.process.stderr.read())

    def asks(self, path: str, auth: str | None = None, said: Any = None) -> Any:
        header = {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}
        sent = urllib.request.Request(
            f"{self.api}{path}", json.dumps(said or {}).encode(), {"Content-Type": "application/json", **header}
        )
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return json.load(answer)

    def deployments(self) -> set[str]:
        return {each["name"] for each in self.asks("/deployments/filter", self.folder.secrets().auth)}


def command(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *words], env={**os.environ, "PYTHONPATH": str(HERE)}, cwd=HERE,
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def running(words: str) -> list[int]:
    """Processes whose command line holds these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words in path.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_all_of_it_starts_behind_a_password_comes_back_and_ends_and_a_copy_is_put_back(tmp_path: Path) -> None:
    series = Scripted(tmp_path / "toy")
    series.episode(1)
    folder = tmp_path / "up"
    began = time.monotonic()
    up = Up(series, folder)
    try:
        said = up.told()
        print(f"voicecast up to all running: {time.monotonic() - began:.0f} s")
        secrets = up.folder.secrets()
        assert secrets.password not in said
        assert secrets.token not in said
        with pytest.raises(urllib.error.HTTPError, match="401"):
            up.asks("/deployments/filter")
        names = {
            "season",
            "prepare",
            "train",
            "speak",
            "speak-script",
            "dub",
            "ingest",
            "nightly",
            "maintenance",
            "revive",
        }
        assert up.deployments() == names
        (worker,) = running(f"{sys.executable} -m prefect worker start --pool process --type process --name here")
        os.kill(worker, signal.SIGKILL)
        up.asks("/variables/", secrets.auth, {"name": "kept", "value": "yes"})
        saved = command("back-up", str(tmp_path / "copies"), "--folder", str(folder))
        end = time.monotonic() + 60
        while not (again := running("worker start --pool process --type process --name here")) or again == [worker]:
            assert time.monotonic() < end
            time.sleep(0.5)
        command("down", "--folder", str(folder))
        assert up.process.wait(60) == 0
        assert running(str(up.api.rsplit(":", 1)[-1].removesuffix("/api")) + " ") == []
        assert running("--name here") == []
    finally:
        up.process.kill()
    copy = next((tmp_path / "copies").iterdir())
    assert str(copy) in saved
    up.folder.database.unlink()
    up = Up(series, folder, "--restore", str(copy))
    try:
        up.told()
        assert [each["name"] for each in up.asks("/variables/filter", secrets.auth)] == ["kept"]
    finally:
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(150) == 0
