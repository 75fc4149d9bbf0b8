"""Records of cleaning whose clips were cleaned anew since, under the same names: they must not be found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.store import Damaged, find_json
from tasks.studio import Studio


def forget_overwritten(studio: Studio, character: str, wavs: Mapping[str, str]) -> None:
    """`wavs`: key of each clip of the data set -> its SHA-256. A record that promises other bytes there goes: sizes
    alone, which are all that is looked at when a record is found, would not tell."""
    for key in studio.store.keys(f"{studio.home}/characters/{character}/stages"):
        if "/clean-" not in key or key.endswith(".run.json"):
            continue
        try:
            record: dict[str, Any] = find_json(studio.store, key) or {}
        except Damaged:
            continue
        files = record.get("files", {}).values()
        if any(wavs.get(each["key"], each["sha256"]) != each["sha256"] for each in files):
            studio.store.delete(key.replace(".json", ".run.json"))
            studio.store.delete(key)
