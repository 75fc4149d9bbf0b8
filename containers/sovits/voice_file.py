"""A voice on disk, in two forms of the same tensors (format "so-vits-svc-4.0").

`<character>.safetensors` is the one this engine reads: the generator, with the config in its header (key
`voicecast`). `<character>.pth` and `<character>.json` are for other so-vits-svc programs (`svc infer -m ... -c
...`). A voice that was trained elsewhere comes as such a pair; it is loaded as tensors only, never as a program.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialized
from so_vits_svc_fork.hparams import HParams
from so_vits_svc_fork.modules.synthesizers import SynthesizerTrn

from containers.contract.codec import canonical
from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import File

from . import library
from .lessons import RATE_HZ

FORMAT = "so-vits-svc-4.0"
Tensors = dict[str, torch.Tensor]


class Voice:
    """Tensors of a generator and the config they fit; `about` is what the library's config does not say."""

    def __init__(self, tensors: Tensors, config: dict[str, Any]) -> None:
        self.tensors, self.config = tensors, config

    @property
    def about(self) -> dict[str, Any]:
        return dict(self.config.get("voicecast", {}))


def save(item: Item, character: str, voice: Voice, iteration: int) -> tuple[File, ...]:
    """The files of a voice; the same voice gives the same bytes."""
    tensors = {name: each.detach().cpu().contiguous() for name, each in sorted(voice.tensors.items())}
    safe, pth, about = (item.output(f"{character}{suffix}") for suffix in (".safetensors", ".pth", ".json"))
    safe.write_bytes(serialized(tensors, {"voicecast": canonical(voice.config)}))
    rate = voice.config["train"]["learning_rate"]
    with open(pth, "wb") as file:  # a stream and no path: torch would write the file's name into it
        torch.save({"model": tensors, "iteration": iteration, "optimizer": None, "learning_rate": rate}, file)
    about.write_text(json.dumps(voice.config, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return item.file(safe), item.file(pth), item.file(about)


def load(item: Item, files: tuple[File, ...]) -> Voice:
    """The voice among these files; RequestError for anything that is none."""
    found = {Path(file.path).suffix: file for file in files}
    if ".safetensors" in found:
        return _ours(item.input(found[".safetensors"]))
    if {".pth", ".json"} <= set(found):
        config = _config(item.input(found[".json"]))
        try:
            return Voice(tensors_of(item.input(found[".pth"])), config)
        except ValueError as error:
            raise RequestError(f"{error}; it was not opened further, take the voice from another source") from error
    raise RequestError(
        "a sovits voice is one .safetensors file, or a .pth with its config .json; train the character with sovits"
    )


def check(voice: Voice, engine: library.Engine) -> None:
    """RequestError for a voice that hears by another content encoder than the engine, or another rate."""
    model, data, content = voice.config["model"], voice.config["data"], engine.options.content
    named = voice.about.get("content", content)
    width, rate = engine.content.config.hidden_size, data.get("sampling_rate")
    if named != content or model.get("ssl_dim") != width or data.get("contentvec_final_proj", True) or rate != RATE_HZ:
        raise RequestError(
            f"this voice hears by {named} ({model.get('ssl_dim')} numbers a frame, {rate} Hz), and the option content "
            f"is {content} ({width} numbers, {RATE_HZ} Hz); set content to what the voice was trained with"
        )


def _ours(path: Path) -> Voice:
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {}).get("voicecast", "{}"))
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise RequestError(f"{path.name} cannot be read as a voice: {error}; train it again") from error
    if config.get("voicecast", {}).get("format") != FORMAT:
        raise RequestError(f"{path.name} is not a voice of the sovits engine ({FORMAT}); train one with sovits")
    return Voice(tensors, config)


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise RequestError(f"{path.name} is no config of so-vits-svc: {error}") from error
    if not isinstance(config, dict) or not {"train", "data", "model", "spk"} <= set(config):
        raise RequestError(f"{path.name} is no config of so-vits-svc: it wants train, data, model and spk")
    return config


def tensors_of(path: Path) -> Tensors:
    """Tensors of a .safetensors, or of a G_*.pth or D_*.pth as so-vits-svc programs write them; else ValueError."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True)["model"])
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path.name} is no checkpoint of so-vits-svc, or holds more than tensors: {first}") from error


def network(config: dict[str, Any]) -> SynthesizerTrn:
    """The library's generator as a config says it, untrained."""
    known = HParams(**config)
    frames = known.train.segment_size // known.data.hop_length
    return SynthesizerTrn(known.data.filter_length // 2 + 1, frames, **known.model)


def fill(module: torch.nn.Module, tensors: Tensors) -> None:
    """Put tensors into a module; ValueError names the first of its own that is not among them in its shape.

    The library leaves out what does not fit, with a warning, and goes on with random numbers in its place.
    """
    state = module.state_dict()
    lacking = [name for name, each in state.items() if name not in tensors or tensors[name].shape != each.shape]
    if lacking:
        raise ValueError(f"{len(lacking)} of {len(state)} tensors do not fit, {lacking[0]} among them")
    module.load_state_dict({name: tensors[name] for name in state})
