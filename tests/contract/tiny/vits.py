"""Tiny VITS models with random weights, in transformers' own format: `<engine's python> vits.py OUT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import VitsConfig, VitsModel, VitsTokenizer

_KANA = "a i u e o A I U E O N cl b by ch d dy f g gy h hy j k ky m my n ny p py r ry s sh t ts ty v w y z"
PROSODY = f"<unk> ^ $ ? ! _ # [ ] {_KANA}"
"""Symbols of a Japanese model with accent marks, as tsukuyomi-chan-vits has them."""
SHAPE = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "ffn_dim": 16,
    "flow_size": 16,
    "spectrogram_bins": 17,
    "duration_predictor_filter_channels": 16,
    "prior_encoder_num_flows": 1,
    "prior_encoder_num_wavenet_layers": 1,
    "posterior_encoder_num_wavenet_layers": 1,
    "upsample_initial_channel": 32,
    "upsample_rates": [8, 8],
    "upsample_kernel_sizes": [16, 16],
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3]],
}


def make(folder: Path, symbols: list[str], speakers: int = 1, **tokenizer: Any) -> Path:
    """A model of these symbols, the same one each time."""
    torch.manual_seed(7)
    folder.mkdir(parents=True)
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), "utf-8")
    VitsTokenizer(str(folder / "vocab.json"), pad_token=symbols[0], **tokenizer).save_pretrained(folder)
    config = VitsConfig(vocab_size=len(symbols) + 2, num_speakers=speakers, speaker_embedding_size=8, **SHAPE)
    model = VitsModel(config)
    with torch.no_grad():
        model.duration_predictor.flows[0].translate.fill_(-1.5)  # some frames a symbol, not one
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # written for its owner alone; containers run as others
    return folder


if __name__ == "__main__":
    out = Path(sys.argv[1])
    make(out / "tsukuyomi-chan-vits", PROSODY.split(), normalize=False)
    (out / "options.json").write_text("{}", "utf-8")
