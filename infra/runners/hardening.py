"""What a container of an engine may do and see: its items, its cache, the weights, and nothing else.

Inputs are mounted file by file, read-only, at the paths their links name. So nothing is copied, an engine sees no file
that is not its own, and the store cannot be written; 2,000 of them cost a start one second (docs/engines.md).
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.types import DeviceRequest, LogConfig, Mount

from containers.contract.codec import canonical, write_atomically
from containers.contract.errors import EngineError
from containers.contract.stages import CONTRACT
from infra.stage import Start

STRANGER = 10001
"""Who engines are in containers that root starts: a user that no machine has."""
PROCESSES = 1024


@dataclass(frozen=True, kw_only=True)
class User:
    """Who an engine is inside its container, and whether files must be given to it to be written."""

    uid: int
    gid: int
    is_stranger: bool = False

    def may_read(self, path: Path) -> bool:
        found = path.stat()
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return bool(found.st_mode >> shift & 0o4)

    def give(self, *folders: Path) -> None:
        """Make folders and all in them the user's own, where they are not: only root has to, and can."""
        if self.is_stranger:
            _own(self.uid, self.gid, folders)

    def take_back(self, folder: Path) -> None:
        """Make a folder the caller's own again."""
        if self.is_stranger:
            _own(os.getuid(), os.getgid(), (folder,))


def user_for(daemon: dict[str, Any]) -> User:
    """The caller, so that what an engine leaves is the caller's to move and remove; for root, a stranger.

    Under a rootless daemon user 0 of a container is the caller outside, and every other one is nobody's.
    `daemon`: what `docker info` says.
    """
    if any("rootless" in option for option in daemon.get("SecurityOptions") or ()):
        return User(uid=0, gid=0)
    if os.getuid() == 0:
        return User(uid=STRANGER, gid=STRANGER, is_stranger=True)
    return User(uid=os.getuid(), gid=os.getgid())


def hardened(start: Start, user: User, daemon: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the SDK's `containers.create` that confine a start."""
    memory = int(start.engine.memory_gb * 2**30)
    return {
        "user": f"{user.uid}:{user.gid}",
        "environment": _environment(start),
        "mounts": mounts(start, user),
        "device_requests": _devices(start),
        "read_only": True,
        "tmpfs": {"/tmp": f"mode=1777,size={memory // 2}"},
        "shm_size": memory // 2,
        "network_mode": "none",
        "userns_mode": "host" if any("userns" in each for each in daemon.get("SecurityOptions") or ()) else None,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": PROCESSES,
        "init": daemon.get("InitCommit", {}).get("ID") != "N/A",  # how a daemon says that its docker-init is missing
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "1"}),
    }


def mounts(start: Start, user: User) -> list[Mount]:
    """What a container sees of this machine: the start's folder, inputs, folders of state, cache and weights."""
    found = [_mount(start.workdir)]
    folders = [start.workdir, start.cache]
    for link in sorted(path for path in start.workdir.glob("items/**/*") if path.is_symlink() and path.exists()):
        target = Path(os.path.abspath(link.parent / os.readlink(link)))
        if link.name == "state":
            found.append(_mount(target))
            folders.append(target)
        elif problem := _problem(target, user):
            _refuse(start.workdir / "items" / link.relative_to(start.workdir / "items").parts[0], problem)
        else:
            found.append(_mount(target, read_only=True))
    user.give(*folders)
    found.append(_mount(start.cache, Path("/cache")))
    if start.weights.is_dir():
        found.append(_mount(start.weights, Path("/weights"), read_only=True))
    return list({mount["Target"]: mount for mount in found}.values())  # items may share an input


def _mount(source: Path, target: Path | None = None, *, read_only: bool = False) -> Mount:
    return Mount(str(target or source), str(source.resolve()), type="bind", read_only=read_only)


def _problem(path: Path, user: User) -> str:
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return f"Docker takes no file whose name is not UTF-8; rename {os.fspath(path)!a}"
    if not user.may_read(path):
        return f"{path} is closed to user {user.uid}, who the engine is in its container; run: chmod o+r '{path}'"
    return ""


def _refuse(item: Path, message: str) -> None:
    """Answer an item in the engine's place, so that its neighbours are run."""
    error = {"contract": CONTRACT, "kind": EngineError.kind, "message": message}
    write_atomically(item / "error.json", canonical(error))


def _devices(start: Start) -> list[DeviceRequest]:
    if not start.gpus:
        return []
    return [DeviceRequest(device_ids=list(start.gpus), capabilities=[["gpu", "compute", "utility"]])]


def _environment(start: Start) -> dict[str, str]:
    threads = str(max(1, (os.cpu_count() or 1) // start.engine.at_most))
    return {
        "HOME": "/cache",
        "VOICECAST_CACHE": "/cache",
        "VOICECAST_WEIGHTS": "/weights",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
    }


def _own(uid: int, gid: int, folders: tuple[Path, ...]) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            with suppress(FileNotFoundError):  # the cache is shared with starts under way
                if path.lstat().st_uid != uid:
                    os.chown(path, uid, gid, follow_symlinks=False)
