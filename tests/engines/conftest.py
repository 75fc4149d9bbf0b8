"""Tests of engines run by an engine's own Python (make test-engines); others leave them out."""

from __future__ import annotations

from importlib.util import find_spec

LIBRARIES = {
    "audioseal": "audioseal",
    "demucs": "demucs",
    "pyannote": "pyannote",
    "rvc": "faiss",
    "sovits": "so_vits_svc_fork",
    "uvr": "audio_separator",
    "vits": "transformers",
}
collect_ignore = [engine for engine, library in LIBRARIES.items() if find_spec(library) is None]
