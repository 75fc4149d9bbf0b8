"""A voice of the light engine on disk: `<character>.safetensors`, format "voicecast-light-1".

Not a network: the file holds how the character sounded, frame by frame (100 a
second, level taken out), and what a conversion wants to know at once. Tensors
only, no pickle; the header's one key `voicecast` is canonical JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialized

from containers.contract.codec import canonical
from containers.contract.errors import RequestError

from .voiceprint import MODEL
from .world import BANDS, RATE_HZ

FORMAT = "voicecast-light-1"
FRAMES_PER_SECOND = 100
MAX_FRAMES = 90_000
"""15 minutes of speech, 12 MB: more slows conversion down and is no longer heard."""
_STRETCH = 100  # frames that stay together when a voice is thinned out: 1 s

Half = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Frames of speech in stretches; `starts` are the indices where a new stretch begins (first 0).

    `envelope` (n, 60) coded, log power below 8 kHz brought to 0; `breath` (n, 5) in dB; `f0` Hz, 0 =
    unvoiced; `power` (n,) natural log power against the loud parts of its clip.
    """

    envelope: Half
    breath: Half
    f0: NDArray[np.float32]
    power: Half
    starts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.f0)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A trained voice: `seconds` of speech it was learned from, `mean_vector` the character's unit vector, `clips` the
    hashes of what was heard (none are known of voices made before they were kept)."""

    character: str
    sound: Sound
    mean_vector: NDArray[np.float32]
    seconds: float
    f0_median_hz: float | None
    f0_log_mean: float | None
    f0_log_sd: float | None
    clips: tuple[str, ...] = ()


def joined(sounds: list[Sound]) -> Sound:
    """All stretches of all sounds, in order."""
    offsets = np.cumsum([0] + [len(each) for each in sounds[:-1]])
    return Sound(
        envelope=np.concatenate([each.envelope for each in sounds]),
        breath=np.concatenate([each.breath for each in sounds]),
        f0=np.concatenate([each.f0 for each in sounds]),
        power=np.concatenate([each.power for each in sounds]),
        starts=np.concatenate([each.starts + at for each, at in zip(sounds, offsets, strict=True)]).astype(np.int32),
    )


def thinned(sound: Sound, frames: int = MAX_FRAMES) -> Sound:
    """At most `frames`, as stretches of 1 s spread evenly over all there is."""
    if len(sound) <= frames:
        return sound
    pieces = [
        (first, min(first + _STRETCH, int(end)))
        for begin, end in zip(sound.starts, [*sound.starts[1:], len(sound)], strict=True)
        for first in range(int(begin), int(end), _STRETCH)
    ]
    kept = pieces[:: -(-len(sound) // frames)]
    which = np.concatenate([np.arange(first, last) for first, last in kept])
    lengths = [last - first for first, last in kept]
    return Sound(
        envelope=sound.envelope[which],
        breath=sound.breath[which],
        f0=sound.f0[which],
        power=sound.power[which],
        starts=np.cumsum([0, *lengths[:-1]]).astype(np.int32),
    )


def tensors_of(sound: Sound) -> dict[str, NDArray[np.generic]]:
    return {name: np.ascontiguousarray(getattr(sound, name)) for name in Sound.__dataclass_fields__}


def save(path: Path, voice: Voice) -> Path:
    """Write a voice; the same voice gives the same bytes."""
    about = {
        "format": FORMAT,
        "character": voice.character,
        "sample_rate_hz": RATE_HZ,
        "frames_per_second": FRAMES_PER_SECOND,
        "seconds": voice.seconds,
        "f0_median_hz": voice.f0_median_hz,
        "f0_log_mean": voice.f0_log_mean,
        "f0_log_sd": voice.f0_log_sd,
        "vector_model": MODEL,
        "clips": list(voice.clips),
    }
    tensors = tensors_of(voice.sound) | {"mean_vector": voice.mean_vector}
    path.write_bytes(
        serialized(tensors, {"voicecast": canonical(about)})
    )  # save_file would leave it unreadable to others
    return path


def load(path: Path) -> Voice:
    """Read a voice; RequestError for anything that is not one of this engine's."""
    try:
        with safe_open(path, framework="numpy") as file:
            about = json.loads((file.metadata() or {}).get("voicecast", "{}"))
            if about.get("format") != FORMAT:
                raise RequestError(f"{path.name} is not a voice of the light engine ({FORMAT}); train one with light")
            sound = Sound(**{name: file.get_tensor(name) for name in Sound.__dataclass_fields__})
            vector = file.get_tensor("mean_vector")
    except (SafetensorError, ValueError, TypeError) as error:
        raise RequestError(f"{path.name} cannot be read as a voice: {error}; train it again") from error
    if sound.envelope.shape != (len(sound), BANDS) or about["vector_model"] != MODEL:
        raise RequestError(f"{path.name} was made by another version of the light engine; train it again")
    return Voice(
        character=about["character"],
        sound=sound,
        mean_vector=vector,
        seconds=about["seconds"],
        f0_median_hz=about["f0_median_hz"],
        f0_log_mean=about["f0_log_mean"],
        f0_log_sd=about["f0_log_sd"],
        clips=tuple(about.get("clips", ())),
    )
