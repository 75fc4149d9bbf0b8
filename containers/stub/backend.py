"""The stub engine: every stage in milliseconds, with files of the right form and nothing in them to hear.

For tests of orchestration, scale and crashes. It works on any file, and says
and does what a script tells it where it is given one (README.md).
"""

from __future__ import annotations

from .condensing import compare, condense, detect, restore
from .dubbing import mix, mux, retime
from .episode import extract, fingerprint, probe, separate
from .hearing import measure, transcribe
from .options import Options
from .speech import cut, diarize, embed
from .survey import survey
from .voices import clean, convert, preview, synthesize, train
from .watermarks import detect_watermark, watermark

__all__ = [
    "Options",
    "clean",
    "compare",
    "condense",
    "convert",
    "cut",
    "detect",
    "detect_watermark",
    "diarize",
    "embed",
    "extract",
    "fingerprint",
    "measure",
    "mix",
    "mux",
    "preview",
    "probe",
    "restore",
    "retime",
    "separate",
    "setup",
    "survey",
    "synthesize",
    "train",
    "transcribe",
    "version",
    "watermark",
]

VERSION = "1"


def version() -> str:
    return f"stub {VERSION}"


def setup(options: Options) -> Options:
    return options
