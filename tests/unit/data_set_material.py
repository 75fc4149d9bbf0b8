"""A data set in a store, published by the real code from tones and made-up verdicts, without any engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from containers.contract.item import sha256_of
from containers.contract.stages import CleanClip, File, Measurements
from infra.store import write_json
from tasks.clips import clean_ledger, data_sets
from tasks.clips.clean_ledger import Cleaned
from tasks.clips.dataset import Row
from tasks.domain import Speaker
from tasks.episodes.prepared import STAGES
from tasks.labelling import labels
from tasks.labelling.decisions import decide
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.studio import Stored, Studio

RATE_HZ = 44100
MEASURED = Measurements(
    snr_db=24.5, background_db=None, loudness_lufs=-23.0, peak_dbfs=-3.0, clipped_share=0.0, bandwidth_hz=16000.0,
    f0_median_hz=210.0, f0_low_hz=150.0, f0_high_hz=320.0, voiced_share=0.6, speech_probability=0.95,
)  # fmt: skip


def row(clip: str, character: str = "anna", seconds: float = 1.5, **more: Any) -> Row:
    fields: dict[str, Any] = {
        "clip": clip, "episode": clip.split("/", maxsplit=1)[0], "start": 10.0, "end": 10.0 + seconds,
        "speaker": "S001", "character": character, "verdict": "kept", "reason": "good", "detail": "likeness 0.91",
        "purity": 0.2, "consistency": 0.95, "measurements": MEASURED,
    }  # fmt: skip
    return Row(**{**fields, **more})


def publish(
    studio: Studio, folder: Path, rows: Sequence[Row], texts: Mapping[str, str] | None = None, character: str = "anna"
) -> None:
    """A finished data set of these rows; a tone stands for every kept clip. `texts`: clip -> what is said."""
    cast = Cast(
        identity="cast",
        model="m",
        speakers=(Speaker(id="S001", clips=tuple(each.clip for each in rows), episodes=("s01e01",), seconds=60.0),),
        suggestions=(),
    )
    write_json(studio.store, f"{studio.home}/cast/speakers.json", cast)
    if casting.load_cast(studio) != cast:
        raise AssertionError("the cast was not written")
    said = labels.record(studio.store, studio.series.series, decide("mika", "cli", {"S001": character}))
    ledger = {clean_ledger.clip_name(each.clip): _tone(studio, folder, each) for each in rows if each.verdict == "kept"}
    write_json(studio.store, f"{studio.home}/characters/{character}/cleaned.json", ledger)
    engines = {each.episode: dict.fromkeys(STAGES, "light 1.0") for each in rows}
    identity = data_sets.identity_of(studio, cast, said, character)
    about = data_sets.About(labels=said, texts=texts or {}, engines=engines, missing={})
    data_sets.publish(studio, character, identity, rows, about)


def _tone(studio: Studio, folder: Path, each: Row) -> Cleaned:
    name = clean_ledger.clip_name(each.clip)
    path = folder / f"{name}.wav"
    time = np.arange(round(each.duration * RATE_HZ)) / RATE_HZ
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * time), RATE_HZ, subtype="PCM_16")
    sha256, size = sha256_of(path), path.stat().st_size
    key = f"{studio.home}/characters/{each.character}/clips/{name}.wav"
    studio.store.put(key, path)
    about = CleanClip(
        file=File(path=f"out/{name}.wav", sha256=sha256), duration=each.duration, denoised_by=None, snr_db_before=24.5,
        snr_db_after=24.5, loudness_lufs=-23.0, peak_dbfs=-3.0,
    )  # fmt: skip
    return Cleaned(made_from="0", wav=Stored(key=key, sha256=sha256, size=size), about=about)
