"""The light engine: the whole job on a CPU, nothing to download, no account.

Not a rival of Demucs, pyannote or RVC: it is what a laptop can do, and every
result says that light made it. Each stage lives in a module of its own, loaded
when the first item asks for it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from containers.contract import stages
from containers.contract.item import Item

from .memory import keep_freed

VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class Options:
    """`threads`: CPU threads an item may use; 0 takes what the runner allows."""

    threads: int = 0


def version() -> str:
    return f"light {VERSION}"


def setup(options: Options) -> Options:
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    keep_freed()
    return options


def probe(_: Options, request: stages.ProbeRequest, item: Item) -> stages.ProbeResult:
    from .media import probe

    return probe(request, item)


def extract(_: Options, request: stages.ExtractRequest, item: Item) -> stages.ExtractResult:
    from .extraction import extract

    return extract(request, item)


def fingerprint(_: Options, request: stages.FingerprintRequest, item: Item) -> stages.FingerprintResult:
    from .fingerprinting import fingerprint

    return fingerprint(request, item)


def detect(_: Options, request: stages.DetectRequest, item: Item) -> stages.DetectResult:
    from .detection import detect

    return detect(request, item)


def compare(_: Options, request: stages.CompareRequest, item: Item) -> stages.CompareResult:
    from .comparing import compare

    return compare(request, item)


def condense(_: Options, request: stages.CondenseRequest, item: Item) -> stages.CondenseResult:
    from .condensing import condense

    return condense(request, item)


def restore(_: Options, request: stages.RestoreRequest, item: Item) -> stages.SeparateResult:
    from .condensing import restore

    return restore(request, item)


def separate(_: Options, request: stages.SeparateRequest, item: Item) -> stages.SeparateResult:
    from .separation import separate

    return separate(request, item)


def diarize(_: Options, request: stages.DiarizeRequest, item: Item) -> stages.DiarizeResult:
    from .diarization import diarize

    return diarize(request, item)


def embed(_: Options, request: stages.EmbedRequest, item: Item) -> stages.EmbedResult:
    from .embedding import embed

    return embed(request, item)


def cut(_: Options, request: stages.CutRequest, item: Item) -> stages.CutResult:
    from .cutting import cut

    return cut(request, item)


def clean(_: Options, request: stages.CleanRequest, item: Item) -> stages.CleanResult:
    from .cleaning import clean

    return clean(request, item)


def train(_: Options, request: stages.TrainRequest, item: Item) -> stages.TrainResult:
    from .training import train

    return train(request, item)


def convert(_: Options, request: stages.ConvertRequest, item: Item) -> stages.ConvertResult:
    from .conversion import convert

    return convert(request, item)


def synthesize(_: Options, request: stages.SynthesizeRequest, item: Item) -> stages.SynthesizeResult:
    from .synthesis import synthesize

    return synthesize(request, item)


def measure(_: Options, request: stages.MeasureRequest, item: Item) -> stages.MeasureResult:
    from .following import measure

    return measure(request, item)


def retime(_: Options, request: stages.RetimeRequest, item: Item) -> stages.RetimeResult:
    from .retiming import retime

    return retime(request, item)


def mix(_: Options, request: stages.MixRequest, item: Item) -> stages.MixResult:
    from .mixing import mix

    return mix(request, item)


def mux(_: Options, request: stages.MuxRequest, item: Item) -> stages.MuxResult:
    from .muxing import mux

    return mux(request, item)


def survey(_: Options, request: stages.SurveyRequest, item: Item) -> stages.SurveyResult:
    from .surveying import survey

    return survey(request, item)


def preview(_: Options, request: stages.PreviewRequest, item: Item) -> stages.PreviewResult:
    from .preview import preview

    return preview(request, item)
