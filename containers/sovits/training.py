"""The stage train: a character's clips become a voice of so-vits-svc-fork.

One clip in five, two at most, is held out and only listened to at the end (none where there are fewer than five);
the library would keep four clips of every character from the training.
"""

from __future__ import annotations

import json
import math
import shutil
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from so_vits_svc_fork.hparams import HParams
from so_vits_svc_fork.modules.mel_processing import mel_spectrogram_torch
from so_vits_svc_fork.preprocessing.preprocess_flist_config import CONFIG_TEMPLATE_DIR

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import TrainRequest, TrainResult
from containers.contract.weights import weights

from . import library, voice_file
from .learning import LEARNED, PREPARED, Learner, learn, learner_of
from .lessons import RATE_HZ, Lesson, features_of, lesson
from .voice_file import Voice

MIN_SECONDS = 10.0
_STEPS = 10_000
_TEMPLATE = CONFIG_TEMPLATE_DIR / "so-vits-svc-4.0v1.json"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Generator and discriminator that trainings begin with (G_0, D_0)."""

    generator: voice_file.Tensors
    discriminator: voice_file.Tensors


def train(engine: library.Engine, request: TrainRequest, item: Item) -> TrainResult:
    if not request.character or "/" in request.character or request.character.startswith("."):
        raise RequestError(f"a character's name is a file's name too, got {request.character!r}")
    earlier = voice_file.load(item, request.voice) if request.voice else None
    pair = _pretrained(engine)
    config = config_of(request.character, engine, earlier, pair)
    lessons = _lessons(engine, request, item, config)
    held_out = [each for index, each in enumerate(lessons) if index % 5 == 4][:2]
    heard = [each for each in lessons if each not in held_out]
    epochs = engine.options.epochs or math.ceil(_STEPS / math.ceil(len(heard) / engine.options.batch_size))
    config["train"]["epochs"] = epochs
    learner = learner_of(config)
    _begin(learner, earlier, pair)
    learn(learner, [each.sound for each in heard], item, config, engine.options, epochs)
    item.progress(LEARNED)
    seconds = sum(each.seconds for each in heard)
    f0_median_hz = _f0_median_hz(lessons)
    config["voicecast"] |= {"f0_median_hz": f0_median_hz, "seconds": round(seconds, 3)}
    voice = Voice(learner.net_g.state_dict(), config)
    result = TrainResult(
        files=voice_file.save(item, request.character, voice, epochs),
        format=voice_file.FORMAT,
        sample_rate_hz=RATE_HZ,
        seconds=round(seconds, 3),
        f0_median_hz=f0_median_hz,
        scores=_scores(learner, held_out, engine, HParams(**config)),
    )
    shutil.rmtree(item.state / "lessons")
    return result


def config_of(character: str, engine: library.Engine, earlier: Voice | None, pair: Pair | None) -> dict[str, Any]:
    """The library's config for this voice: its template and the options, or the config of an earlier voice."""
    options = engine.options
    config = deepcopy(earlier.config) if earlier else _template(engine, pair)
    if earlier:
        voice_file.check(earlier, engine)
    for name in ("batch_size", "learning_rate", "segment_size"):
        config["train"][name] = getattr(options, name)
    config["spk"] = {character: 0}
    config["voicecast"] = {"format": voice_file.FORMAT, "content": options.content, "f0_method": options.f0_method}
    return config


def _template(engine: library.Engine, pair: Pair | None) -> dict[str, Any]:
    """The template, its network as wide as the content and as the pair's table of speakers.

    The pair that the library downloads has 768 numbers a speaker and its template 256, so it throws away eight
    tensors of the pair.
    """
    config = json.loads(_TEMPLATE.read_text("utf-8"))
    del config["model"]["pretrained"]  # addresses that the library would download from
    unknown = [name for name in engine.options.model if type(config["model"].get(name)) is not int]
    if unknown:
        raise RequestError(f"option model names {unknown}, which are no numbers of {_TEMPLATE.name}")
    config["model"] |= {"ssl_dim": engine.content.config.hidden_size, **engine.options.model}
    if pair and "emb_g.weight" in pair.generator:
        speakers, width = pair.generator["emb_g.weight"].shape
        config["model"] |= {"n_speakers": speakers, "gin_channels": width}
    return dict(config)


