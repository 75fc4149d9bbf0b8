"""The report's sounds: players and pictures of what lies in the store, copied beside the page."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from containers.contract.errors import StageError
from containers.contract.item import sha256_of
from tasks import orders
from tasks.orders import Shown
from tasks.reporting.report import Sound
from tasks.studio import Stored, Studio
from tasks.trust.provenance import Provenance, marked

log = logging.getLogger("voicecast.report")


@dataclass(frozen=True, kw_only=True)
class Media:
    """Makes sounds for a page in `folder`; what cannot be shown is left out of the page, not the page."""

    studio: Studio
    folder: Path

    def sounds(self, of: str, shown: Sequence[Shown], stated: Provenance | None = None) -> list[Sound | None]:
        """A sound for each stretch; `of`: what they belong to, for the run's log; `stated`: they are generated."""
        if not shown:
            return []
        try:
            made = self.studio.make(orders.preview(self.studio, of, tuple(shown)))
        except StageError as error:
            log.warning("the page is without the sounds of %s: %s", of, error)
            return [None] * len(shown)
        return [
            Sound(
                player=self._player(made.stored(each.player), stated),
                picture=self._copied(made.stored(each.picture)),
                duration=each.duration,
            )
            for each in made.result.previews
        ]

    def one(self, of: str, key: str, stated: Provenance | None = None) -> Sound | None:
        """A sound of a whole file of the store."""
        return self.sounds(of, [Shown(file=stored(self.studio, key))], stated)[0]

    def _player(self, file: Stored, stated: Provenance | None) -> str:
        """A player's file; one of generated speech says so, and is signed."""
        if stated is None:
            return self._copied(file)
        name = hashlib.sha256(f"{file.sha256} {stated.comment}".encode()).hexdigest()[:20]
        target = self.folder / "media" / f"{name}{Path(file.key).suffix}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".partial")
            partial.write_bytes(marked(self.studio.store.read(file.key), stated))
            partial.rename(target)
        return f"media/{target.name}"

    def _copied(self, file: Stored) -> str:
        suffix = Path(file.key).suffix
        target = self.folder / "media" / f"{file.sha256[:20]}{suffix}"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_suffix(".partial")
            shutil.copyfile(self.studio.store.path(file.key), partial)
            partial.rename(target)
        return f"media/{target.name}"


def stored(studio: Studio, key: str) -> Stored:
    """A file of the store as an input, hashed."""
    path = studio.store.path(key)
    return Stored(key=key, sha256=sha256_of(path), size=path.stat().st_size)
