"""Lhotse manifests: recordings, supervisions and cuts (lhotse 1.x, `.jsonl.gz`).

Written as plain JSON by the forms of `Recording.to_dict`, `SupervisionSegment.to_dict` and `MonoCut.to_dict`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tasks.exporting.exports_material import Layout, Material, Utterance, provenance

USE = """```python
from lhotse import CutSet
cuts = CutSet.from_file("THIS_FOLDER/cuts.jsonl.gz").with_recording_path_prefix("THIS_FOLDER")
```
Paths in the manifests are relative to this folder, so that it can be moved."""


def layout(material: Material) -> Layout:
    recordings = {each.name: _recording(each) for each in material.utterances}
    supervisions = {each.name: _supervision(material, each) for each in material.utterances}
    cuts = [_cut(recordings[each.name], supervisions[each.name]) for each in material.utterances]
    return Layout(
        folder="audio",
        clips=material.utterances,
        texts={
            "recordings.jsonl.gz": _lines(recordings.values()),
            "supervisions.jsonl.gz": _lines(supervisions.values()),
            "cuts.jsonl.gz": _lines(cuts),
        },
        use=USE,
    )


def _recording(each: Utterance) -> dict[str, Any]:
    return {
        "id": each.name,
        "sources": [{"type": "file", "channels": [0], "source": f"audio/{each.file}"}],
        "sampling_rate": each.sample_rate_hz,
        "num_samples": each.samples,
        "duration": each.duration,
        "channel_ids": [0],
    }


def _supervision(material: Material, each: Utterance) -> dict[str, Any]:
    said = {"text": each.text} if each.text else {}
    return {
        "id": each.name,
        "recording_id": each.name,
        "start": 0.0,
        "duration": each.duration,
        "channel": 0,
        "language": material.language,
        "speaker": material.character,
        "custom": provenance(each),
        **said,
    }


def _cut(recording: Mapping[str, Any], supervision: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": recording["id"],
        "start": 0.0,
        "duration": recording["duration"],
        "channel": 0,
        "supervisions": [supervision],
        "recording": recording,
        "type": "MonoCut",
    }


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    text = "".join(json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in values)
    return gzip.compress(text.encode(), mtime=0)
