"""Fetch weights: once, resumed after a kill, checked, and seen whole or not at all.

A file is written to `.partial/<name>/<file>.part`, synced, checked and renamed;
when all are there the folder takes its name. Bytes are taken only when they are
the pinned ones; where there is no pin yet, they must be what the source itself
says they are, and are the pin from then on (trust on first use).
"""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from containers.contract.item import sha256_of
from infra.weights import Pin, files_of, locked, look, read_pins, record, weights_folder
from infra.weights_catalogue import Weights, WeightsRefused
from infra.weights_hashes import remember_files
from infra.weights_source import WeightsSource
from infra.weights_transfer import Heard, transfer


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What a fetch brought. `trusted`: files that nobody had pinned, taken as the source gave them."""

    name: str
    files: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


def fetch(weights: Weights, source: WeightsSource, heard: Heard, *, accept_pickle: bool = False) -> Fetched:
    """Bring weights into their folder; nothing happens if they are here.

    Raises WeightsRefused where the user has a say, WeightsError where the source or the net is at fault.
    """
    with locked(weights.name):
        found = look(weights.name)
        if found.state == "here":
            return Fetched(name=weights.name)
        if found.state == "own":
            place = weights_folder() / weights.name
            raise WeightsRefused(f"{place} is a folder of your own and stays as it is; move it away to fetch these")
        _check_pickles(weights, accept_pickle)
        return _Fetch(weights, source, heard).run(found.wrong or tuple(weights.files))


def _check_pickles(weights: Weights, accepted: bool) -> None:
    """Refuse files that can run a program when loaded, unless somebody has vouched for their bytes."""
    recorded = read_pins().get(weights.name, {})
    unknown = [file for file in weights.pickles if not weights.files[file].sha256 and file not in recorded]
    if unknown and not accepted:
        raise WeightsRefused(
            f"{weights.name}: {', '.join(unknown)} may run any program when it is loaded (a pickle), and no checksum "
            f"of it is known here. If you trust {' and '.join(weights.pages)}, run: "
            f"voicecast weights fetch {weights.name} --accept-pickle {weights.name}"
        )


class _Fetch:
    """One fetch of one weights name, under its lock."""

    def __init__(self, weights: Weights, source: WeightsSource, heard: Heard) -> None:
        self._weights, self._source, self._heard = weights, source, heard
        self._place = weights_folder() / weights.name
        self._staging = weights_folder() / ".partial" / weights.name
        self._recorded = read_pins().get(weights.name, {})

    def run(self, files: Sequence[str]) -> Fetched:
        self._staging.mkdir(parents=True, exist_ok=True)
        for inside, path in (files_of(self._staging) or {}).items():
            if inside.removesuffix(".part") not in files:
                path.unlink()  # of another weights.toml
        sha256s = {file: self._bring(file) for file in files}
        self._appear(files)
        remember_files(weights_folder(), {self._place / file: sha256 for file, sha256 in sha256s.items()})
        trusted = tuple(file for file in files if not self._pin(file))
        return Fetched(name=self._weights.name, files=tuple(files), trusted=trusted)

    def _pin(self, file: str) -> str | None:
        """What the file must hash to: by us, else by an earlier fetch."""
        ours, earlier = self._weights.files[file].sha256, self._recorded.get(file)
        return ours or (earlier.sha256 if earlier else None)

    def _bring(self, file: str) -> str:
        """One file into the staging folder, whole and checked, and its record into pins.json; its hash."""
        pin, target = self._pin(file), self._staging / file
        if pin and target.is_file() and sha256_of(target) == pin and file in self._recorded:
            return pin  # by a fetch that did not come to its end
        part = target.with_name(f"{target.name}.part")
        remote = transfer(self._source, self._weights, file, part, pin, self._heard)
        sha256 = sha256_of(part)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        source = self._weights.source_of(file)[0]
        record(self._weights.name, file, Pin(sha256=sha256, source=source, commit=remote.commit, fetched=today))
        os.replace(part, target)
        return sha256

    def _appear(self, files: Sequence[str]) -> None:
        """Let the folder be seen; of one that is there already, only the files that were wrong are replaced."""
        if not self._place.exists():
            os.replace(self._staging, self._place)
            return
        for file in files:
            (self._place / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._staging / file, self._place / file)
        shutil.rmtree(self._staging)
