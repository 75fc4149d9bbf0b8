"""What the documents of a series say of each other: clip to episode, manifest to clip, voice to card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

RECORDS = ("extract", "fingerprint", "separate", "fingerprint-vocals", "diarize", "cut", "embed")
"""Records of the stages that a prepared episode has."""
Finding = tuple[str, str]
"""A key, and what is wrong with it."""


def links_of(home: str, sizes: Mapping[str, int], documents: Mapping[str, Any]) -> Iterator[Finding]:
    """What is missing or contradicts; only of documents that are whole themselves."""
    for key, document in documents.items():
        folder, _, name = key.rpartition("/")
        if name == "prepared.json":
            yield from _of_episode(folder, sizes)
        elif name == "dataset.json":
            yield from _of_data_set(folder, sizes, document, documents)
        elif name == "card.json":
            yield from _of_card(folder, sizes, document, documents)
        elif name == "current.json" and f"{folder}/{document.get('version')}/card.json" not in sizes:
            yield f"{folder}/{document.get('version')}/card.json", "is missing, and the current voice is named by it"
    yield from _of_series(home, sizes)


def _of_episode(folder: str, sizes: Mapping[str, int]) -> Iterator[Finding]:
    for stage in RECORDS:
        if f"{folder}/stages/{stage}.json" not in sizes:
            yield f"{folder}/stages/{stage}.json", "is missing from an episode that is prepared"
            yield f"{folder}/prepared.json", f"says that {stage} is done"


def _of_data_set(
    folder: str, sizes: Mapping[str, int], document: Mapping[str, Any], documents: Mapping[str, Any]
) -> Iterator[Finding]:
    ledger = documents.get(f"{folder}/cleaned.json")
    if f"{folder}/cleaned.json" not in sizes:
        yield f"{folder}/cleaned.json", "is missing"
        yield f"{folder}/dataset.json", "names clips of which nothing says how they were cleaned"
    elif ledger is not None:
        promised = {key for key in document["files"] if key.endswith(".wav")}
        if promised != {each["wav"]["key"] for each in ledger.values()}:
            yield f"{folder}/dataset.json", "does not name the clips that were cleaned"


def _of_card(
    folder: str, sizes: Mapping[str, int], card: Mapping[str, Any], documents: Mapping[str, Any]
) -> Iterator[Finding]:
    record = documents.get(f"{folder}/stages/train.json")
    if f"{folder}/stages/train.json" not in sizes:
        yield f"{folder}/stages/train.json", "is missing, and its card names it"
    elif record is not None and {each["sha256"] for each in card["files"].values()} != {
        each["sha256"] for each in record["files"].values()
    }:
        yield f"{folder}/card.json", "names other files than its training made"
    if f"{folder}/card.md" not in sizes:
        yield f"{folder}/card.md", "is missing"
        yield f"{folder}/card.json", "its card for people is missing"
    voice = folder.rpartition("/")[0]
    if f"{voice}/current.json" not in sizes:
        yield f"{voice}/current.json", "is missing, and there are voices"


def _of_series(home: str, sizes: Mapping[str, int]) -> Iterator[Finding]:
    """What a series that has prepared episodes or decisions must have."""
    speakers, copy = f"{home}/cast/speakers.json", f"{home}/cast/speakers.copy.json"
    if copy in sizes and speakers not in sizes:
        yield speakers, "is missing"
    if speakers in sizes:
        if copy not in sizes:
            yield copy, "is missing"
        for key in (f"{home}/recurring.json", f"{home}/episodes.json"):
            if key not in sizes:
                yield key, "is missing"
    decided = any(key.startswith(f"{home}/cast/labels/") for key in sizes)
    if decided and f"{home}/cast/labels.json" not in sizes:
        yield f"{home}/cast/labels.json", "is missing"
