"""Tiny models of each kind of symbols, and a way to ask the engine as the contract does."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from containers.contract.item import Item
from containers.contract.stages import SynthesizeRequest, SynthesizeResult, WordReading
from containers.vits import backend

ROOT = Path(__file__).resolve().parents[3]
LATIN = list("|abcdefghijklmnopqrstuvwxyz '-")
ENGLISH = list(
    '_;:,.!?¡¿—…"«»“” abcdefghijklmnopqrstuvwxyzɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴ'
    "øɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'̩ᵻ"
)
"""The symbols of the original VITS, which vits-vctk and vits-ljs have."""

Asked = Callable[..., SynthesizeResult]


def _tiny() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_vits", ROOT / "tests/contract/tiny/vits.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, tiny = tmp_path_factory.mktemp("weights"), _tiny()
    tiny.make(out / "accents", tiny.PROSODY.split(), normalize=False)
    tiny.make(out / "letters", LATIN, phonemize=False, language="eng")
    tiny.make(out / "romanized", LATIN, phonemize=False, language="kor", is_uroman=True)
    tiny.make(out / "phonemes", ENGLISH, speakers=3)
    return out


@pytest.fixture
def ask(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Say a text: the result; the WAV lies below `ask.folder`."""
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(models))

    def asked(
        text: str,
        language: str,
        rate: float = 1.0,
        folder: str = "item",
        readings: tuple[WordReading, ...] = (),
        **options: Any,
    ) -> SynthesizeResult:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        model = backend.setup(backend.Options(**options))
        request = SynthesizeRequest(text=text, language=language, rate=rate, readings=readings)
        return backend.synthesize(model, request, Item(path))

    return asked
