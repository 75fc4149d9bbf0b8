"""A short seeded run of the chaos harness: nothing is lost, half or done twice; and the harness sees it when it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.children import Loss
from tests.chaos.rounds import QUICK, Undisturbed, play, undisturbed

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return undisturbed(tmp_path_factory.mktemp("truth") / "season", 1)


@pytest.mark.parametrize("fault", QUICK)
def test_a_season_that_is_struck_and_run_again_is_as_if_nothing_had_been(
    fault: str, truth: Undisturbed, tmp_path: Path
) -> None:
    round_ = play(fault, 1, tmp_path / "round", truth, 1)
    assert round_.redone <= round_.in_flight or fault in ("engine", "failing", "clock")


def test_the_harness_sees_a_changed_file(truth: Undisturbed, tmp_path: Path) -> None:
    key = next(key for key in truth.contents if key.endswith("recording.flac") and "episodes" in key)
    other = Undisturbed(**{**vars(truth), "contents": {**truth.contents, key: "0" * 64}})
    with pytest.raises(Loss, match=r"half a file|not as undisturbed"):
        play("write", 2, tmp_path / "round", other, 1)
