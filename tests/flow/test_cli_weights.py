"""voicecast weights, as a person runs it, against a server that answers as the hub does."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from prefect.blocks.system import Secret

from flows.cli.main import main
from flows.cli.terminal import console
from infra import weights_catalogue
from infra.settings import settings
from infra.weights import weights_folder
from infra.weights_catalogue import catalogue
from tests.flow.conftest import RIGHTS
from tests.unit.weights_hub import GOOD, STRANGER, Hub, running_hub

pytestmark = [pytest.mark.prefect, pytest.mark.xdist_group("prefect")]

MODEL, GATED, PICKLE = b"model" * 1000, b"gated" * 1000, b"pickle" * 1000
TABLES = f"""
[htdemucs]
engines = ["demucs"]
source = "hf:maker/model"
licence = "MIT"
megabytes = 1
note = "Read its terms."
[htdemucs.files]
"955717e8.safetensors" = {{ sha256 = "{hashlib.sha256(MODEL).hexdigest()}" }}
"htdemucs.yaml" = {{}}

[closed]
engines = ["pyannote"]
source = "hf:gate/model"
licence = "CC-BY-4.0"
gated = true
megabytes = 1
[closed.files]
"model.safetensors" = {{ sha256 = "{hashlib.sha256(GATED).hexdigest()}" }}

