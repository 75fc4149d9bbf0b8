"""A tiny content encoder with random weights, in transformers' own format: `<engine's python> rvc.py OUT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import HubertConfig, HubertModel


def make(folder: Path) -> Path:
    """A HuBERT that gives 768 features 50 times a second, as the format of voices wants them; the same each time."""
    torch.manual_seed(7)
    config = HubertConfig(
        hidden_size=768,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=16,
    )
    HubertModel(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    out = Path(sys.argv[1])
    make(out / "content-vec-best")
    options = {"pretrained": "", "size": "tiny", "f0": "dio", "epochs": 2, "save_every": 1, "min_seconds": 3.0}
    (out / "options.json").write_text(json.dumps(options), "utf-8")
