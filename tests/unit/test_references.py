"""References are heard side by side, and one that fails stops no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from containers.contract.errors import EngineError
from tasks.speakers.references import hear_references, known_references, references_of
from tasks.studio import Studio
from tests.unit.stub_studio import RIGHTS, studio_at


def studio_with(folder: Path, *scripts: dict[str, Any]) -> Studio:
    """A series whose one character has a reference for each script."""
    for number, script in enumerate(scripts):
        (folder / f"anna-{number}.flac").write_text(json.dumps({"stub": {"person": "anna", **script}}))
    anna = {"name": "Anna", "rights": RIGHTS, "references": ["anna-*.flac"]}
    return studio_at(folder, characters={"anna": anna})


def test_a_reference_that_cannot_be_read_is_named_and_the_others_are_heard(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, {"title": "a"}, {"fail": "recording", "stage": "extract"}, {"title": "c"})
    failed = hear_references(studio, references_of(studio))
    assert list(failed) == ["reference anna-1.flac of anna"]
    assert "says that extract fails here" in failed["reference anna-1.flac of anna"]
    assert len(known_references(studio)) == 2


def test_what_the_machine_failed_on_is_raised_by_its_name_once_the_others_are_heard(tmp_path: Path) -> None:
    studio = studio_with(tmp_path, {"fail": "machine", "stage": "embed"}, {"title": "b"})
    with pytest.raises(EngineError, match=r"reference anna-0\.flac of anna: .* embed fails here"):
        hear_references(studio, references_of(studio))
    assert len(known_references(studio)) == 1
