"""A prepared episode: what its stages made, in the form that people and later steps read.

One look at `prepared.json` tells whether an episode is finished, before
anything is started for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from containers.contract.codec import canonical, decode, encode
from containers.contract.errors import RecordingError
from containers.contract.stages import (
    CutResult,
    DiarizeResult,
    EmbedResult,
    ExtractResult,
    FingerprintResult,
    Problem,
    Segment,
    SeparateResult,
    Turn,
)
from infra.engines import engine_for
from infra.identity import makers
from infra.sources import sha256_known
from infra.store import AT_ONCE, Damaged, Store, find_json, read_json, write_json
from tasks.domain import Episode, EpisodeClip, HeardEpisode, Vectors
from tasks.episodes import separating
from tasks.episodes.episode_subtitles import sidecars_of
from tasks.episodes.episodes import list_episodes
from tasks.orders import folder_of
from tasks.studio import Made, Studio

STAGES = ("extract", "fingerprint", "separate", "diarize", "cut", "embed")
"""The stages that prepare an episode, in order."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A finished episode in a few figures; `identity` names everything that made it."""

    episode: str
    identity: str
    duration: float
    turns: int
    clips: int
    problems: tuple[Problem, ...]
    engines: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the stages of one episode made."""

    extract: Made[ExtractResult]
    fingerprint: Made[FingerprintResult]
    fingerprint_vocals: Made[FingerprintResult]
    separate: Made[SeparateResult]
    diarize: Made[DiarizeResult]
    cut: Made[CutResult]
    embed: Made[EmbedResult]

    def by_stage(self) -> dict[str, Made[Any]]:
        return {stage: getattr(self, stage) for stage in STAGES}


def identity_of(studio: Studio, episode: Episode) -> str:
    """Changes with the video, subtitles beside it, the engines, their options, and what the series file says of
    preparation."""
    series = studio.series
    chosen = {stage: engine_for(series.engine(stage), stage) for stage in STAGES}
    parts = {
        "episode": episode.sha256,
        "language": series.language,
        "engines": {stage: makers(each, series.options.get(each.name, {})) for stage, each in chosen.items()},
        "cast_size": series.cast_size.model_dump(),
        "clip_seconds": series.targets.clip_seconds,
        **separating.identity_of(series),
    }
    if sidecars := sidecars_of(episode):
        parts["sidecars"] = [[path.name, sha256_known(path, studio.store)] for path in sidecars]
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def find_prepared(studio: Studio, episode: Episode) -> Prepared | None:
    """The episode as prepared, if it is finished and every file is there."""
    key = f"{folder_of(studio, episode)}/prepared.json"
    try:
        record = find_json(studio.store, key)
    except Damaged:
        return None
    if record is None:
        return None
    prepared = decode(Prepared, record["prepared"], key)
    same = prepared.identity == identity_of(studio, episode)
    return prepared if same and studio.store.holds(record["files"]) else None


def find_all_prepared(studio: Studio, episodes: Sequence[Episode]) -> dict[str, Prepared]:
    """The finished ones of many episodes, by key; several are looked for at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda each: find_prepared(studio, each), episodes)
        return {each.key: prepared for each, prepared in zip(episodes, found, strict=True) if prepared}


def was_prepared(studio: Studio, episode: Episode) -> bool:
    """Whether it was ever prepared, by whatever engines and options."""
    return find_json(studio.store, f"{folder_of(studio, episode)}/prepared.json") is not None


def leave_out(studio: Studio, episode: Episode, error: RecordingError) -> None:
    """Remember that an episode cannot be used, until its file, an engine or an option changes."""
    said = {"identity": identity_of(studio, episode), "message": str(error)}
    write_json(studio.store, f"{folder_of(studio, episode)}/left_out.json", said)


def find_left_out(studio: Studio, episode: Episode) -> str | None:
    """Why an episode is left out, if it is."""
    key = f"{folder_of(studio, episode)}/left_out.json"
    said = find_json(studio.store, key)
    if said is None:
        return None
    return str(said["message"]) if said["identity"] == identity_of(studio, episode) else None


