"""A Hugging Face audiofolder: WAVs with `metadata.jsonl` beside them, and a data set card (README.md)."""

from __future__ import annotations

import json
from typing import Any

from tasks.exporting.exports_material import Layout, Material, Utterance

MEASURED = ("snr_db", "background_db", "loudness_lufs", "bandwidth_hz", "f0_median_hz", "voiced_share", "purity")

USE = """```python
from datasets import load_dataset
clips = load_dataset("THIS_FOLDER", split="train")
```

What `clips[0]["audio"]` gives is decoded by `torchcodec` (`pip install "datasets[audio]"`, and FFmpeg). Without it:

```python
from datasets import Audio
clips = clips.cast_column("audio", Audio(decode=False))   # clips[0]["audio"]["path"], for soundfile.read()
```"""


def layout(material: Material) -> Layout:
    rows = "".join(json.dumps(_row(material, each), ensure_ascii=False) + "\n" for each in material.utterances)
    return Layout(
        folder="train",
        clips=material.utterances,
        texts={"train/metadata.jsonl": rows.encode()},
        use=USE,
        card={
            "pretty_name": f"{material.title}: {material.name}",
            "language": [material.language],
            "license": "other",
            "license_name": "as-recorded-below",
            "task_categories": ["text-to-speech", "audio-to-audio"],
            "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "train/**"}]}],
        },
    )


def _row(material: Material, each: Utterance) -> dict[str, Any]:
    """Flat, so that a column is a column; every row has the same fields."""
    row, label = each.row, each.row.get("label") or {}
    return {
        "file_name": each.file,
        "text": each.text,
        "speaker": material.character,
        "speaker_name": material.name,
        "language": material.language,
        "duration": each.duration,
        "episode": row["episode"],
        "start": row["start"],
        "end": row["end"],
        "clip": row["clip"],
        **{name: row.get(name) for name in MEASURED},
        "engines": json.dumps(row["engines"], ensure_ascii=False, sort_keys=True),
        "labelled_by": label.get("who"),
        "labelled_how": label.get("how"),
        "labelled_when": label.get("when"),
        "decision": label.get("decision"),
    }
