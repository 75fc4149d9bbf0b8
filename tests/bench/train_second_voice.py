"""Trains the light engine's network that hears a second voice, on many people, and writes its weights.

    CASES=... python -m tests.bench.train_second_voice --voices VOICES --kept FOLDER [--write]

What must lie in VOICES is told in `many_voices`; the half `tune` of CASES is learnt as well, `report` and the people of
`unseen_voices` are not. FOLDER keeps what was decoded, what the network sees of each clip and what was learnt.
Prints, for people and music that the network has not heard (one of `FOLDS` held out at a time): how many clips of two
are found and of one lost, by place, by what goes on under it and by where the voice is from, at log-odds of `--at`.
`--write` then learns from all.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from containers.light.periods import periods_of
from containers.light.second_voice import WEIGHTS, hops_of, log_odds
from tests.bench import many_voices, planted_material, planted_voices
from tests.bench.planted_material import RATE_HZ, Samples
from tests.bench.voice_lessons import FOLDS, clips_of, fold_of, lessons

Weights = dict[str, NDArray[np.float64]]
SEEDS = (1, 2)
_CHANNELS, _WIDTH = 24, 7
_EPOCHS, _BATCH, _RATE, _DECAY = 24, 64, 4e-3, 3e-2
_SURE = 0.97
"""What the network is told of a clip of two is not quite one, so that it is not surer than it can be."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the network sees of a lesson (hops, figures); the rest as in Lesson."""

    people: tuple[str, ...]
    place: str
    under: str
    hops: NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.train_second_voice", description=__doc__)
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--at", type=float, default=0.0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    learnt = seen(options.voices, options.kept, Path(os.environ["CASES"]))
    print(json.dumps(held_out(learnt, options.kept, options.at), indent=1))
    if options.write:
        _write(WEIGHTS, fit(learnt))


def seen(voices: Path, kept: Path, cases: Path) -> list[Seen]:
    """Kept as one file for the next run; delete it when what the network looks at has changed."""
    path = kept / "lessons.npz"
    if not path.exists():
        spoken = many_voices.voices(voices, cases, kept / "made")
        own = {f"tune-{name}": lines for name, lines in planted_voices.everything(cases, "tune").items()}
        clips = clips_of({**spoken, **own})
        tracks = [*planted_material.surroundings(cases, "tune").tracks, *many_voices.music(voices)]
        made = [
            Seen(people=one.people, place=one.place, under=one.under, hops=what_is_seen(one.samples).astype(np.float32))
            for seed in SEEDS
            for one in lessons(clips, tracks, seed)
        ]
        ends = np.cumsum([len(one.hops) for one in made])
        of = np.array([json.dumps([one.people, one.place, one.under]) for one in made])
        np.savez(path, hops=np.concatenate([one.hops for one in made]), ends=ends, of=of)
    with np.load(path) as file:
        each = np.split(file["hops"], file["ends"][:-1])
        said = [json.loads(str(one)) for one in file["of"]]
    return [
        Seen(people=tuple(who), place=place, under=under, hops=hops)
        for (who, place, under), hops in zip(said, each, strict=True)
    ]


def what_is_seen(samples: Samples) -> NDArray[np.float64]:
    return hops_of(samples, RATE_HZ, periods_of(samples, RATE_HZ))


def held_out(learnt: Sequence[Seen], kept: Path, at: float) -> dict[str, dict[str, str]]:
    """By place, what is under it and where the (first) voice is from: found of two, lost of one."""
    scores = np.zeros(len(learnt))
    for fold in range(FOLDS):
        weights = without(learnt, fold, kept)
        for index, one in enumerate(learnt):
            if fold_of(one.people[0]) == fold:
                scores[index] = log_odds(one.hops, weights)
    two = np.array([len(one.people) > 1 for one in learnt])
    return {
        name: {
            key: f"found {np.mean(scores[two & there] > at):.1%} of {(two & there).sum()}, "
            f"lost {np.mean(scores[~two & there] > at):.1%} of {(~two & there).sum()}"
            for key in sorted(set(keys))
            if (there := np.array(keys) == key).any()
        }
        for name, keys in (
            ("place", [one.place for one in learnt]),
            ("under", [one.under for one in learnt]),
            ("voice", [one.people[0].split("-")[0] for one in learnt]),
        )
    }


def without(learnt: Sequence[Seen], fold: int, kept: Path) -> Weights:
    """What is learnt from the people of the other folds; kept for the next run."""
    path = kept / f"without-{fold}.json"
    if not path.exists():
        _write(path, fit([one for one in learnt if fold_of(one.people[0]) != fold]))
    return {name: np.array(each) for name, each in json.loads(path.read_text("utf-8")).items()}


def _write(path: Path, weights: Weights) -> None:
    rounded = {name: np.round(each, 4).tolist() for name, each in weights.items()}
    path.write_text(json.dumps(rounded) + "\n", "utf-8")


class Network(nn.Module):
    """As `containers.light.second_voice.log_odds`, for many clips of unlike length at once."""

    def __init__(self, figures: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(figures, _CHANNELS, _WIDTH, stride=2, padding=_WIDTH // 2)
        self.second = nn.Conv1d(_CHANNELS, _CHANNELS, _WIDTH, stride=2, padding=_WIDTH // 2)
        self.sum = nn.Linear(2 * _CHANNELS, 1)
        self.without_figures, self.without_sums = nn.Dropout1d(0.1), nn.Dropout(0.3)

    def forward(self, figures: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        within = torch.relu(self.first(self.without_figures(figures))) * inside[:, :, ::2]
        last = inside[:, :, ::4]
        within = torch.relu(self.second(self.without_figures(within))) * last
        count = last.sum(dim=2)
        mean = within.sum(dim=2) / count
        spread = ((within**2).sum(dim=2) / count - mean**2).clamp(min=1e-6).sqrt()
        scores: torch.Tensor = self.sum(self.without_sums(torch.cat([mean, spread], dim=1)))[:, 0]
        return scores


def fit(learnt: Sequence[Seen]) -> Weights:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    every = np.concatenate([one.hops for one in learnt])
    mean, spread = every.mean(axis=0), every.std(axis=0)
    longest = max(len(one.hops) for one in learnt)
    figures = torch.zeros(len(learnt), len(mean), longest)
    inside = torch.zeros(len(learnt), 1, longest)
    for index, one in enumerate(learnt):
        figures[index, :, : len(one.hops)] = torch.from_numpy(((one.hops - mean) / spread).T)
        inside[index, :, : len(one.hops)] = 1
    two = torch.tensor([_SURE if len(one.people) > 1 else 1 - _SURE for one in learnt])
    network = Network(len(mean))
    steps = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    batches = -(-len(learnt) // _BATCH)
    rates = torch.optim.lr_scheduler.OneCycleLR(steps, _RATE, total_steps=_EPOCHS * batches)
    for _ in range(_EPOCHS):
        for some in np.array_split(random.permutation(len(learnt)), batches):
            scores = network(figures[some], inside[some])
            steps.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(scores, two[some]).backward()
            steps.step()
            rates.step()
    return weights_of(network, mean, spread)


def weights_of(network: Network, mean: NDArray[np.floating], spread: NDArray[np.floating]) -> Weights:
    said = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    return {
        "mean": mean.astype(np.float64), "spread": spread.astype(np.float64),
        "first": said["first.weight"], "first_bias": said["first.bias"],
        "second": said["second.weight"], "second_bias": said["second.bias"],
        "sum": said["sum.weight"][0], "sum_bias": said["sum.bias"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
