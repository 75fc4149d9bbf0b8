"""Training a light voice: taking a character's clips apart and keeping how they sounded.

There is no network to fit, so training is analysis: one pass over the clips,
each remembered in the item's state, so that a killed training goes on with the
next clip.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import TrainRequest, TrainResult

from . import voice_file, world
from .audio import decodable, read_mono
from .conversion import into
from .japanese import JTALK_RATE_HZ, japanese
from .likeness import mean_vector, similarity, window_vectors
from .voice_file import Sound, Voice
from .voiceprint import DIMENSION, Vectors, unit

MIN_SECONDS = 10.0
_BLOCK_SECONDS = 20.0
_SENTENCE = "風が吹いて、夜が明けた。"
_STEP = world.FRAMES_PER_SECOND // voice_file.FRAMES_PER_SECOND


class Clip:
    """What is kept of one clip: its file's hash, its sound, the vectors of its windows, and its seconds."""

    def __init__(self, sha256: str, sound: Sound, vectors: Vectors, seconds: float) -> None:
        self.sha256, self.sound, self.vectors, self.seconds = sha256, sound, vectors, seconds


def train(request: TrainRequest, item: Item) -> TrainResult:
    if not request.character or "/" in request.character or request.character.startswith("."):
        raise RequestError(f"a character's name is a file's name too, got {request.character!r}")
    earlier = voice_file.load(item.input(request.voice[0])) if request.voice else None
    paths = [item.input(each) for each in request.clips]
    known = earlier.clips if earlier else ()
    before = earlier.seconds if earlier else 0.0
    to_learn = [path for file, path in zip(request.clips, paths, strict=True) if file.sha256 not in known]
    _check(request.character, sum(map(_seconds, to_learn)) + before)
    clips = []
    for index, (file, path) in enumerate(zip(request.clips, paths, strict=True)):
        item.progress(0.95 * index / len(paths))
        clips.append(_clip(file.sha256, path, item.state / f"{file.sha256}.safetensors"))
    heard = [clip for clip in clips if mean_vector(clip.vectors) is not None]
    new = [clip for clip in heard if clip.sha256 not in known]
    _check(request.character, sum(clip.seconds for clip in new) + before)
    voice = learned(request.character, new, earlier)
    path = voice_file.save(item.output(f"{request.character}.safetensors"), voice)
    return TrainResult(
        files=(item.file(path),),
        format=voice_file.FORMAT,
        sample_rate_hz=world.RATE_HZ,
        seconds=voice.seconds,
        f0_median_hz=voice.f0_median_hz,
        scores=_scores(heard) | _tried(voice, item),
    )


def _check(character: str, seconds: float) -> None:
    if seconds < MIN_SECONDS:
        raise RecordingError(
            f"{character} has {seconds:.1f} s of speech, and a light voice needs {MIN_SECONDS:.0f} s; "
            "approve more of the character's clips, add references, or leave the character out"
        )


def _seconds(path: Path) -> float:
    with decodable(path):
        return float(soundfile.info(path).duration)


def learned(character: str, clips: list[Clip], earlier: Voice | None) -> Voice:
    """The voice of these clips, added to an earlier one that has not heard them; the mean vector goes by seconds."""
    seconds = sum(each.seconds for each in clips) + (earlier.seconds if earlier else 0.0)
    sound = voice_file.joined(([earlier.sound] if earlier else []) + [each.sound for each in clips])
    voiced = sound.f0[sound.f0 > 0].astype(np.float64)
    return Voice(
        character=character,
        sound=voice_file.thinned(sound),
        mean_vector=_mean(clips, earlier),
        seconds=round(seconds, 3),
        f0_median_hz=round(float(np.median(voiced)), 2) if len(voiced) else None,
        f0_log_mean=round(float(np.log(voiced).mean()), 5) if len(voiced) else None,
        f0_log_sd=round(float(np.log(voiced).std()), 5) if len(voiced) else None,
        clips=(*(earlier.clips if earlier else ()), *(each.sha256 for each in clips)),
    )


def _mean(clips: list[Clip], earlier: Voice | None) -> NDArray[np.float32]:
    total = earlier.mean_vector * earlier.seconds if earlier else np.zeros(DIMENSION)
    for clip in clips:
        ours = mean_vector(clip.vectors)
        total = total + (0 if ours is None else ours * clip.seconds)
    return unit(np.asarray(total, np.float32))


def _scores(clips: list[Clip]) -> dict[str, float]:
    """`similarity_held_out`: cosine of a clip's vector to the mean of the others', averaged; what a conversion
    can reach at best."""
    vectors = [each for each in (mean_vector(clip.vectors) for clip in clips) if each is not None]
    if len(vectors) < 2:
        return {}
    total = np.sum(vectors, axis=0)
    held_out = [float(unit(total - each) @ each) for each in vectors]
    return {"similarity_held_out": round(float(np.mean(held_out)), 4)}


def _tried(voice: Voice, item: Item) -> dict[str, float]:
    """`similarity_converted`: cosine to the voice of a sentence that Open JTalk says and this voice converts."""
    base, speech = item.state / "sentence.wav", item.state / "converted.wav"
    soundfile.write(base, np.rint(japanese(_SENTENCE)).astype(np.int16), JTALK_RATE_HZ)
    with threadpool_limits(1, user_api="blas"):
        into(voice, base, speech, item.state)
        found = similarity(speech, voice.mean_vector)
    return {} if found is None else {"similarity_converted": found}


def _clip(sha256: str, path: Path, checkpoint: Path) -> Clip:
    try:
        kept = load_file(checkpoint)
        sound = Sound(**{name: kept[name] for name in Sound.__dataclass_fields__})
        return Clip(sha256, sound, kept["vectors"], float(kept["seconds"][0]))
    except (OSError, SafetensorError, KeyError):
        pass
    with decodable(path), threadpool_limits(1, user_api="blas"):  # sums in one order: the same bytes on every run
        clip = Clip(sha256, _heard(path), window_vectors(path), _seconds(path))
    partial = checkpoint.with_suffix(".partial")
    tensors = voice_file.tensors_of(clip.sound) | {"vectors": clip.vectors, "seconds": np.array([clip.seconds])}
    save_file(tensors, partial)
    os.replace(partial, checkpoint)
    return clip


def _heard(path: Path) -> Sound:
    """A clip taken apart, 100 frames a second, in blocks of 20 s."""
    length = soundfile.info(path).duration
    starts = np.arange(0.0, max(length - 0.05, 0.01), _BLOCK_SECONDS)
    sounds = [_sound(np.nan_to_num(read_mono(path, world.RATE_HZ, at, at + _BLOCK_SECONDS))) for at in starts]
    return voice_file.joined(sounds)


def _sound(samples: world.Samples) -> Sound:
    frames = world.analyse(samples)[::_STEP]
    power = world.log_power(frames.envelope)
    level = world.with_log_power(frames.envelope, np.zeros(len(frames), np.float32))
    return Sound(
        envelope=level.astype(np.float16),
        breath=frames.breath.astype(np.float16),
        f0=frames.f0,
        power=(power - np.percentile(power, 95)).astype(np.float16),
        starts=np.zeros(1, np.int32),
    )
