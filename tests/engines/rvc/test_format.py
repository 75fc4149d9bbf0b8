"""The network and the files are those of the RVC v2 ecosystem."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from containers.contract.errors import EngineError, RequestError
from containers.rvc import pretrained
from containers.rvc.discriminator import Discriminator
from containers.rvc.files import Voice, generator_of, read_voice, write_voice
from containers.rvc.generator import Generator
from containers.rvc.learner import BETAS, DECAY, EPSILON
from containers.rvc.losses import KL_WEIGHT, MEL_WEIGHT
from containers.rvc.pretrained import pretrained_pair
from containers.rvc.shape import SAMPLE_RATES_HZ, shape_for
from tests.engines.rvc.made import TINY_40K, heard, spoken, tensors_for

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "rvc_v2.json").read_text("utf-8"))


def shapes(build: Callable[[], torch.nn.Module]) -> dict[str, list[int]]:
    with torch.device("meta"):
        return {name: list(each.shape) for name, each in build().state_dict().items()}


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES_HZ)
def test_the_generator_has_every_tensor_of_the_format_and_no_other(rate_hz: int) -> None:
    assert (
        shapes(lambda: Generator(shape_for(rate_hz, "full")))
        == FACTS["generator_40000"] | FACTS["differs"][str(rate_hz)]
    )


def test_the_discriminator_has_every_tensor_of_the_format_in_both_ways_of_normalising() -> None:
    spectral = FACTS["discriminator"]
    assert shapes(lambda: Discriminator(spectral=True)) == spectral
    by_weight = shapes(Discriminator)
    plain = {name.replace("parametrizations.weight.original", "weight_v"): each for name, each in spectral.items()}
    plain = {name: each for name, each in plain.items() if not name.endswith(("._u", "._v"))}
    assert {name: each for name, each in by_weight.items() if not name.endswith("weight_g")} == plain


@pytest.mark.skipif("CASES" not in os.environ, reason="needs the folder of cases that CASES names")
def test_a_tiny_voice_sounds_as_established_implementations_make_it() -> None:
    """The fixture's own bound: two of them agree to 1e-7, ours must to 1e-5 of the peak."""
    folder = Path(os.environ["CASES"]) / "rvc_format"
    known = np.load(folder / "tiny40k.npz")
    made = spoken(generator_of(read_voice(folder / "tiny40k.pth")), known["phone"], known["f0"], int(known["sid"][0]))
    assert np.abs(made - known["audio"].ravel()).max() <= 1e-5 * np.abs(known["audio"]).max()


def test_a_voice_sounds_as_it_did_when_the_network_agreed_with_established_implementations() -> None:
    """Every second sample, kept from the code that passed the test above; float32 sums differ by the machine."""
    expected = np.load(HERE / "small_voice.npy", allow_pickle=False)
    voice = Voice(shape=TINY_40K, tensors=tensors_for(TINY_40K), info="")
    made = spoken(generator_of(voice), *heard())[::2]
    assert np.abs(made - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_written_voice_reads_back_and_holds_what_other_programs_look_for(tmp_path: Path, ending: str) -> None:
    tensors = tensors_for(TINY_40K)
    path = write_voice(tmp_path / f"endou{ending}", TINY_40K, tensors, "20 epochs")
    voice = read_voice(path)
    assert voice.shape == TINY_40K
    assert all(torch.equal(voice.tensors[name], each.half().float()) for name, each in tensors.items())
    if ending == ".pth":
        content = torch.load(path, weights_only=True)
        assert set(content) == {"weight", "config", "info", "sr", "f0", "version"}
        assert (content["sr"], content["f0"], content["version"], len(content["config"])) == ("40k", 1, "v2", 18)
        assert {each.dtype for each in content["weight"].values()} == {torch.float16}
        full = Generator(TINY_40K)
        answer = full.load_state_dict(content["weight"], strict=False)
        assert not answer.unexpected_keys
        assert all(name.startswith("enc_q.") for name in answer.missing_keys), "what a voice file has not"


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES_HZ)
def test_a_written_voice_of_full_size_has_no_key_missing_and_none_too_many(tmp_path: Path, rate_hz: int) -> None:
    """As other programs load it: all tensors of the format but the posterior's, of the format's shapes."""
    shape = shape_for(rate_hz, "full")
    empty = {name: torch.zeros(each) for name, each in shapes(lambda: Generator(shape)).items()}
    content = torch.load(write_voice(tmp_path / "voice.pth", shape, empty, ""), weights_only=True)
    known = FACTS["generator_40000"] | FACTS["differs"][str(rate_hz)]
    wanted = {name: each for name, each in known.items() if not name.startswith("enc_q.")}
    assert {name: list(each.shape) for name, each in content["weight"].items()} == wanted
    assert (len(content["config"]), content["config"][-1], content["sr"]) == (18, rate_hz, f"{rate_hz // 1000}k")
    assert read_voice(tmp_path / "voice.pth").shape == shape


