"""Weights, batches, memory that does not suffice, and half precision."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from containers.contract.errors import EngineError
from containers.demucs import backend
from containers.demucs.bag import load_bag
from containers.demucs.segments import Segment
from containers.demucs.vocals_model import VocalsModel
from tests.engines.demucs.sounds import asked, music


def model(folder: Path, *, at_once: int = 0, precision: str = "float32") -> VocalsModel:
    return VocalsModel(load_bag(folder), torch.device("cpu"), precision=precision, overlap=0.25, at_once=at_once)


def segments(engine: VocalsModel, count: int) -> list[Segment]:
    length = engine.grid.length
    generator = torch.Generator().manual_seed(3)
    windows = torch.randn(count, 2, engine.window(length), generator=generator)
    return [Segment(window=window, length=length) for window in windows]


class Watched:
    """A model's forward that remembers how many segments came at once, and fails above `most`."""

    def __init__(self, forward: Callable[[Any], Any], most: int = 1 << 30, fail: Callable[[], object] = int) -> None:
        self.sizes: list[int] = []
        self._forward, self._most, self._fail = forward, most, fail

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(windows))
        if len(windows) > self._most:
            self._fail()
        return self._forward(windows)


def test_segments_of_three_recordings_go_through_the_model_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = backend.setup(backend.Options(model="hasty", segments_at_once=4))
    only = backend._model(options)._bag.models[0]
    watched = Watched(only.forward)
    monkeypatch.setattr(only, "forward", watched)
    pairs = [asked(tmp_path / str(i), music(7.0, i)) for i in range(3)]  # 3 segments each: at 0, 3 and 6 s
    answers = dict(backend.separate_many(options, iter(pairs)))
    assert not [answer for answer in answers.values() if isinstance(answer, Exception)]
    assert sum(watched.sizes) == 9
    assert len(watched.sizes) == 3 + 2  # the last segment of each is shorter, so this model hears it by itself


def out_of_memory_of_torch() -> None:
    torch.empty(1 << 50, dtype=torch.uint8)


def out_of_memory_of_python() -> None:
    raise MemoryError


def out_of_memory_of_cuda() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


@pytest.mark.parametrize("fail", [out_of_memory_of_torch, out_of_memory_of_python, out_of_memory_of_cuda])
def test_a_batch_that_memory_does_not_hold_is_halved_until_it_does(
    weights_home: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[], object]
) -> None:
    engine = model(weights_home / "hasty", at_once=8)
    expected = engine(segments(engine, 8))
    watched = Watched(engine._bag.models[0].forward, most=3, fail=fail)
    monkeypatch.setattr(engine._bag.models[0], "forward", watched)
    torch.testing.assert_close(engine(segments(engine, 8)), expected, rtol=0, atol=1e-6)
    assert watched.sizes == [8, 4, 2, 2, 2, 2]
    assert engine.at_once == 2


