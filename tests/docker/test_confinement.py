"""What an engine in a container is, sees and may do: from inside, and as Docker tells it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers.contract.errors import EngineError
from infra.image_names import image_of
from infra.items import Alive
from infra.runners.docker import DockerRunner, container_of, daemon
from infra.runners.hardening import STRANGER, User, user_for
from infra.stage import Outcome, Start
from tests.docker.conftest import UNRULY, Dock, containers, facts
from tests.unit.test_dispatch import HERE, STUB


@pytest.fixture
def seen(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the unruly engine finds out, with a neighbour's file beside its own and weights on the disk."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    weights = dock.folder / "weights" / "model"
    weights.mkdir(parents=True)
    (weights / "model.safetensors").touch()
    monkeypatch.setattr("infra.stage.settings", lambda: _Settings(dock.folder / "weights"))
    (dock.folder / "secret.txt").touch()
    own = str(dock.folder / "e1.mkv")
    script = {
        "write": ["/", "/app", "/etc", "/usr/lib", "/weights", str(dock.folder), "/tmp", "/cache"],
        "overwrite": [own, "/weights/model/model.safetensors", "/app/containers/unruly/backend.py"],
        "see": [own, str(dock.folder / "secret.txt"), "/weights/model/model.safetensors", "/var/run/docker.sock"],
    }
    return facts(dock.one(dock.job("e1", do="look", **script)))


class _Settings:
    def __init__(self, weights_dir: Path) -> None:
        self.weights_dir = weights_dir


def test_an_engine_is_nobody_and_has_no_powers(seen: dict[str, Any]) -> None:
    assert seen["uid"] == (os.getuid() or STRANGER) != 0
    assert seen["gid"] == (os.getgid() or STRANGER) != 0
    assert seen["capabilities"] == [0] * 5
    assert seen["no_new_privileges"] == "1"
    assert seen["seccomp"] == "2"


def test_an_engine_has_no_network(seen: dict[str, Any]) -> None:
    assert seen["networks"] == ["lo"]


def test_an_engine_writes_to_its_cache_and_to_what_is_temporary_alone(seen: dict[str, Any]) -> None:
    assert seen["written"] == ["/tmp", "/cache"]
    options = seen["temporary"].split()[3].split(",")
    assert {"nosuid", "nodev", "noexec"} <= set(options)
    (kib,) = (int(each.removeprefix("size=").removesuffix("k")) for each in options if each.startswith("size="))
    assert kib == pytest.approx(UNRULY.memory_gb * 2**20 / 2, abs=4)  # whole pages


def test_an_engine_reads_its_inputs_and_the_weights_and_changes_neither(seen: dict[str, Any], dock: Dock) -> None:
    assert seen["seen"] == [str(dock.folder / "e1.mkv"), "/weights/model/model.safetensors"]
    assert seen["overwritten"] == []


def test_an_engine_is_told_what_it_needs_and_no_secrets(seen: dict[str, Any]) -> None:
    told = seen["environment"]
    assert told.items() >= {"VOICECAST_CACHE": "/cache", "HOME": "/cache", "VOICECAST_WEIGHTS": "/weights"}.items()
    assert told["HF_HUB_OFFLINE"] == "1"
    assert int(told["OMP_NUM_THREADS"]) >= 1
    assert "hush" not in told.values()


def test_children_that_an_engine_forgets_are_reaped(seen: dict[str, Any]) -> None:
    assert seen["first_process"] in ("docker-init", "tini")


def test_docker_confirms_what_confines_an_engine(tmp_path: Path) -> None:
    about = _created(tmp_path, UNRULY)
    host, config = about["HostConfig"], about["Config"]
    assert host["ReadonlyRootfs"] is True
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == host["MemorySwap"] == int(0.1 * 2**30)
    assert host["PidsLimit"] == 1024
    assert host["ShmSize"] == host["Memory"] // 2
    assert config["User"] not in ("", "0", "root", "0:0")
    assert not host["DeviceRequests"]
    writable = {mount["Destination"] for mount in about["Mounts"] if mount["RW"]}
    assert writable == {str(tmp_path / "start"), "/cache"}


def test_a_start_with_gpus_asks_for_these_and_no_others(tmp_path: Path) -> None:
    with _as_cuda():
        host = _created(tmp_path, replace(STUB, gpu=2), gpus=("1", "3"))["HostConfig"]
    (request,) = host["DeviceRequests"]
    assert request["DeviceIDs"] == ["1", "3"]
    assert "gpu" in request["Capabilities"][0]


def test_gpus_that_docker_cannot_give_are_told_and_leave_no_container(tmp_path: Path) -> None:
    """Of a machine without NVIDIA's runtime, as test machines are."""
    with daemon() as client:
        if "nvidia" in client.info()["Runtimes"]:
            pytest.skip("this Docker has NVIDIA's runtime")
    start = _start(tmp_path, replace(STUB, gpu=1), gpus=("0",))
    with _as_cuda(), pytest.raises(EngineError, match=r"nvidia-container-toolkit.*VOICECAST_GPUS=0"):
        DockerRunner(tmp_path / "work").run(start, lambda _: None)
    assert containers(tmp_path) == []


