"""What is said on the command line, read: characters by id, name or alias; options of engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.options import character_id, options_of
from tests.unit.stub_studio import studio_at


@pytest.mark.parametrize("said", ["endou", "Endou", "円堂 守", "ｍａｍｏｒｕ"])
def test_a_character_is_meant_by_id_name_or_alias(tmp_path: Path, said: str) -> None:
    studio = studio_at(tmp_path, characters={"endou": {"name": "円堂 守", "aliases": ["Mamoru"]}})
    assert character_id(studio, said) == "endou"
    assert character_id(studio, "Zoe") == "Zoe"


def test_an_option_of_an_engine_may_be_empty() -> None:
    assert options_of(["rvc.pretrained=", "rvc.epochs=3"]) == {"rvc": {"pretrained": "", "epochs": 3}}