def test_memory_for_not_even_one_segment_is_the_machines_fault(
    weights_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = model(weights_home / "hasty", at_once=2)
    watched = Watched(engine._bag.models[0].forward, most=0, fail=out_of_memory_of_torch)
    monkeypatch.setattr(engine._bag.models[0], "forward", watched)
    with pytest.raises(EngineError, match="memory_gb"):
        engine(segments(engine, 2))


def test_another_failure_of_the_model_is_not_taken_for_want_of_memory(
    weights_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = model(weights_home / "hasty", at_once=2)
    watched = Watched(engine._bag.models[0].forward, most=1, fail=lambda: torch.zeros(2) @ torch.zeros(3))
    monkeypatch.setattr(engine._bag.models[0], "forward", watched)
    with pytest.raises(RuntimeError, match="inconsistent tensor size"):
        engine(segments(engine, 2))


def test_on_a_cpu_one_segment_goes_through_the_model_at_a_time(weights_home: Path) -> None:
    assert model(weights_home / "hasty").at_once == 1


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near_to_float32_and_not_the_same(weights_home: Path, precision: str) -> None:
    """Computed on the CPU here, where the engine refuses it, since it is the same arithmetic."""
    engine = model(weights_home / "bag")
    (exact,) = engine(segments(engine, 1))
    (half,) = model(weights_home / "bag", precision=precision)(segments(engine, 1))
    distance_db = 10 * torch.log10((exact**2).mean() / ((exact - half) ** 2).mean())
    assert 20 < distance_db < 90


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, which does half precision")
def test_half_precision_is_refused_where_nothing_computes_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match="needs a GPU, and there is none"):
        backend.setup(backend.Options(model="htdemucs", precision="float16"))
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(EngineError, match="needs a GPU or a CPU that computes in it"):
        backend.setup(backend.Options(model="htdemucs", precision="bfloat16"))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_changes_an_sdr_of_8_db_by_less_than_a_twentieth(weights_home: Path, precision: str) -> None:
    """A truth that float32's vocals reach an SDR of 8 dB by; full-size models are nearer."""
    (exact,) = model(weights_home / "htdemucs")(segments(model(weights_home / "htdemucs"), 1))
    (half,) = model(weights_home / "htdemucs", precision=precision)(segments(model(weights_home / "htdemucs"), 1))
    rest = torch.randn(exact.shape, generator=torch.Generator().manual_seed(4))
    truth = exact + rest * exact.std() * 10 ** (-8 / 20)
    sdr = [float(10 * torch.log10((truth**2).sum() / ((truth - each) ** 2).sum())) for each in (exact, half)]
    assert abs(sdr[1] - sdr[0]) < 0.05


def test_a_model_that_overflows_says_so_and_gives_no_sound(weights_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = model(weights_home / "hasty")
    only = engine._bag.models[0]
    forward = only.forward
    monkeypatch.setattr(only, "forward", lambda windows: forward(windows) * float("inf"))
    with pytest.raises(EngineError, match="set the option precision to float32"):
        engine(segments(engine, 1))


@pytest.mark.parametrize("wrong", [{"segments_at_once": -1}, {"overlap": 1.0}, {"overlap": -0.1}, {"threads": -1}])
def test_options_without_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"or more"):
        backend.Options(model="htdemucs", **wrong)


# ---------------------------------------------------------------- weights


def test_results_name_the_library_its_version_and_the_model() -> None:
    backend.setup(backend.Options(model="htdemucs"))
    assert backend.version() == "demucs 4.1.0 htdemucs"


def test_weights_that_are_not_here_are_asked_for_by_the_command_that_brings_them(tmp_path: Path) -> None:
    options = backend.setup(backend.Options(model="htdemucs_ft"))
    with pytest.raises(EngineError, match="voicecast weights fetch htdemucs_ft"):
        backend.separate(options, *asked(tmp_path / "item", music(1.0, 0)))


def test_models_of_a_bag_that_do_not_count_for_vocals_need_not_be_there(weights_home: Path, tmp_path: Path) -> None:
    shutil.copytree(weights_home / "bag", folder := tmp_path / "bag")
    whole = load_bag(folder)
    (folder / "00000000.safetensors").unlink()
    assert len(load_bag(folder).models) == len(whole.models) == 2
    (folder / "00000001.safetensors").unlink()
    with pytest.raises(EngineError, match=r"lack 00000001.safetensors; run: voicecast weights fetch bag"):
        load_bag(folder)


def test_one_safetensors_needs_no_yaml_and_several_do(weights_home: Path, tmp_path: Path) -> None:
    shutil.copytree(weights_home / "bag", folder := tmp_path / "mine")
    (folder / "bag.yaml").unlink()
    with pytest.raises(EngineError, match="3 safetensors and 0 yaml"):
        load_bag(folder)
    for name in ("00000000", "00000001"):
        (folder / f"{name}.safetensors").unlink()
    assert len(load_bag(folder).models) == 1


def test_a_pickle_is_not_opened(weights_home: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "htdemucs").mkdir()
    (folder / "955717e8-8726e21a.th").write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(EngineError, match="0 safetensors and 0 yaml"):
        load_bag(folder)


@pytest.mark.parametrize("spoiled", [{"klass": "subprocess.Popen"}, {"structure": "{}"}])
def test_a_file_that_names_another_class_or_is_quantized_is_refused(
    weights_home: Path, tmp_path: Path, spoiled: dict[str, str]
) -> None:
    with safe_open(weights_home / "hasty" / "00000000.safetensors", framework="pt") as file:
        metadata = {**file.metadata(), **spoiled}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)
    (folder := tmp_path / "spoiled").mkdir()
    save_file(tensors, folder / "mine.safetensors", metadata=metadata)
    with pytest.raises(EngineError, match=r"is quantized|is no model of Demucs"):
        load_bag(folder)


def test_a_model_without_vocals_is_refused(weights_home: Path, tmp_path: Path) -> None:
    path = weights_home / "hasty" / "00000000.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    metadata["kwargs"] = json.dumps({**json.loads(metadata["kwargs"]), "sources": ["drums", "bass"]})
    (folder := tmp_path / "drums").mkdir()
    save_file(tensors, folder / "mine.safetensors", metadata=metadata)
    with pytest.raises(EngineError, match="gives drums, bass, and no vocals"):
        load_bag(folder)
