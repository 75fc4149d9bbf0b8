"""The page from the plan to voicecast names models and functions that there are."""

from __future__ import annotations

import re
import tomllib

import flows
from infra.engines import engines
from infra.settings import HERE

PAGE = (HERE / "docs" / "from-the-plan.md").read_text("utf-8")


def test_every_model_of_the_table_is_in_the_catalogue_and_an_option_of_its_engine() -> None:
    known = tomllib.loads((HERE / "containers" / "weights.toml").read_text("utf-8"))
    sources = " ".join(str(each.get("source")) + str(each.get("files")) for each in known.values())
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \| (`[^|]+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert {engine for engine, _, _ in rows} == {"demucs", "uvr", "pyannote", "vits", "rvc", "sovits"}
    for engine, options, ids in rows:
        assert set(re.findall(r"`([^`]+)`", options)) == set(engines()[engine].weights)
        for name in re.findall(r"`([^`]+)`", ids):
            if "/" in name:
                assert f"hf:{name.removesuffix('...')}" in sources, name
            else:
                assert engine in known[name]["engines"], name


def test_what_the_pages_import_from_flows_is_there() -> None:
    pages = PAGE + (HERE / "docs" / "speaking.md").read_text("utf-8")
    names = {name.strip() for line in re.findall(r"from flows import (.+)", pages) for name in line.split(",")}
    assert names == {"dub", "speak", "speak_script"}
    for name in names:
        assert callable(getattr(flows, name))
    assert not hasattr(flows, "nothing")
