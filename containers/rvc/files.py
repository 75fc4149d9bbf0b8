"""Voice files of the RVC v2 ecosystem: `.pth` that RVC-WebUI and Applio load, the same weights as safetensors.

Files come from strangers, so nothing in them is ever run: torch's reader is kept to tensors and plain values
(`weights_only=True`), and a file that holds anything else is refused.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialized
from torch import Tensor

from containers.contract.codec import canonical
from containers.contract.errors import RequestError

from .generator import Generator
from .shape import CONTENT, Shape, shape_of

FORMAT = "rvc-v2"
POSTERIOR = "enc_q."
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A voice file's content: the generator without its posterior, as float32."""

    shape: Shape
    tensors: Tensors
    info: str


def read_tensors(path: Path) -> dict[str, Any]:
    """A `.pth` as plain values and tensors; RequestError for one that would run code, or is none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RequestError(
            f"{path.name} asks for Python code to be run, or is damaged, so it was not opened; "
            "a voice file holds tensors and plain values only. Get it from somebody you trust"
        ) from error
    except (RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        raise RequestError(f"{path.name} cannot be read as a PyTorch file: {error}") from error
    if not isinstance(content, dict):
        raise RequestError(f"{path.name} holds {type(content).__name__} instead of the parts of a voice")
    return content


def read_voice(path: Path) -> Voice:
    """An RVC v2 voice with f0, `.pth` or `.safetensors`; RequestError says what else it is."""
    about, tensors = _safetensors(path) if path.suffix == ".safetensors" else _pth(path)
    _check_kind(path.name, about, tensors)
    config = list(about["config"]) if isinstance(about["config"], (list, tuple)) else []
    if "emb_g.weight" in tensors and len(config) == 18:
        config[15] = len(tensors["emb_g.weight"])  # some trainers write another number of speakers than they keep
    voice = Voice(
        shape=shape_of(config),
        tensors={name: each.float() for name, each in tensors.items() if not name.startswith(POSTERIOR)},
        info=str(about.get("info", "")),
    )
    fits(path.name, lambda: Generator(voice.shape, listening=False), voice.tensors)
    return voice


def _check_kind(name: str, about: dict[str, Any], tensors: Tensors) -> None:
    """Tell an RVC v2 voice with f0 from its relatives, which are told apart by what they say and what they hold."""
    width = tensors["enc_p.emb_phone.weight"].shape[-1] if "enc_p.emb_phone.weight" in tensors else CONTENT
    if width != CONTENT or about.get("version", "v2") != "v2":
        raise RequestError(
            f"{name} is an RVC voice of version {about.get('version', 'v1')} that hears {width} content features; a v2 "
            f"voice hears {CONTENT}. Use a v2 voice of the same speaker, or train one from clips"
        )
    if str(about.get("f0", 1)) not in ("1", "True") or "enc_p.emb_pitch.weight" not in tensors:
        raise RequestError(
            f"{name} is an RVC voice without f0 (f0: {about.get('f0')}): it can follow neither melody nor pitch shift, "
            "and is not spoken here; use a voice trained with pitch guidance"
        )
    if about.get("vocoder", "HiFi-GAN") != "HiFi-GAN":
        raise RequestError(
            f"{name} speaks by the vocoder {about['vocoder']!r}, which the RVC v2 format knows nothing of; export or "
            "train the voice with HiFi-GAN"
        )
    if "config" not in about:
        raise RequestError(f"{name} has no config; it is no RVC v2 voice")


def _pth(path: Path) -> tuple[dict[str, Any], Tensors]:
    content = read_tensors(path)
    tensors = content.get("weight")
    if not isinstance(tensors, dict) or not all(isinstance(each, Tensor) for each in tensors.values()):
        raise RequestError(
            f"{path.name} has no weights of a voice; pretrained pairs are named by the option pretrained"
        )
    return content, renamed(tensors)


def _safetensors(path: Path) -> tuple[dict[str, Any], Tensors]:
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("voicecast", "{}"))
            return about, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError, OSError) as error:
        raise RequestError(f"{path.name} cannot be read as a voice: {error}") from error


def renamed(tensors: Tensors) -> Tensors:
    """Newer PyTorch names weight normalisation otherwise; the format has the older names."""
    newer = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    older = {}
    for name, each in tensors.items():
        ending = next((ending for ending in newer if name.endswith(ending)), "")
        older[name.removesuffix(ending) + newer.get(ending, "")] = each
    return older


def fits(name: str, build: Callable[[], torch.nn.Module], tensors: Tensors) -> None:
    """These must be exactly the network's tensors, by name and shape; it is built without memory to know them."""
    with torch.device("meta"):
        wanted = {key: tuple(each.shape) for key, each in build().state_dict().items()}
    have = {key: tuple(each.shape) for key, each in tensors.items()}
    if have != wanted:
        missing, more = sorted(set(wanted) - set(have)), sorted(set(have) - set(wanted))
        other = sorted(key for key in set(wanted) & set(have) if wanted[key] != have[key])
        raise RequestError(
            f"{name} is not what its config says: {len(missing)} tensors are missing {missing[:3]}, {len(more)} are "
            f"unknown {more[:3]}, {len(other)} have another shape {other[:3]}"
        )


def generator_of(voice: Voice) -> Generator:
    """The network of a voice, ready to speak."""
    generator = Generator(voice.shape, listening=False)
    generator.load_state_dict(voice.tensors)
    return generator.eval().requires_grad_(False)


def write_voice(path: Path, shape: Shape, tensors: Tensors, info: str) -> Path:
    """Write `.pth` or `.safetensors`, by the path's ending: float16, posterior left out; same voice, same bytes."""
    about: dict[str, Any] = {
        "config": shape.as_list(),
        "info": info,
        "sr": f"{shape.rate_hz // 1000}k",
        "f0": 1,
        "version": "v2",
    }
    half = {name: each.half().contiguous() for name, each in tensors.items() if not name.startswith(POSTERIOR)}
    if path.suffix == ".safetensors":
        path.write_bytes(serialized(half, {"voicecast": canonical({"format": FORMAT, **about})}))
    else:
        torch.save({"weight": half, **about}, path)
    return path


def write_posterior(path: Path, tensors: Tensors) -> Path:
    """What only training on needs, float16 safetensors."""
    path.write_bytes(serialized({n: e.half().contiguous() for n, e in tensors.items() if n.startswith(POSTERIOR)}))
    return path


def read_posterior(path: Path) -> Tensors:
    return {name: each.float() for name, each in _safetensors(path)[1].items()}
