"""The folder of `voicecast up`: secrets, database, logs, and who runs; whoever may read it may do everything."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.store import StoreError


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What lets people in: the password of Prefect's server (user admin), and the token of the label sheet."""

    password: str
    token: str

    @property
    def auth(self) -> str:
        return f"admin:{self.password}"


class UpFolder:
    """A folder that only its user may enter."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.chmod(0o700)
        self.logs.mkdir(exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def database(self) -> Path:
        return self.path / "prefect" / "prefect.db"

    def secrets(self) -> Secrets:
        """Made once, kept in a file of mode 0600."""
        path = self.path / "secrets.json"
        if not path.exists():
            made = {"password": secrets.token_urlsafe(24), "token": secrets.token_urlsafe(32)}
            partial = path.with_suffix(".partial")
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                json.dump(made, stream)
            partial.replace(path)
        path.chmod(0o600)
        return Secrets(**json.loads(path.read_text("utf-8")))

    @contextmanager
    def held(self) -> Iterator[None]:
        """One supervisor at a time; StoreError names the one that runs."""
        with open(self.path / "pid", "a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(f"{self.path} is used by a running voicecast up; voicecast down ends it") from error
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield
            stream.truncate(0)

    def pid(self) -> int | None:
        """The supervisor that holds this folder now; a number in a file that nobody holds is of the dead."""
        path = self.path / "pid"
        if not path.exists():
            return None
        with open(path) as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(stream.read() or 0) or None
        return None

    def back_up(self, to: Path) -> Path:
        """A copy of the database and of the secrets, whole also while the server runs; gives its folder."""
        target = to / f"voicecast-up-{time.strftime('%Y%m%d-%H%M%S')}"
        target.mkdir(parents=True, mode=0o700)
        with (
            closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as here,
            closing(sqlite3.connect(target / "prefect.db")) as there,
        ):
            here.backup(there)
        shutil.copy2(self.path / "secrets.json", target / "secrets.json")
        return target

    def restore(self, source: Path) -> None:
        """Put a copy back; what was here before stays beside it as *.before."""
        if not (source / "prefect.db").is_file():
            raise StoreError(f"{source} holds no prefect.db: name a folder that --back-up made")
        with self.held():
            self.database.parent.mkdir(parents=True, exist_ok=True)
            for name, place in (("prefect.db", self.database), ("secrets.json", self.path / "secrets.json")):
                if place.exists():
                    place.replace(place.with_name(f"{place.name}.before"))
                shutil.copy2(source / name, place)
            for left in self.database.parent.glob("prefect.db-*"):
                left.unlink()


def free(host: str, port: int) -> bool:
    """Whether a port can be listened on."""
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True