def test_an_input_that_a_container_may_not_read_fails_alone_and_names_the_command(dock: Dock) -> None:
    if os.getuid():
        pytest.skip("only containers that root starts are somebody else's")
    closed = dock.job("e1", STUB)
    closed.inputs["in/video"].chmod(0o600)
    failure, good = dock.run(closed, dock.job("e2", STUB))
    assert f"chmod o+r '{closed.inputs['in/video']}'" in str(failure)
    assert isinstance(good, Outcome)


def test_an_input_that_is_gone_fails_alone(dock: Dock) -> None:
    lost = dock.job("e1", STUB)
    lost.inputs["in/video"].unlink()
    failure, good = dock.run(lost, dock.job("e2", STUB))
    assert "did not arrive" in str(failure)
    assert isinstance(good, Outcome)


@pytest.mark.parametrize("name", ["必殺技 第1話, (1080p).mkv", "a:b,c=d.mkv", 'quote\'s "here"\n.mkv'])
def test_no_name_of_an_input_is_too_odd(dock: Dock, name: str) -> None:
    job = dock.job("e1", STUB)
    odd = job.inputs["in/video"].rename(dock.folder / name)
    assert isinstance(dock.one(replace(job, inputs={"in/video": odd})), Outcome)


def test_a_name_that_docker_cannot_be_told_fails_alone(dock: Dock) -> None:
    job = dock.job("e1", STUB)
    odd = job.inputs["in/video"].rename(Path(os.fsdecode(os.fsencode(dock.folder) + b"/\xff.mkv")))
    failure, good = dock.run(replace(job, inputs={"in/video": odd}), dock.job("e2", STUB))
    assert "not UTF-8" in str(failure)
    assert isinstance(good, Outcome)


def test_a_folder_reached_by_a_link_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    dock = Dock(tmp_path / "link")
    assert isinstance(dock.one(dock.job("e1", STUB, die="probe", times=1)), Outcome)


def test_what_an_engine_leaves_belongs_to_the_caller(dock: Dock) -> None:
    outcome = dock.one(dock.job("e1", do="look", write=[], overwrite=[], see=[]))
    assert isinstance(outcome, Outcome)
    left = [outcome.folder, *outcome.folder.rglob("*")]
    assert {path.lstat().st_uid for path in left} == {os.getuid()}


AS_SOMEBODY = """
import os, sys
from pathlib import Path
import tests.docker.conftest as here

def look(name):
    dock = here.Dock(Path(sys.argv[1]) / name)
    return dock.one(dock.job("e1", do="look", write=["/cache"], overwrite=[], see=[]))

look("as root")  # while all of Python can be read
os.setgroups([int(sys.argv[2])])
os.setgid(4321)
os.setuid(4321)
outcome = look("as somebody")
facts = here.facts(outcome)
assert facts["uid"] == facts["gid"] == 4321, facts
assert facts["written"] == ["/cache"], facts
outcome.discard()
assert not outcome.folder.exists()
"""


def test_a_user_of_docker_who_is_not_root_is_the_same_user_inside() -> None:
    if os.getuid():
        pytest.skip("only root can become somebody else")
    group = Path("/var/run/docker.sock").stat().st_gid
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        (Path(folder) / "as somebody").mkdir()
        os.chown(Path(folder) / "as somebody", 4321, 4321)
        subprocess.run([sys.executable, "-c", AS_SOMEBODY, folder, str(group)], cwd=HERE, check=True)


def test_under_a_rootless_daemon_the_caller_is_user_0_of_the_container() -> None:
    assert user_for({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}) == User(uid=0, gid=0)


def _start(folder: Path, engine: Any, gpus: tuple[str, ...] = ()) -> Start:
    for name in ("start", "cache"):
        (folder / name).mkdir(exist_ok=True)
    return Start(id="1", engine=engine, workdir=folder / "start", cache=folder / "cache", items=0, gpus=gpus)


def _created(folder: Path, engine: Any, gpus: tuple[str, ...] = ()) -> dict[str, Any]:
    """What Docker says of a container that is made and never started."""
    start, owner = _start(folder, engine, gpus), folder / "owner"
    with Alive(owner), daemon() as client, container_of(client, start, owner) as container:
        container.reload()
        return dict(container.attrs)


@contextmanager
def _as_cuda() -> Iterator[None]:
    """The stub's image is also called its CUDA variant, for a while."""
    with daemon() as client:
        client.images.get(image_of(STUB, "cpu")).tag(image_of(STUB, "cuda"))
        try:
            yield
        finally:
            client.images.remove(image_of(STUB, "cuda"), noprune=True)