@pytest.mark.skipif("CASES" not in os.environ, reason="needs the folder of cases that CASES names")
def test_the_facts_kept_here_are_those_of_the_cases() -> None:
    cases = json.loads((Path(os.environ["CASES"]) / "rvc_format" / "rvc_v2.json").read_text("utf-8"))
    assert {name: cases[name] for name in ("generator_40000", "differs", "discriminator")} == {
        name: FACTS[name] for name in ("generator_40000", "differs", "discriminator")
    }
    for rate_hz in SAMPLE_RATES_HZ:
        known, shape = cases["rates"][str(rate_hz)], shape_for(rate_hz, "full")
        audio, model, learning = known["audio"], known["model"], known["train_defaults"]
        assert (shape.fft, shape.hop, shape.mels) == (
            audio["filter_length"],
            audio["hop_length"],
            audio["n_mel_channels"],
        )
        assert shape.segment_frames * shape.hop == learning["segment_size"]
        assert (list(shape.up_rates), list(shape.up_kernels)) == (
            model["upsample_rates"],
            model["upsample_kernel_sizes"],
        )
        assert (shape.speakers, shape.speaker_channels) == (model["spk_embed_dim"], model["gin_channels"])
        assert len(shape.as_list()) == len(known["config_list"])
        assert known["parameters"] == sum(prod(each) for each in shapes(lambda shape=shape: Generator(shape)).values())
        assert (list(BETAS), EPSILON, DECAY) == (learning["betas"], learning["eps"], learning["lr_decay"])
        assert (learning["c_mel"], learning["c_kl"]) == (MEL_WEIGHT, KL_WEIGHT)


def test_the_config_has_the_18_items_in_the_formats_order() -> None:
    dilations, rates = [[1, 3, 5]] * 3, [10, 10, 2, 2]
    assert shape_for(40000, "full").as_list() == [
        1025, 32, 192, 192, 768, 2, 6, 3, 0, "1", [3, 7, 11], dilations, rates, 512, [16, 16, 4, 4], 109, 256, 40000,
    ]  # fmt: skip


