"""A tiny content encoder with random weights in the form of transformers, and options for a training of seconds.

Run as `<engine's python> tests/contract/tiny/sovits.py OUT`. There is no small pretrained pair: the library's
discriminator has one size (47 million numbers), so tiny trainings begin from scratch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import HubertConfig, HubertModel

OPTIONS = {
    "pretrained": "",
    "epochs": 1,
    "batch_size": 1,
    "segment_size": 1024,
    "model": {
        "inter_channels": 16,
        "hidden_channels": 16,
        "filter_channels": 32,
        "n_layers": 1,
        "upsample_initial_channel": 32,
        "gin_channels": 16,
    },
}


def main(out: Path) -> None:
    torch.manual_seed(0)
    config = HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    HubertModel(config).save_pretrained(out / "content-vec-best")
    (out / "options.json").write_text(json.dumps(OPTIONS), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
