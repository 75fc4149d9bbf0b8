"""Tiny UVR models with random weights, in the formats audio-separator reads: `<engine's python> uvr.py OUT`.

The contract's test takes the RoFormer alone; the engine's own tests make the other kinds by the functions here.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

STEMS = {"instruments": ["vocals", "other"], "target_instrument": "vocals"}
SHAPE = {
    "dim": 16,
    "depth": 1,
    "stereo": True,
    "num_stems": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "dim_head": 8,
    "heads": 2,
    "stft_n_fft": 2048,
    "stft_hop_length": 441,
    "stft_win_length": 2048,
    "mask_estimator_depth": 2,
}
BANDS = {"mel": {"num_bands": 12, "sample_rate": 44100}, "bs": {"freqs_per_bands": [32] * 32 + [1]}}


def roformer(folder: Path, kind: str = "mel", training: dict[str, Any] | None = None, seed: int = 3) -> Path:
    """A MelBand or BS RoFormer with windows of 4 s, half over one another."""
    from audio_separator.separator.uvr_lib_v5.roformer.bs_roformer import BSRoformer
    from audio_separator.separator.uvr_lib_v5.roformer.mel_band_roformer import MelBandRoformer

    torch.manual_seed(seed)
    folder.mkdir(parents=True)
    shape = SHAPE | BANDS[kind]
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in shape.items()}
    model = (MelBandRoformer if kind == "mel" else BSRoformer)(**arguments)
    name = f"{folder.name}_{kind}_band_roformer"
    torch.save(model.state_dict(), folder / f"{name}.ckpt")
    settings = {
        "audio": {"sample_rate": 44100, "num_channels": 2, "hop_length": 441, "n_fft": 2048, "dim_f": 1024},
        "model": shape,
        "training": training or STEMS,
        "inference": {"batch_size": 1, "dim_t": 401, "num_overlap": 2},
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return folder


def mdx23c(folder: Path) -> Path:
    """An MDX23C model (TFC-TDF) of two stems."""
    from audio_separator.separator.uvr_lib_v5.tfc_tdf_v3 import TFC_TDF_net
    from ml_collections import ConfigDict

    torch.manual_seed(3)
    folder.mkdir(parents=True)
    settings = {
        "audio": {"chunk_size": 65024, "dim_f": 256, "dim_t": 128, "hop_length": 512, "n_fft": 1024, "num_channels": 2},
        "model": {
            "act": "gelu",
            "bottleneck_factor": 4,
            "growth": 4,
            "norm": "InstanceNorm",
            "num_blocks_per_scale": 1,
            "num_channels": 4,
            "num_scales": 2,
            "num_subbands": 4,
            "scale": [2, 2],
        },
        "training": {"instruments": ["Vocals", "Instrumental"], "target_instrument": None},
        "inference": {"batch_size": 1, "dim_t": 128, "num_overlap": 2},
    }
    model = TFC_TDF_net(ConfigDict(settings), device=torch.device("cpu"))
    torch.save(model.state_dict(), folder / "model.ckpt")
    (folder / "model.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return folder


def mdx(folder: Path, primary_stem: str = "Vocals") -> Path:
    """An MDX model that halves what it hears, as ONNX, with the parameters UVR would have for its MD5."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(_halving_onnx("batch_size", 4, 2048, 64))
    parameters = {
        "compensate": 1.0,
        "mdx_dim_f_set": 2048,
        "mdx_dim_t_set": 6,
        "mdx_n_fft_scale_set": 6144,
        "primary_stem": primary_stem,
    }
    digest = hashlib.md5((folder / "model.onnx").read_bytes(), usedforsecurity=False).hexdigest()
    (folder / "mdx_model_data.json").write_text(json.dumps({digest: parameters}), "utf-8")
    return folder


def vr(folder: Path, primary_stem: str = "Instrumental") -> Path:
    """A VR model of version 5.1."""
    from audio_separator.separator.uvr_lib_v5.vr_network.nets_new import CascadedNet

    torch.manual_seed(3)
    folder.mkdir(parents=True)
    torch.save(CascadedNet(1024 * 2, nout=8, nout_lstm=16).state_dict(), folder / "model.pth")
    parameters = {
        "vr_model_param": "1band_sr44100_hl1024",
        "primary_stem": primary_stem,
        "nout": 8,
        "nout_lstm": 16,
    }
    digest = hashlib.md5((folder / "model.pth").read_bytes(), usedforsecurity=False).hexdigest()
    (folder / "vr_model_data.json").write_text(json.dumps({digest: parameters}), "utf-8")
    return folder


def _halving_onnx(*shape: int | str) -> bytes:
    """output = input x 0.5 as an ONNX file: protobuf by hand, since the package onnx is not installed."""

    def number(field: int, value: int) -> bytes:
        return _varint(field << 3) + _varint(value)

    def block(field: int, content: bytes | str) -> bytes:
        data = content.encode() if isinstance(content, str) else content
        return _varint(field << 3 | 2) + _varint(len(data)) + data

    sizes = b"".join(block(1, block(2, size) if isinstance(size, str) else number(1, size)) for size in shape)
    kind = block(2, block(1, number(1, 1) + block(2, sizes)))
    half = number(2, 1) + block(8, "half") + block(9, struct.pack("<f", 0.5))
    node = block(1, "input") + block(1, "half") + block(2, "output") + block(4, "Mul")
    graph = block(1, node) + block(2, "halving") + block(5, half)
    graph += block(11, block(1, "input") + kind) + block(12, block(1, "output") + kind)
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 13))


def _varint(value: int) -> bytes:
    rest = value >> 7
    return bytes([value & 127 | 128]) + _varint(rest) if rest else bytes([value])


if __name__ == "__main__":
    out = Path(sys.argv[1])
    roformer(out / "vocals_mel_band_roformer")
    (out / "options.json").write_text("{}", "utf-8")