def test_a_voice_in_newer_names_of_weight_normalisation_is_read(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.pth", TINY_40K, tensors_for(TINY_40K), "")
    content = torch.load(path, weights_only=True)
    newer = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    content["weight"] = {
        name.replace(name[-9:], newer[name[-9:]]) if name[-9:] in newer else name: each
        for name, each in content["weight"].items()
    }
    torch.save(content, tmp_path / "newer.pth")
    assert read_voice(tmp_path / "newer.pth").tensors.keys() == read_voice(path).tensors.keys()


class Mine:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("by_torch", [True, False])
def test_a_malicious_file_is_refused_and_nothing_of_it_runs(tmp_path: Path, by_torch: bool) -> None:
    trap, path = tmp_path / "sprung", tmp_path / "voice.pth"
    content = {"weight": {}, "config": Mine(trap), "version": "v2"}
    if by_torch:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(RequestError, match="was not opened"):
        read_voice(path)
    assert not trap.exists()
    with path.open("rb") as stream:  # the trap is real: what a careless program would have done
        torch.load(stream, weights_only=False) if by_torch else pickle.load(stream)  # noqa: S301
    assert trap.exists()


def v1(content: dict[str, Any]) -> None:
    content["version"] = "v1"


def v1_without_a_word(content: dict[str, Any]) -> None:
    del content["version"]
    content["weight"]["enc_p.emb_phone.weight"] = torch.zeros(16, 256)


def no_f0(content: dict[str, Any]) -> None:
    content["f0"] = 0
    del content["weight"]["enc_p.emb_pitch.weight"]


def another_vocoder(content: dict[str, Any]) -> None:
    content["vocoder"] = "RefineGAN"


def no_config(content: dict[str, Any]) -> None:
    del content["config"]


def short_config(content: dict[str, Any]) -> None:
    content["config"].pop()


def number_for_a_config(content: dict[str, Any]) -> None:
    content["config"] = 18


def missing_tensor(content: dict[str, Any]) -> None:
    del content["weight"]["dec.conv_post.weight"]


def more_tensors(content: dict[str, Any]) -> None:
    content["weight"]["dec.more"] = torch.zeros(1)


def other_width(content: dict[str, Any]) -> None:
    content["config"][3] = 18


def absurd_size(content: dict[str, Any]) -> None:
    content["config"][13] = 10**9


def text_for_a_size(content: dict[str, Any]) -> None:
    content["config"][2] = "16"


def no_weights(content: dict[str, Any]) -> None:
    content["weight"] = [1, 2]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (v1, "of version v1"),
        (v1_without_a_word, r"of version v1 that hears 256 content features.*Use a v2 voice"),
        (no_f0, r"without f0 .* use a voice trained with pitch guidance"),
        (another_vocoder, "by the vocoder 'RefineGAN'"),
        (no_config, "no config"),
        (short_config, "a config of 18 items"),
        (number_for_a_config, "a config of 18 items"),
        (missing_tensor, r"1 tensors are missing \['dec.conv_post.weight'\]"),
        (more_tensors, r"1 are unknown \['dec.more'\]"),
        (other_width, "is not what its config says|cannot be divided"),
        (absurd_size, "not that of an RVC v2 voice"),
        (text_for_a_size, "not that of an RVC v2 voice"),
        (no_weights, "no weights of a voice"),
    ],
)
def test_a_file_that_is_no_v2_voice_is_refused_in_words(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], said: str
) -> None:
    path = write_voice(tmp_path / "voice.pth", TINY_40K, tensors_for(TINY_40K), "")
    content = torch.load(path, weights_only=True)
    spoil(content)
    torch.save(content, path)
    with pytest.raises(RequestError, match=said):
        read_voice(path)


def test_a_community_voice_may_keep_its_posterior_say_more_and_count_its_speakers_wrong(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.pth", TINY_40K, tensors_for(TINY_40K), "")
    content = torch.load(path, weights_only=True)
    content["weight"]["enc_q.pre.weight"] = torch.zeros(16, 1025, 1)
    content["config"][15] = 999
    content |= {"epoch": 300, "author": "somebody", "embedder_model": "contentvec", "vocoder": "HiFi-GAN", "sr": 40000}
    torch.save(content, path)
    assert read_voice(path).shape == TINY_40K


def test_pretrained_pairs_are_read_in_both_ways_of_normalising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICECAST_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(
        pretrained, "Discriminator", partial(Discriminator, thinner=16)
    )  # 71 million weights take seconds
    folder = tmp_path / "pair"
    folder.mkdir()
    torch.save({"model": Generator(TINY_40K).state_dict(), "iteration": 1}, folder / "f0G40k.pth")
    with pytest.raises(EngineError, match=r"f0D40k\.pth .* voicecast weights fetch pair"):
        pretrained_pair("pair", TINY_40K)
    for spectral in (False, True):
        torch.save({"model": Discriminator(spectral, thinner=16).state_dict()}, folder / "f0D40k.pth")
        pair = pretrained_pair("pair", TINY_40K)
        assert pair.spectral is spectral
        assert pair.generator.keys() == Generator(TINY_40K).state_dict().keys()
        assert any(name.endswith("._u") for name in pair.discriminator) is spectral
