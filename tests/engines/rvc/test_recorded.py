"""Steps that are recorded as CUDA graphs learn what they would have learnt one kernel at a time. Needs a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from containers.rvc import checkpoints
from containers.rvc.batches import Lessons, Material
from containers.rvc.learner import LOSSES, Beginning, Learner, Speed, as_graphs
from containers.rvc.recorded import Recorded
from containers.rvc.shape import shape_for
from containers.rvc.team import Team

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
SHAPE = shape_for(40000, "tiny")


def material() -> Material:
    drawn = np.random.default_rng(5)
    lengths = (130, 130, 70, 70, 130, 130)
    total = sum(lengths)
    return Material(
        content=torch.from_numpy(drawn.standard_normal((total, 768)).astype(np.float16)),
        f0=torch.from_numpy(drawn.uniform(100, 300, total).astype(np.float32)),
        samples=torch.from_numpy(0.1 * drawn.standard_normal(total * SHAPE.hop).astype(np.float32)),
        lengths=lengths,
        names=tuple("abcdef"),
    )


def learner(graphs: bool, device: torch.device) -> Learner:
    nothing = Beginning(generator=None, discriminator=None, thinner=64)
    return Learner(SHAPE, nothing, Speed(precision="fp32", cuda_graphs=graphs), 0, device)


def taught(each: Learner, lessons: Lessons, first: int, last: int) -> list[list[float]]:
    return [each.step(*batch, 1e-3 / (1 + step)).tolist() for step, batch in enumerate(lessons.fed(first, last), first)]


@gpu
@pytest.mark.parametrize("keep", ["device", "host"])
def test_recorded_steps_come_to_the_losses_of_steps_that_are_not(keep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both shapes of batches, at a learning rate that changes with every step; within what order of sums does."""
    device, made = torch.device("cuda"), []
    record = Recorded._recorded
    monkeypatch.setattr(Recorded, "_recorded", lambda self, *given: made.append(1) or record(self, *given))
    lessons = Lessons(material(), SHAPE, 2, 0, device, keep)
    plain, recorded = (taught(learner(each, device), lessons, 0, 12) for each in (False, True))
    assert len(made) == 2
    assert recorded[-1][: len(LOSSES)] != recorded[0][: len(LOSSES)]
    np.testing.assert_allclose(recorded, plain, rtol=0.02, atol=1e-4)


@gpu
def test_a_training_that_goes_on_records_anew_and_keeps_its_rate(tmp_path: Path) -> None:
    device = torch.device("cuda")
    lessons = Lessons(material(), SHAPE, 2, 0, device)
    whole = learner(True, device)
    taught(whole, lessons, 0, 6)
    checkpoints.put(tmp_path / "state.pt", whole.state())
    again = learner(True, device)
    again.restore(checkpoints.read(tmp_path / "state.pt", device))
    np.testing.assert_allclose(taught(again, lessons, 6, 12), taught(whole, lessons, 6, 12), rtol=0.02, atol=1e-4)


@pytest.mark.parametrize(
    ("speed", "team", "kind", "expected"),
    [
        (Speed(), Team(), "cuda", True),
        (Speed(cuda_graphs=False), Team(), "cuda", False),
        (Speed(), Team(size=2), "cuda", False),
        (Speed(precision="fp16"), Team(), "cuda", False),
        (Speed(), Team(), "cpu", False),
    ],
)
def test_steps_are_recorded_on_one_gpu_where_nothing_in_them_waits_for_it(
    speed: Speed, team: Team, kind: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert as_graphs(speed, torch.device(kind), team) is expected