def _lessons(engine: library.Engine, request: TrainRequest, item: Item, config: dict[str, Any]) -> list[Lesson]:
    made = []
    for index, file in enumerate(request.clips):
        item.progress(PREPARED * index / len(request.clips))
        made.append(lesson(file, item, engine, config))
    lessons = [each for each in made if each is not None]
    seconds = sum(each.seconds for each in lessons)
    if seconds < MIN_SECONDS:
        raise RecordingError(
            f"{request.character} has {seconds:.1f} s of speech, and a sovits voice needs {MIN_SECONDS:.0f} s (20 "
            "minutes to be good); approve more of the character's clips, or leave the character out"
        )
    return lessons


def _pretrained(engine: library.Engine) -> Pair | None:
    if not engine.options.pretrained:
        return None
    folder = weights(engine.options.pretrained)
    return Pair(generator=_half(folder, "G_0"), discriminator=_half(folder, "D_0"))


def _half(folder: Path, name: str) -> voice_file.Tensors:
    paths = [path for path in (folder / f"{name}.safetensors", folder / f"{name}.pth") if path.exists()]
    if not paths:
        raise EngineError(f"weights {folder.name} lack {name}.pth; run: voicecast weights fetch {folder.name}")
    try:
        return voice_file.tensors_of(paths[0])
    except ValueError as error:
        raise EngineError(f"weights {folder.name} cannot be begun with: {error}; fetch them again") from error


def _begin(learner: Learner, earlier: Voice | None, pair: Pair | None) -> None:
    """Where the networks begin: the pretrained pair, an earlier voice in place of its generator, or by chance."""
    try:
        if pair:
            voice_file.fill(learner.net_d, pair.discriminator)
        if earlier:
            voice_file.fill(learner.net_g, earlier.tensors)
        elif pair:
            voice_file.fill(learner.net_g, pair.generator)
    except ValueError as error:
        raise RequestError(
            f"the training cannot begin with the {'earlier voice' if earlier else 'weights of pretrained'}: {error}; "
            "set pretrained to a pair for this content encoder and model (or to nothing), or leave the voice out"
        ) from error


def _f0_median_hz(lessons: list[Lesson]) -> float | None:
    kept = [torch.load(features_of(each.sound), weights_only=True) for each in lessons]
    voiced = np.concatenate([each["f0"][each["uv"] > 0].numpy() for each in kept])
    return round(float(np.median(voiced)), 2) if len(voiced) else None


@torch.no_grad()
def _scores(learner: Learner, held_out: list[Lesson], engine: library.Engine, config: HParams) -> dict[str, float]:
    """`mel_l1_held_out`: mean difference of log-mel (natural log) between held-out clips and the voice saying them,
    as the library's validation does it; lower is better."""
    network = learner.net_g.to(engine.device).eval()
    found = []
    for each in held_out:
        kept = torch.load(features_of(each.sound), weights_only=True, map_location=engine.device)
        torch.manual_seed(config.train.seed)
        speaker = kept["spk"].reshape(1, 1)
        said = network.infer(kept["content"][None], kept["f0"][None], kept["uv"][None], g=speaker)
        mel = mel_spectrogram_torch(said.squeeze(1).float(), config)
        frames = min(mel.shape[-1], kept["mel_spec"].shape[-1])
        found.append(float((mel[0, :, :frames] - kept["mel_spec"][:, :frames]).abs().mean()))
    return {"mel_l1_held_out": round(float(np.mean(found)), 3)} if found else {}
