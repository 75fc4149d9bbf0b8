"""The stages: what each one is asked and what it answers.

A request is a value: the same request gives the same result. Files are named
relative to the item's folder and carry their hash. Times are seconds from the
start of the episode, as float. A stage measures and makes; what to keep is
decided by the house, from the measurements.

Each module holds the dataclasses and checks of a few stages that belong together; all names are offered here.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cut import CleanClip, CleanRequest, CleanResult, Clip, CutRequest, CutResult, Measurements
from .diarize import DiarizeRequest, DiarizeResult, EmbedRequest, EmbedResult
from .extract import Chapter, ExtractRequest, ExtractResult, ProbeRequest, ProbeResult, Subtitles, SubtitleTrack, Track
from .fingerprint import (
    COMPARED,
    Compared,
    CompareRequest,
    CompareResult,
    FingerprintRequest,
    FingerprintResult,
    Stretch,
)
from .measure import (
    SURVEYED,
    Following,
    MeasureRequest,
    MeasureResult,
    SurveyRequest,
    SurveyResult,
    TranscribeRequest,
    TranscribeResult,
)
from .mix import LineMixed, MixRequest, MixResult, MuxRequest, MuxResult, PlacedLine, RetimeRequest, RetimeResult
from .preview import Excerpt, Preview, PreviewRequest, PreviewResult
from .separate import (
    DETECTED,
    JOINT_SECONDS,
    CondenseRequest,
    CondenseResult,
    DetectRequest,
    DetectResult,
    RestoreRequest,
    Reused,
    SeparateRequest,
    SeparateResult,
)
from .synthesize import AccentPhrase, ReadWord, SynthesizeRequest, SynthesizeResult, WordReading
from .train import ConvertRequest, ConvertResult, TrainRequest, TrainResult
from .values import CONTRACT, File, Problem, Segment, Turn
from .watermark import MESSAGE_BITS, DetectWatermarkRequest, DetectWatermarkResult, WatermarkRequest, WatermarkResult


@dataclass(frozen=True, kw_only=True)
class Stage:
    request: type
    result: type


STAGES: dict[str, Stage] = {
    "probe": Stage(request=ProbeRequest, result=ProbeResult),
    "extract": Stage(request=ExtractRequest, result=ExtractResult),
    "fingerprint": Stage(request=FingerprintRequest, result=FingerprintResult),
    "detect": Stage(request=DetectRequest, result=DetectResult),
    "compare": Stage(request=CompareRequest, result=CompareResult),
    "condense": Stage(request=CondenseRequest, result=CondenseResult),
    "separate": Stage(request=SeparateRequest, result=SeparateResult),
    "restore": Stage(request=RestoreRequest, result=SeparateResult),
    "diarize": Stage(request=DiarizeRequest, result=DiarizeResult),
    "embed": Stage(request=EmbedRequest, result=EmbedResult),
    "cut": Stage(request=CutRequest, result=CutResult),
    "clean": Stage(request=CleanRequest, result=CleanResult),
    "train": Stage(request=TrainRequest, result=TrainResult),
    "convert": Stage(request=ConvertRequest, result=ConvertResult),
    "synthesize": Stage(request=SynthesizeRequest, result=SynthesizeResult),
    "measure": Stage(request=MeasureRequest, result=MeasureResult),
    "transcribe": Stage(request=TranscribeRequest, result=TranscribeResult),
    "retime": Stage(request=RetimeRequest, result=RetimeResult),
    "mix": Stage(request=MixRequest, result=MixResult),
    "mux": Stage(request=MuxRequest, result=MuxResult),
    "survey": Stage(request=SurveyRequest, result=SurveyResult),
    "preview": Stage(request=PreviewRequest, result=PreviewResult),
    "watermark": Stage(request=WatermarkRequest, result=WatermarkResult),
    "detect_watermark": Stage(request=DetectWatermarkRequest, result=DetectWatermarkResult),
}
