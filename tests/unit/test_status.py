"""Where a series stands: what its status says beside the counts."""

from __future__ import annotations

from pathlib import Path

from tasks.domain import NOBODY
from tasks.labelling.decisions import decide
from tasks.labelling.labels import record
from tasks.status import status_of
from tests.unit.stub_studio import episode_at, looking, studio_at


def test_labels_of_a_character_that_the_series_file_no_longer_has_are_named(tmp_path: Path) -> None:
    studio = studio_at(tmp_path)
    episode_at(tmp_path)
    said = {"S001": "anna", "S002": "colette", "S003": "colette", "S004": NOBODY}
    record(studio.store, "toy", decide("somebody", "cli", said))
    assert status_of(looking(studio)).unknown == {"colette": 2}