def publish(studio: Studio, episode: Episode, parts: Parts) -> Prepared:
    """Write turns, clips and, last, `prepared.json`."""
    folder, heard = folder_of(studio, episode), parts.diarize.result
    turns = {"turns": heard.turns, "exclusive": heard.exclusive, "overlap": heard.overlap}
    clips = clips_of(episode, parts)
    write_json(studio.store, f"{folder}/turns.json", turns)
    lines = "".join(canonical(clip) for clip in clips)
    studio.store.write(f"{folder}/clips.jsonl", lines.encode())
    prepared = Prepared(
        episode=episode.key,
        identity=identity_of(studio, episode),
        duration=parts.extract.result.duration,
        turns=len(heard.turns),
        clips=len(clips),
        problems=parts.extract.result.problems + heard.problems,
        engines={stage: made.engine for stage, made in parts.by_stage().items()},
    )
    every = (*parts.by_stage().values(), parts.fingerprint_vocals)
    files = {each.key: each.size for made in every for path, each in made.files.items() if path not in made.gone}
    released = {each.key: each.size for made in every for path, each in made.files.items() if path in made.gone}
    for name in ("turns.json", "clips.jsonl", *separating.documents_of(studio.series)):
        files[f"{folder}/{name}"] = studio.store.size(f"{folder}/{name}") or 0
    sums = {f"{folder}/clips.jsonl": hashlib.sha256(lines.encode()).hexdigest()}
    said = {"prepared": prepared, "files": files, "sha256": sums, **({"released": released} if released else {})}
    write_json(studio.store, f"{folder}/prepared.json", said)
    return prepared


def clips_of(episode: Episode, parts: Parts) -> tuple[EpisodeClip, ...]:
    """The clips with their hashes and measurements, in the order of their vectors."""
    cut = parts.cut.result.clips
    return tuple(
        EpisodeClip(
            id=f"{episode.key}/{clip.file.path.rsplit('/', 1)[-1].removesuffix('.flac')}",
            episode=episode.key,
            start=clip.start,
            end=clip.end,
            speaker=clip.speaker,
            sha256=clip.file.sha256,
            consistency=consistency,
            measurements=clip.measurements,
        )
        for clip, consistency in zip(cut, parts.embed.result.consistency, strict=True)
    )


def heard_episode(store: Store, home: str, key: str) -> HeardEpisode:
    """What the machine heard in a prepared episode; `home`: key of the series' folder."""
    folder = f"{home}/episodes/{key}"
    lines = store.read(f"{folder}/clips.jsonl").decode().splitlines()
    clips = tuple(decode(EpisodeClip, json.loads(line), folder) for line in lines)
    model, vectors = read_vectors(store.read(f"{folder}/vectors.json"))
    said = read_json(store, f"{folder}/turns.json")
    return HeardEpisode(
        episode=key,
        clips=clips,
        model=model,
        vectors=vectors,
        overlap=tuple(decode(Segment, each) for each in said["overlap"]),
        turns=tuple(decode(Turn, each) for each in said["turns"]),
    )


def read_vectors(data: bytes) -> tuple[str, Vectors]:
    """Model and unit vectors of an embed stage's file (its form: EmbedResult)."""
    said = json.loads(data)
    flat = np.frombuffer(base64.b64decode(said["vectors"]), dtype="<f4")
    return said["model"], flat.reshape(-1, said["dimension"]).astype(np.float32)


def write_episodes(studio: Studio, episodes: tuple[Episode, ...], prepared: dict[str, Prepared]) -> None:
    """`episodes.json`: the episodes of the series, as far as they are prepared."""
    rows = [
        {**encode(episode), "file": episode.file.rsplit("/", 1)[-1], "duration": prepared[episode.key].duration}
        for episode in episodes
        if episode.key in prepared
    ]
    write_json(studio.store, f"{studio.home}/episodes.json", rows)


def prepared_episodes(studio: Studio) -> tuple[Prepared, ...]:
    """All episodes that are finished; LookupError, with the way out, if there are none."""
    episodes = list_episodes(studio.series, studio.store)
    found = tuple(find_all_prepared(studio, episodes).values())
    if not found:
        raise LookupError(f"no episode of {studio.series.series} is prepared yet; run: voicecast prepare")
    return found
