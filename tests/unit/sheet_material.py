"""A series in a store, as a preparation leaves it, with clips that can be heard: for tests of the label sheet."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from containers.contract.codec import canonical
from containers.contract.item import sha256_of
from containers.contract.stages import Measurements
from containers.stub import people
from infra.store import write_json
from tasks import orders
from tasks.domain import EpisodeClip, Speaker, Suggestion
from tasks.speakers.casting import Cast
from tasks.speakers.references import references_of
from tasks.studio import Source, Studio

MEASURED = Measurements(
    snr_db=24.0, background_db=12.0, loudness_lufs=-24.0, peak_dbfs=-5.0, clipped_share=0.0, bandwidth_hz=15000.0,
    f0_median_hz=220.0, f0_low_hz=150.0, f0_high_hz=320.0, voiced_share=0.6, speech_probability=0.95,
)  # fmt: skip
RATE_HZ = 16000


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A speaker of the series: whose voice it is in truth, and what is suggested."""

    id: str
    person: str
    clips: int = 5
    suggestion: str | None = None
    score: float = 0.8
    band: str = "ask"
    intruder: str | None = None
    """Whose voice the last `intruders` clips are, if not the person's."""
    intruders: int = 1


def lay(studio: Studio, speakers: Sequence[Heard], episodes: int = 1) -> Cast:
    """Write `speakers` into the studio's store: clips, vectors, and the cast; references are made of files there."""
    rows: dict[str, list[tuple[EpisodeClip, tuple[float, ...]]]] = {f"s01e{n + 1:02d}": [] for n in range(episodes)}
    linked, at = [], dict.fromkeys(rows, 1.0)
    for speaker in speakers:
        own = []
        for number in range(speaker.clips):
            episode = f"s01e{number % episodes + 1:02d}"
            last = speaker.intruder and number >= speaker.clips - speaker.intruders
            person = speaker.intruder if last else speaker.person
            clip = _clip(studio, episode, at[episode], 2.0 + number % 3, str(person))
            at[episode] = clip.end + 0.5
            rows[episode].append((clip, people.vector(person, clip.id)))
            own.append(clip)
        linked.append(
            Speaker(
                id=speaker.id,
                clips=tuple(each.id for each in own),
                episodes=tuple(sorted({each.episode for each in own})),
                seconds=sum(each.duration for each in own),
            )
        )
    for episode, heard in rows.items():
        write_episode(studio, episode, heard)
    suggestions = tuple(
        Suggestion(speaker=each.id, character=each.suggestion, score=each.score, margin=0.1, band=each.band)
        for each in speakers
    )
    cast = Cast(identity="made", model=people.MODEL, speakers=tuple(linked), suggestions=suggestions)
    write_json(studio.store, f"{studio.home}/cast/speakers.json", cast)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda each: _hear_reference(studio, *each), references_of(studio)))
    return cast


def _hear_reference(studio: Studio, character: str, source: Source) -> None:
    extracted = studio.make(orders.extract_given(studio, character, source))
    studio.make(orders.embed_reference(studio, character, extracted.stored(extracted.result.recording)))


def reference(folder: Path, person: str) -> str:
    """A reference as stub reads it; gives its path in the series file."""
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / f"{person}.flac").write_text(json.dumps({"stub": {"person": person}}))
    return f"refs/{person}.flac"


def write_episode(studio: Studio, episode: str, heard: list[tuple[EpisodeClip, tuple[float, ...]]]) -> None:
    """What was heard in an episode, as a preparation leaves it: clips and their vectors."""
    folder = f"{studio.home}/episodes/{episode}"
    studio.store.write(f"{folder}/clips.jsonl", "".join(canonical(clip) for clip, _ in heard).encode())
    vectors = np.array([vector for _, vector in heard], "<f4")
    packed = base64.b64encode(vectors.tobytes()).decode()
    write_json(
        studio.store,
        f"{folder}/vectors.json",
        {"model": people.MODEL, "dimension": people.DIMENSION, "vectors": packed},
    )
    write_json(studio.store, f"{folder}/turns.json", {"turns": [], "exclusive": [], "overlap": []})


def _clip(studio: Studio, episode: str, start: float, seconds: float, person: str) -> EpisodeClip:
    name = f"{round(start * 1000):08d}"
    key = f"{studio.home}/episodes/{episode}/clips/{name}.flac"
    scratch = studio.store.work / "clip.flac"
    _write_voice(scratch, people.f0_hz(person), seconds, start)
    digest = sha256_of(scratch)
    studio.store.put(key, scratch)
    return EpisodeClip(
        id=f"{episode}/{name}", episode=episode, start=start, end=start + seconds, speaker="SPEAKER_00", sha256=digest,
        consistency=0.9, measurements=MEASURED,
    )  # fmt: skip


def _write_voice(path: Path, f0_hz: float, seconds: float, seed: float) -> None:
    """Syllables of harmonics whose loudest band wanders, as formants do: looks like speech, and is none."""
    import soundfile

    drawn = np.random.default_rng(round(seed * 1000))
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    knots = np.arange(0, seconds + 0.2, 0.18)
    glide = f0_hz * (1 + 0.18 * np.interp(time, knots, drawn.uniform(-1, 1, len(knots))))
    phase = 2 * np.pi * np.cumsum(glide) / RATE_HZ
    low, high = (np.interp(time, knots, drawn.uniform(*band, len(knots))) for band in ((300, 900), (1100, 2600)))
    loud = np.interp(time, knots, drawn.uniform(0, 1, len(knots)) > 0.25) * (0.3 + 0.7 * np.abs(np.sin(9 * time)))
    sound = sum(
        np.sin(n * phase)
        * (np.exp(-(((n * glide - low) / 250) ** 2)) + 0.5 * np.exp(-(((n * glide - high) / 350) ** 2)))
        for n in range(1, int(3500 / f0_hz))
    )
    noisy = sound * loud * 0.15 + drawn.normal(0, 0.0004, len(time))
    soundfile.write(path, noisy.astype(np.float32), RATE_HZ, subtype="PCM_16")