[loose]
engines = ["sovits"]
source = "hf:maker/model"
licence = "none stated"
megabytes = 1
[loose.files]
"G_0.pth" = {{}}
"""
Voicecast = Callable[..., tuple[int, str]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    (tmp_path / "weights.toml").write_text(TABLES)
    monkeypatch.setattr(weights_catalogue, "CONTAINERS", tmp_path)
    monkeypatch.setenv("VOICECAST_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("VOICECAST_RETRY_SECONDS", "0.01")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(console, "_width", 200)
    monkeypatch.chdir(tmp_path)
    with running_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        found.files = {
            ("maker/model", "955717e8.safetensors"): MODEL,
            ("maker/model", "htdemucs.yaml"): b"models: ['955717e8']\n",
            ("maker/model", "G_0.pth"): PICKLE,
            ("gate/model", "model.safetensors"): GATED,
        }
        found.gated = {"gate/model"}
        settings.cache_clear()
        catalogue.cache_clear()
        yield found
    settings.cache_clear()
    catalogue.cache_clear()


@pytest.fixture
def voicecast(hub: Hub) -> Voicecast:
    """Run `voicecast weights ...`: its exit code and all it said."""

    def run(*arguments: str) -> tuple[int, str]:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as left:
            main(["weights", *arguments])
        assert "VOICECAST_TRACEBACK" not in said.getvalue()
        return int(left.value.code or 0), said.getvalue()

    return run


def series(folder: Path, extra: str) -> Path:
    path = folder / "series.yaml"
    path.write_text(
        f"series: toy\nepisodes: .\nlanguage: ja\ncharacters: {{anna: {{name: Anna, {RIGHTS}}}}}\n{extra}\n"
    )
    return path


def test_a_fetch_says_the_licence_and_what_it_trusted(voicecast: Voicecast) -> None:
    code, said = voicecast("fetch", "htdemucs")
    assert code == 0
    assert "htdemucs: fetched 2 files; licence: MIT. Read its terms." in said
    assert "pinned on this first fetch (pins.json), since nobody had vouched for them: htdemucs.yaml" in said
    assert voicecast("fetch", "htdemucs") == (0, "htdemucs: here already\n")


def test_without_a_name_the_engines_of_the_series_say_what_is_needed(voicecast: Voicecast, tmp_path: Path) -> None:
    path = series(tmp_path, "engines: {separate: demucs}")
    assert voicecast("fetch", "--config", str(path))[0] == 0
    assert (weights_folder() / "htdemucs" / "955717e8.safetensors").read_bytes() == MODEL
    path = series(tmp_path, "")
    assert voicecast("fetch", "--config", str(path)) == (0, "The engines of this series need no weights.\n")


def test_weights_of_ones_own_that_a_series_names_are_not_asked_for(voicecast: Voicecast, tmp_path: Path) -> None:
    path = series(tmp_path, "engines: {separate: demucs}\noptions: {demucs: {model: mine}}")
    code, said = voicecast("fetch", "--config", str(path))
    assert (code, "no weights 'mine' are known" in said) == (2, True)
    (weights_folder() / "mine").mkdir(parents=True)
    (weights_folder() / "mine" / "x.safetensors").write_bytes(b"x")
    assert voicecast("fetch", "--config", str(path))[0] == 0


def test_without_name_and_series_it_says_what_to_name(voicecast: Voicecast) -> None:
    code, said = voicecast("fetch")
    assert code == 2
    assert "name weights (voicecast weights list), a series file (--config), or --all" in said


def test_one_that_is_refused_does_not_take_the_others_along(voicecast: Voicecast) -> None:
    code, said = voicecast("fetch", "--all")
    assert code == 2
    assert "https://huggingface.co/gate/model" in said
    assert "--accept-pickle loose" in said
    assert (weights_folder() / "htdemucs").is_dir()


def test_a_pickle_is_fetched_when_it_is_accepted_by_name(voicecast: Voicecast) -> None:
    assert voicecast("fetch", "loose", "--accept-pickle", "htdemucs")[0] == 2
    assert voicecast("fetch", "loose", "--accept-pickle", "loose")[0] == 0
    assert (weights_folder() / "loose" / "G_0.pth").read_bytes() == PICKLE
    assert voicecast("fetch", "loose", "--accept-pickle", "nothing")[0] == 2


def test_the_list_tells_states_pins_and_licences(voicecast: Voicecast) -> None:
    voicecast("fetch", "htdemucs")
    (weights_folder() / "mine").mkdir()
    code, said = voicecast("list")
    rows = {
        cells[1]: cells[2:-1] for line in said.splitlines() if len(cells := [c.strip() for c in line.split("│")]) > 6
    }
    assert code == 0
    assert rows["htdemucs"] == ["demucs", "here", "0 MB", "on first fetch", "MIT"]
    assert rows["closed"] == ["pyannote", "missing", "about 1 MB", "by us", "CC-BY-4.0 (gated)"]
    assert rows["loose"][3] == "not yet"
    assert rows["mine"][1] == "own"


def test_verify_names_what_is_damaged_and_a_fetch_repairs_it(voicecast: Voicecast) -> None:
    voicecast("fetch", "htdemucs")
    assert voicecast("verify") == (0, "htdemucs: here\n")
    path = weights_folder() / "htdemucs" / "955717e8.safetensors"
    path.write_bytes(MODEL[:-1])
    code, said = voicecast("verify")
    assert code == 1
    assert "htdemucs: damaged, 955717e8.safetensors" in said
    assert "run: voicecast weights fetch htdemucs" in said
    assert voicecast("fetch", "htdemucs")[0] == 0
    assert voicecast("verify", "htdemucs")[0] == 0
    code, said = voicecast("verify", "closed")
    assert (code, "run: voicecast weights fetch closed" in said) == (1, True)


def test_the_token_comes_from_the_variable_or_the_prefect_block_and_is_said_nowhere(
    voicecast: Voicecast, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, none = voicecast("fetch", "closed")
    assert (code, "HF_TOKEN" in none, "`hf-token`" in none) == (2, True, True)
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    code, stranger = voicecast("fetch", "closed")
    assert (code, "is not given to this token" in stranger) == (2, True)
    monkeypatch.delenv("HF_TOKEN")
    Secret(value=GOOD).save("hf-token")
    try:
        code, good = voicecast("fetch", "closed")
    finally:
        Secret.delete("hf-token")
    assert code == 0
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for token in (GOOD, STRANGER):
        assert token not in none + stranger + good
        assert token.encode() not in written
