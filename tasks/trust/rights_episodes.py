"""A revoked voice in the episodes: its clips and vectors go, as if they had never been cut.

What belongs to an episode as a whole stays: recording, stems, subtitles, and when who speaks. Records are written
so that they agree with what is left; nothing is cut or embedded again for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from containers.contract import stages
from containers.contract.codec import canonical, decode, encode
from infra.engines import UnknownEngine
from infra.store import find_json, read_json, write_json
from tasks import orders
from tasks.domain import Episode
from tasks.episodes.again import stems_record
from tasks.episodes.prepared import Parts, Prepared, find_prepared, publish, read_vectors
from tasks.studio import Made, Studio, files_of_record
from tasks.trust.rights import Revoked, all_revoked

Spans = Sequence[tuple[float, float]]
_MOST = 0.5
"""Of a clip that is cut anew, the share within a revoked span from which on it is the revoked voice's."""


def publish_without_revoked(studio: Studio, episode: Episode, parts: Parts) -> Prepared:
    """Publish an episode, and take out what was cut anew of voices that were revoked."""
    made = publish(studio, episode, parts)
    went = forget_revoked(studio, episode.key, all_revoked(studio))
    return find_prepared(studio, episode) or made if went else made


def forget_revoked(studio: Studio, episode: str, gone: Mapping[str, Revoked]) -> int:
    """Take revoked voices out of an episode that was cut anew; the number of clips that went."""
    spans = [span for each in gone.values() for span in each.spans.get(episode, ())]
    if not spans:
        return 0
    lines = studio.store.read(f"{studio.home}/episodes/{episode}/clips.jsonl").splitlines()
    clips = [json.loads(line) for line in lines]
    return len(forget(studio, episode, {each["id"] for each in clips if _within(each, spans)}))


def _within(clip: Mapping[str, Any], spans: Spans) -> bool:
    shared = sum(max(0.0, min(clip["end"], end) - max(clip["start"], start)) for start, end in spans)
    return bool(shared >= _MOST * (clip["end"] - clip["start"]))


def forget(studio: Studio, episode: str, clips: set[str]) -> list[str]:
    """Erase these clips (by id) of a prepared episode with their vectors and measurements; the keys that went."""
    folder = f"{studio.home}/episodes/{episode}"
    rows = [json.loads(line) for line in studio.store.read(f"{folder}/clips.jsonl").splitlines()]
    left = [place for place, each in enumerate(rows) if each["id"] not in clips]
    if len(left) == len(rows):
        return []
    prepared, cut, embed = (
        find_json(studio.store, f"{folder}/{name}.json") for name in ("prepared", "stages/cut", "stages/embed")
    )
    # Until the last of these is written, the episode is unfinished, and a run would prepare it again.
    studio.store.delete(f"{folder}/prepared.json")
    vectors = _vectors_left(studio.store.read(f"{folder}/vectors.json"), left)
    lines = "".join(canonical(rows[place]) for place in left).encode()
    studio.store.write(f"{folder}/vectors.json", vectors)
    studio.store.write(f"{folder}/clips.jsonl", lines)
    erased = _cut_left(studio, folder, cut, left) if cut else []
    if cut and embed:
        _embed_left(studio, folder, cut, embed, vectors, left)
    if prepared:
        prepared["prepared"]["clips"] = len(left)
        files = {key: size for key, size in prepared["files"].items() if key not in erased}
        files |= {f"{folder}/vectors.json": len(vectors), f"{folder}/clips.jsonl": len(lines)}
        sums = {f"{folder}/clips.jsonl": hashlib.sha256(lines).hexdigest()}
        write_json(studio.store, f"{folder}/prepared.json", {**prepared, "files": files, "sha256": sums})
    return erased


def _vectors_left(data: bytes, left: Sequence[int]) -> bytes:
    said = json.loads(data)
    kept = np.ascontiguousarray(read_vectors(data)[1][list(left)], "<f4")
    return canonical({**said, "vectors": base64.b64encode(kept.tobytes()).decode()}).encode()


def _cut_left(studio: Studio, folder: str, cut: dict[str, Any], left: Sequence[int]) -> list[str]:
    """The record of cutting without what went, whose files are erased."""
    clips = cut["result"]["clips"]
    kept = [clips[place] for place in left]
    names = {each["file"]["path"] for each in kept}
    gone = [path for path in cut["files"] if path.startswith("out/clips/") and path not in names]
    erased = [cut["files"].pop(path)["key"] for path in gone]
    cut["result"]["clips"] = kept
    write_json(studio.store, f"{folder}/stages/cut.json", cut)
    for key in erased:
        studio.store.delete(key)
    return erased


def _embed_left(
    studio: Studio, folder: str, cut: dict[str, Any], embed: dict[str, Any], vectors: bytes, left: Sequence[int]
) -> None:
    """The record of embedding as it would be of the clips that are left, under the identity they have."""
    sha256 = hashlib.sha256(vectors).hexdigest()
    embed["result"]["consistency"] = [embed["result"]["consistency"][place] for place in left]
    embed["result"]["vectors"]["sha256"] = sha256
    file = embed["files"][embed["result"]["vectors"]["path"]]
    file["sha256"], file["size"] = sha256, len(vectors)
    embed["identity"] = _identity(studio, folder, cut) or embed["identity"]
    write_json(studio.store, f"{folder}/stages/embed.json", embed)


def _identity(studio: Studio, folder: str, cut: dict[str, Any]) -> str | None:
    """The identity that embedding these clips has by today's engine; None where that engine is not at hand."""
    record = read_json(studio.store, stems_record(studio, folder))

    def made(kind: type[Any], said: dict[str, Any]) -> Made[Any]:
        files, result = files_of_record(said), decode(kind, encode(said["result"]))
        return Made(result=result, engine=said["engine"], identity=said["identity"], files=files, found=True)

    episode = Episode(key=folder.rpartition("/")[2], file="", sha256="")
    separated, clips = made(stages.SeparateResult, record), made(stages.CutResult, cut)
    try:
        return studio.identity(orders.embed(studio, episode, separated, clips))
    except UnknownEngine:
        return None
