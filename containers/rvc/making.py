"""The stage train: from a character's clips to the files of a voice."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item, sha256_of
from containers.contract.stages import TrainRequest, TrainResult

from .batches import Keep, material_of
from .beginning import Origin, origin_of
from .card import Card, coded, earlier, write_cards
from .clips import Clip, read_clips
from .content import ContentEncoder
from .conversion import Listening
from .course import Course
from .f0 import median
from .files import FORMAT, Tensors, write_posterior, write_voice
from .judging import Judge, held_out
from .learner import LOSSES, Learner, Speed
from .likeness import Vector, vector_of
from .logbook import write_curve
from .order import Order
from .retrieval import Index, write_index
from .shape import Size
from .sound import LISTEN_HZ, resampled
from .team_processes import Plan, build, team_of
from .training import Training

_LOG = logging.getLogger("voicecast.rvc")
_MOST_LIKENESS_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How voices are made; see backend.Options for the meaning of each."""

    engine: str
    sample_rate_hz: int
    size: Size
    pretrained: str
    batch_size: int
    speed: Speed
    keep: Keep
    processes: int
    seed: int
    min_seconds: float
    course: Course
    listed: dict[str, Any]


def train_with(
    terms: Terms, listening: Listening, encoder: ContentEncoder, request: TrainRequest, item: Item
) -> TrainResult:
    """Raises RecordingError for clips that are no sound or too few, EngineError where disk or memory are too small."""
    character = request.character
    if not character or "/" in character or character.startswith("."):
        raise RequestError(f"a character's name is a file's name too, got {character!r}")
    origin = origin_of(request.voice, item, terms.sample_rate_hz, terms.size, terms.pretrained)
    rate = origin.shape.rate_hz
    paths = [item.input(each) for each in request.clips]
    clips = read_clips(request.clips, paths, rate, listening, encoder, lambda share: item.progress(0.1 * share))
    learnt, kept_back = held_out(clips)
    _check_enough(character, clips, learnt, terms, origin)
    index_path = write_index(item.output(f"{character}.index"), np.concatenate([each.content for each in learnt]))
    mean = _mean_vector(learnt, rate)
    judge = Judge(kept_back, mean, Index(index_path))
    material, plan = material_of(learnt), _plan(terms, origin)
    quick = torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=True)
    with quick, team_of(plan, material, origin.beginning, item.state, listening.device) as team:
        learner, lessons = build(plan, material, origin.beginning, team, listening.device)
        _check_disk(learner, item.state)
        _LOG.info(
            "%s: %.1f min in %d clips, %d of them held out; %d epochs of %d steps",
            character, sum(each.seconds for each in clips) / 60, len(clips), len(kept_back),
            terms.course.epochs, lessons.steps_per_epoch,
        )  # fmt: skip
        training = Training(learner, lessons, judge, terms.course, item.state, team)
        tensors = training.run(lambda share: item.progress(0.1 + 0.88 * share))
    files = (*_written(item, character, tensors, origin, training), index_path)
    card = _card(character, terms, clips, mean, origin, training)
    scores = card.scores | judge.ceiling(rate)
    hashes = {path.name: sha256_of(path) for path in files} | origin.weights | {"content": encoder.identity}
    cards = write_cards(index_path.parent, replace(card, scores=scores, weights=hashes))
    return TrainResult(
        files=tuple(item.file(path) for path in (*files, *cards)),
        format=FORMAT,
        sample_rate_hz=rate,
        seconds=card.seconds,
        f0_median_hz=card.f0_median_hz,
        scores=scores,
    )


def _plan(terms: Terms, origin: Origin) -> Plan:
    return Plan(
        config=tuple(origin.shape.as_list()),
        spectral=origin.beginning.spectral,
        thinner=origin.beginning.thinner,
        course=terms.course,
        batch_size=terms.batch_size,
        seed=terms.seed,
        speed=terms.speed,
        keep=terms.keep,
        processes=terms.processes,
    )


def _check_enough(character: str, clips: list[Clip], learnt: list[Clip], terms: Terms, origin: Origin) -> None:
    seconds = sum(each.seconds for each in clips)
    if seconds < terms.min_seconds:
        raise RecordingError(
            f"{character} has {seconds:.1f} s of speech, and an rvc voice wants {terms.min_seconds:.0f} s; approve "
            "more of the character's clips, train all the same with the option min_seconds, or leave the character out"
        )
    lengths = tuple(each.frames for each in learnt)
    if not Order(lengths, origin.shape.segment_frames, terms.batch_size, terms.seed).steps_per_epoch:
        raise RecordingError(f"{character} has no clip with half a second of speech; approve longer clips")


def _mean_vector(clips: list[Clip], rate_hz: int) -> Vector | None:
    """Of five minutes, from all over the clips."""
    share = max(1, round(sum(each.seconds for each in clips) / _MOST_LIKENESS_SECONDS))
    return vector_of([resampled(each.samples, rate_hz, LISTEN_HZ) for each in clips[::share]])


def _check_disk(learner: Learner, state: Path) -> None:
    """Three full checkpoints (two, and one being written) and three voices have to fit."""
    numbers = sum(each.numel() for net in (learner.generator, learner.discriminator) for each in net.parameters())
    voice = sum(each.numel() for each in learner.generator.parameters())
    wanted, free = 4 * (3 * 3 * numbers + 3 * voice), shutil.disk_usage(state).free
    _LOG.info("training needs %.1f GB of disk, %.1f GB are free", wanted / 1e9, free / 1e9)
    if free < wanted:
        raise EngineError(f"training needs {wanted / 1e9:.1f} GB of disk, and {free / 1e9:.1f} GB are free; make room")


def _written(item: Item, character: str, tensors: Tensors, origin: Origin, training: Training) -> tuple[Path, ...]:
    info = f"{training.best_epoch}epoch"
    progress = training.progress
    return (
        write_voice(item.output(f"{character}.pth"), origin.shape, tensors, info),
        write_voice(item.output(f"{character}.safetensors"), origin.shape, tensors, info),
        write_posterior(item.output(f"{character}.posterior.safetensors"), tensors),
        write_curve(item.output(f"{character}.curve.json"), progress.losses, progress.saves, training.best_epoch),
    )


def _card(
    character: str, terms: Terms, clips: list[Clip], mean: Vector | None, origin: Origin, training: Training
) -> Card:
    progress = training.progress
    best = next(save for save in progress.saves if save["epoch"] == training.best_epoch)
    last = progress.losses[training.best_epoch - 1]
    return Card(
        character=character,
        engine=terms.engine,
        sample_rate_hz=origin.shape.rate_hz,
        clips=len(clips),
        seconds=round(sum(each.seconds for each in clips), 3),
        f0_median_hz=median(np.concatenate([each.f0 for each in clips])),
        epochs=len(progress.losses),
        best_epoch=training.best_epoch,
        scores={name: float(each) for name, each in best.items()} | {f"{name}_loss": last[name] for name in LOSSES},
        weights={},
        options=terms.listed,
        vector=coded(mean),
        history=earlier(origin.card) if origin.card else (),
    )
