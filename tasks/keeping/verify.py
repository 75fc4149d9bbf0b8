"""Verify: every artifact of a series against what was written down when it was made.

Documents carry their own seal, files stand with size and SHA-256 in the record of their stage, and what refers to
something else must find it. Looks only; what follows from a finding is `repair`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from infra.store import AT_ONCE, Damaged, Missing, Store, StoreBusy, parsed
from tasks.keeping.artifacts import Unit, cleans_clips, looks_right, unit_of
from tasks.keeping.verify_links import links_of


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Something that is not as it was made: `drop`, what has to go so that it is made again."""

    key: str
    why: str
    unit: Unit
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at: documents, files, bytes of files that were read; `unsealed`: documents without a seal."""

    documents: int
    files: int
    read_bytes: int
    unsealed: int
    broken: tuple[Broken, ...]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file that something promises; `sha256` "" where only its size is known, `owner` the document that says so."""

    key: str
    sha256: str
    size: int
    owner: str


@dataclass
class Looked:
    """What is at hand of a series: sizes by key, whole documents by key, and findings so far."""

    home: str
    sizes: Mapping[str, int]
    documents: dict[str, Any] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    unsealed: int = 0

    def found(self, key: str, why: str, *drop: str) -> None:
        unit = unit_of(self.home, key)
        notes = [note for each in (key, *drop) for note in _notes(each)]
        self.broken.append(Broken(key=key, why=why, unit=unit, drop=(key, *drop, *notes)))


def verify(store: Store, home: str, *, quick: bool = False, chosen: Callable[[str], bool] = lambda _: True) -> Verified:
    """Everything below a series' folder; `quick`: documents and sizes, and no file is read; `chosen`: says of a key
    whether its file is read, where not all are."""
    looked = Looked(home=home, sizes=store.sizes(home))
    _read_documents(store, looked)
    wanted = {each.key: each for each in _wanted(looked)}
    for key in looked.sizes:
        record = key.removesuffix(".run.json") + ".json"
        if key.endswith(".run.json") and record not in looked.sizes and not cleans_clips(key):
            looked.found(record, "is missing, and its run is noted", key)
    for key, why in links_of(looked.home, looked.sizes, looked.documents):
        looked.found(key, why)
    read = 0
    for each, problem, size in _examined(store, looked.sizes, wanted.values(), lambda key: not quick and chosen(key)):
        read += size
        if problem:
            looked.found(each.key, problem, *_promises(each))
    return Verified(
        documents=len(looked.documents),
        files=len(wanted),
        read_bytes=read,
        unsealed=looked.unsealed,
        broken=_together(looked.broken),
    )


def _notes(key: str) -> tuple[str, ...]:
    """The run of a record of clips that were cleaned or dried: the ledger says what became of them, and nothing makes
    such a record again."""
    of_clips = is_record(key) and ("/clean-" in key or "/dereverb-" in key)
    return (key.replace(".json", ".run.json"),) if of_clips else ()


def _promises(each: Wanted) -> tuple[str, ...]:
    """The document that promises a file goes too, but not a ledger of other files that are whole."""
    return () if each.owner.endswith("/cleaned.json") else (each.owner,)


def _read_documents(store: Store, looked: Looked) -> None:
    records = [key for key in looked.sizes if is_record(key)]
    _read(store, looked, records)
    of_engines = {each["key"] for key in records for each in _files(looked.documents.get(key))}
    _read(store, looked, [key for key in looked.sizes if key.endswith(".json") and key not in {*of_engines, *records}])


def _read(store: Store, looked: Looked, keys: Iterable[str]) -> None:
    def read(key: str) -> tuple[str, bytes | str]:
        try:
            return key, store.read(key)
        except (Missing, StoreBusy) as error:
            return key, str(error)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for key, data in pool.map(read, keys):
            if isinstance(data, str):
                looked.found(key, data)
                continue
            try:
                looked.documents[key] = parsed(data, key)
            except Damaged:
                looked.found(key, "is not what was written")
                continue
            if not key.startswith((f"{looked.home}/audit/", f"{looked.home}/rights/")):  # named by hashes of themselves
                looked.unsealed += data[:1] == b"{" and b'"~sha256":"' not in data[-80:]


def is_record(key: str) -> bool:
    return "/stages/" in key and key.endswith(".json") and not key.endswith(".run.json")


def _files(document: Any) -> list[dict[str, Any]]:
    """Files that a record names: [{"key": ..., "sha256": ..., "size": ...}]."""
    files = document.get("files") if isinstance(document, dict) else None
    return (
        [each for each in files.values() if isinstance(each, dict) and "sha256" in each]
        if isinstance(files, dict)
        else []
    )


def _wanted(looked: Looked) -> Iterator[Wanted]:
    for key, document in looked.documents.items():
        if is_record(key) and not cleans_clips(key):  # what became of cleaned clips stands in the ledger
            for each in _files(document):
                yield Wanted(key=each["key"], sha256=each["sha256"], size=each["size"], owner=key)
        elif key.endswith("/cleaned.json"):
            for each in document.values():
                wav = each["wav"]
                yield Wanted(key=wav["key"], sha256=wav["sha256"], size=wav["size"], owner=key)
        elif key.endswith("/prepared.json"):
            for each, size in document["files"].items():
                if each.endswith(("/clips.jsonl", "/turns.json", "/reuse.json")):
                    yield Wanted(key=each, sha256=document.get("sha256", {}).get(each, ""), size=size, owner=key)
        elif key.endswith("/dataset.json"):
            manifest = key.replace("/dataset.json", "/manifest.jsonl")
            sums = document.get("manifest_sha256", "")
            yield Wanted(key=manifest, sha256=sums, size=document["files"].get(manifest, 0), owner=key)
        elif key.endswith("/card.json") and document.get("page_sha256"):
            page = key.replace("/card.json", "/card.md")
            if page in looked.sizes:
                yield Wanted(key=page, sha256=document["page_sha256"], size=looked.sizes[page], owner=key)
        elif ("/speech/" in key or "/songs/" in key) and "sha256" in document and not is_record(key):
            sound = key.removesuffix(".json") + (".wav" if "/speech/" in key else ".flac")
            yield Wanted(key=sound, sha256=document["sha256"], size=looked.sizes.get(sound, -1), owner=key)


def _examined(
    store: Store, sizes: Mapping[str, int], wanted: Iterable[Wanted], reads: Callable[[str], bool]
) -> Iterator[tuple[Wanted, str, int]]:
    """Each file with what is wrong with it ("" if nothing), and the bytes that were read for that."""

    def look(each: Wanted) -> tuple[Wanted, str, int]:
        there = sizes.get(each.key)
        if there is None:
            return each, "is missing", 0
        if there != each.size:
            return each, f"has {there} bytes in place of {each.size}", 0
        if not reads(each.key):
            return each, "", 0
        try:
            digest = store.digest(each.key)
        except (Missing, StoreBusy) as error:
            return each, str(error), there
        if each.sha256 and digest.sha256 != each.sha256:
            return each, "is not what was made (its SHA-256 differs)", there
        return each, "" if looks_right(each.key, digest.head) else "is not of the format its name says", there

    with ThreadPoolExecutor(4) as pool:
        yield from pool.map(look, wanted)


def _together(broken: Iterable[Broken]) -> tuple[Broken, ...]:
    """One finding a key."""
    found: dict[str, Broken] = {}
    for each in broken:
        before = found.get(each.key)
        drop = tuple(dict.fromkeys((*before.drop, *each.drop))) if before else each.drop
        found[each.key] = replace(before or each, drop=drop)
    return tuple(found[key] for key in sorted(found))
