"""The VITS engine against the library itself, on tiny models of each kind of symbols."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from transformers import VitsModel, VitsTokenizer

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.stages import WordReading
from tests.engines.vits.conftest import Asked

NEEDS_ESPEAK = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="eSpeak NG is not installed")


def test_a_sentence_is_what_the_library_says_with_the_same_seed(ask: Asked, models: Path, tmp_path: Path) -> None:
    ask("Kick the ball!", "en", model="letters", seed=5)
    tokenizer = VitsTokenizer.from_pretrained(models / "letters")
    model = VitsModel.from_pretrained(models / "letters")
    torch.manual_seed(5)
    with torch.no_grad():
        expected = model(tokenizer("Kick the ball!", return_tensors="pt")["input_ids"])
    said, rate = soundfile.read(tmp_path / "item/out/speech.wav", dtype="int16")
    assert rate == 16000
    np.testing.assert_array_equal(said, np.rint(expected.waveform[0].numpy() * 32767))


def test_the_same_request_gives_the_same_bytes_and_another_seed_others(ask: Asked) -> None:
    first = ask("行くぞ。", "ja", model="accents")
    assert ask("行くぞ。", "ja", model="accents", folder="again").speech.sha256 == first.speech.sha256
    assert ask("行くぞ。", "ja", model="accents", folder="other", seed=1).speech.sha256 != first.speech.sha256


def test_japanese_is_read_with_its_accents(ask: Asked) -> None:
    """箸を falls after its first mora, 橋を after its second; a question ends in its mark."""
    assert ask("箸を。", "ja", model="accents").reading == "^ha]shio$"
    assert ask("橋を？", "ja", model="accents").reading == "^ha[shi]o?"


def test_given_readings_and_latin_words_are_said_with_their_accents(ask: Asked) -> None:
    words = (
        WordReading(word="守", reading="まもる", accent=1),
        WordReading(word="橋", reading="はし", accent=1, at=7),
    )
    assert ask("橋、守備、守、橋。", "ja", model="accents", readings=words).reading == "^ha[shi_shu]bi_ma]moru_ha]shi$"
    assert ask("goalだ。", "ja", model="accents").reading == "^go]oruda$"


def test_words_of_other_languages_are_respelled(ask: Asked) -> None:
    words = (WordReading(word="Endou", reading="en doe"),)
    assert ask("Go, Endou!", "en", model="letters", readings=words).reading == "go en doe"


def test_a_pause_lies_between_sentences(ask: Asked, tmp_path: Path) -> None:
    ask("行くぞ。走れ。", "ja", model="accents")
    sound, rate = soundfile.read(tmp_path / "item/out/speech.wav", dtype="int16")
    silent = np.flatnonzero(np.diff(np.flatnonzero(sound)) >= 0.29 * rate)
    assert len(silent) == 1


def test_twice_the_rate_takes_about_half_the_time(ask: Asked) -> None:
    """Each symbol takes whole frames, so that it is not exactly half."""
    slow, fast = (ask("みんな、サッカーやろうぜ。", "ja", rate=rate, model="accents").duration for rate in (0.5, 1.0))
    assert 1.5 < slow / fast < 2.1


def test_letters_without_a_symbol_are_named_and_not_left_out(ask: Asked) -> None:
    with pytest.raises(RecordingError, match="no symbol for 3 円 in"):
        ask("Give me 3円", "en", model="letters")


def test_marks_without_a_symbol_are_left_out(ask: Asked) -> None:
    assert ask("Wait, what?", "en", model="letters").reading == "wait what"


@pytest.mark.parametrize("text", ["", "……", "？！", "  \n"])
def test_a_text_without_words_is_the_texts_fault(ask: Asked, text: str) -> None:
    with pytest.raises(RecordingError, match="nothing to say"):
        ask(text, "ja", model="accents")


@pytest.mark.parametrize(("model", "language"), [("letters", "ja"), ("accents", "en"), ("romanized", "en")])
def test_a_model_of_another_language_is_refused(ask: Asked, model: str, language: str) -> None:
    with pytest.raises(RequestError, match="speaks"):
        ask("la la", language, model=model)


def test_a_romanized_model_hears_korean_in_latin_letters(ask: Asked) -> None:
    assert ask("안녕하세요!", "ko", model="romanized").reading == "annyeonghaseyo"


@NEEDS_ESPEAK
def test_phonemes_keep_the_marks_between_them(ask: Asked) -> None:
    assert ask("Hello, world!", "en", model="phonemes").reading == "həlˈoʊ, wˈɜːld!"


@NEEDS_ESPEAK
def test_each_speaker_has_a_voice_and_one_too_many_is_refused(ask: Asked) -> None:
    first, last = (ask("Go.", "en", model="phonemes", speaker=speaker).speech.sha256 for speaker in (0, 2))
    assert first != last
    with pytest.raises(RequestError, match="has 3 speakers"):
        ask("Go.", "en", model="phonemes", speaker=3)


def test_weights_that_lack_a_tensor_are_refused_before_they_make_noise(
    ask: Asked, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(models / "letters", tmp_path / "weights/letters")
    file = tmp_path / "weights/letters/model.safetensors"
    tensors = safetensors.torch.load_file(file)
    del tensors["decoder.conv_pre.weight"]
    safetensors.torch.save_file(tensors, file, {"format": "pt"})
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(EngineError, match=r"lack 1 tensors such as decoder\.conv_pre\.weight; run: voicecast"):
        ask("go", "en", model="letters")


def test_weights_with_the_old_names_of_weight_norm_say_the_same(
    ask: Asked, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published models were saved in 2023 with weight_g and weight_v."""
    new = ask("go", "en", model="letters", folder="new").speech.sha256
    shutil.copytree(models / "letters", tmp_path / "weights/letters")
    file = tmp_path / "weights/letters/model.safetensors"
    old = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in safetensors.torch.load_file(file).items()
    }
    assert any(name.endswith("weight_g") for name in old)
    safetensors.torch.save_file(old, file, {"format": "pt"})
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path / "weights"))
    assert ask("go", "en", model="letters", folder="old").speech.sha256 == new


def test_a_pickled_model_is_not_read(ask: Asked, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(models / "letters", tmp_path / "weights/letters")
    file = tmp_path / "weights/letters/model.safetensors"
    torch.save(safetensors.torch.load_file(file), file.with_name("pytorch_model.bin"))
    file.unlink()
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(EngineError, match="voicecast weights verify letters"):
        ask("go", "en", model="letters")


def test_weights_that_are_not_here_name_the_command_that_brings_them(ask: Asked) -> None:
    with pytest.raises(EngineError, match="voicecast weights fetch mms-tts-xyz"):
        ask("go", "en", model="mms-tts-xyz")
