"""Base speech from text: Open JTalk for Japanese, eSpeak NG for the rest where it is installed.

Both are plain voices with clear words, meant to be converted afterwards.
A text with nothing to say is the input's fault, not the request's form: a
RecordingError, so that one empty line of a script does not stop the others.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import soundfile
from numpy.typing import NDArray

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.stages import SynthesizeRequest, SynthesizeResult

JTALK_RATE_HZ = 48000
_ESPEAK_WORDS_A_MINUTE = 175  # its own pace
_RATE = (0.25, 4.0)
_LONG = 80  # characters: above, a sentence is cut at its commas too (Open JTalk's time grows with the square)
_SENTENCE = re.compile(r"[^。．！？!?\n]+[。．！？!?\n]*[」』）)\"]*")
_CLAUSE = re.compile(r"[^、，,]+[、，,]*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")


def synthesize(request: SynthesizeRequest, item: Item) -> SynthesizeResult:
    if not _RATE[0] <= request.rate <= _RATE[1]:
        raise RequestError(f"rate must be between {_RATE[0]} and {_RATE[1]}, got {request.rate}")
    language = request.language.strip().lower().replace("_", "-")
    if not _LANGUAGE.fullmatch(language):
        raise RequestError(f"language must be ISO 639-1, such as ja or en, got {request.language!r}")
    if not speakable(request.text):
        raise RecordingError(f"there is nothing to say in {request.text!r:.60}; write some words or leave the line out")
    path = item.output("speech.wav")
    if language in ("ja", "jpn", "ja-jp"):
        reading = _say_in_japanese(request, path, item)
    else:
        reading = _say_by_espeak(request, language, path)
    about = soundfile.info(path)
    return SynthesizeResult(
        speech=item.file(path), sample_rate_hz=about.samplerate, duration=about.duration, reading=reading
    )


def speakable(text: str) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(unicodedata.category(each)[0] in "LN" for each in text)


def sentences(text: str) -> list[str]:
    """The text in pieces that are said in one breath, marks kept; those with nothing to say are left out.

    >>> sentences("走れ！ 「まだだ。」……いくぞ")
    ['走れ！', '「まだだ。」', '……いくぞ']
    """
    found = []
    for match in _SENTENCE.finditer(text):
        whole = match.group().strip()
        found += [whole] if len(whole) <= _LONG else list(_clauses(whole))
    return [each for each in found if speakable(each)]


def _clauses(sentence: str) -> Iterator[str]:
    said = ""
    for match in _CLAUSE.finditer(sentence):
        for first in range(0, len(match.group()), _LONG):
            part = match.group()[first : first + _LONG]
            if said and len(said) + len(part) > _LONG:
                yield said
                said = ""
            said += part
    yield said


def japanese(sentence: str, rate: float = 1.0) -> NDArray[np.float64]:
    """Open JTalk's speech of one sentence: mono at 48 kHz, full scale 32768; empty if it finds nothing to say."""
    jtalk = _open_jtalk()
    labels = jtalk.extract_fullcontext(sentence)
    return np.asarray(jtalk.synthesize(labels, rate)[0] if labels else (), np.float64)


def _say_in_japanese(request: SynthesizeRequest, path: Path, item: Item) -> str:
    pieces = sentences(unicodedata.normalize("NFC", request.text))
    readings = []
    with soundfile.SoundFile(path, "w", JTALK_RATE_HZ, 1, "PCM_16") as out:
        for index, sentence in enumerate(pieces):
            speech = japanese(sentence, request.rate)
            if len(speech):
                out.write(np.clip(np.rint(speech), -32768, 32767).astype(np.int16))
                readings.append(str(_open_jtalk().g2p(sentence, kana=True)))
            item.progress((index + 1) / len(pieces))
    if not readings:
        raise RecordingError(f"Open JTalk finds nothing to say in {request.text!r:.60}; write it in Japanese")
    return "".join(readings)


@functools.cache
def _open_jtalk() -> ModuleType:
    """pyopenjtalk, without its advertisement on standard output."""
    with contextlib.redirect_stdout(io.StringIO()):
        import pyopenjtalk

    return pyopenjtalk


def _say_by_espeak(request: SynthesizeRequest, language: str, path: Path) -> str:
    pace = str(round(_ESPEAK_WORDS_A_MINUTE * request.rate))
    _espeak(request.text, language, "-s", pace, "-w", str(path))
    if not path.exists() or soundfile.info(path).frames == 0:
        raise RecordingError(f"eSpeak NG finds nothing to say in {request.text!r:.60}; leave the line out")
    return " ".join(_espeak(request.text, language, "-q", "--ipa").split())


def _espeak(text: str, language: str, *options: str) -> str:
    program = os.environ.get("VOICECAST_ESPEAK") or shutil.which("espeak-ng")
    if program is None:
        raise EngineError(
            f"light says {language} by eSpeak NG, which this machine has not: install it (apt install espeak-ng, "
            "brew install espeak-ng), name it in VOICECAST_ESPEAK, or choose another engine for synthesize"
        )
    try:
        done = subprocess.run(
            [program, "-v", language, "-b", "1", *options, "--stdin"],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise EngineError(f"{program} cannot be started ({error}); VOICECAST_ESPEAK must name eSpeak NG") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-200:]
        raise RecordingError(f"eSpeak NG cannot say this in {language}: {said}; see `{program} --voices`")
    return done.stdout.decode(errors="replace")
