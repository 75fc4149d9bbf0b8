"""Base speech from text: Open JTalk for Japanese, eSpeak NG for the rest where it is installed.

Both are plain voices with clear words, meant to be converted afterwards.
A text with nothing to say is the input's fault, not the request's form: a
RecordingError, so that one empty line of a script does not stop the others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from containers.contract.errors import EngineError, RecordingError, RequestError
from containers.contract.item import Item
from containers.contract.readings import replaced
from containers.contract.stages import AccentPhrase, SynthesizeRequest, SynthesizeResult

from .japanese import JTALK_RATE_HZ
from .japanese import read as read_japanese
from .sentences import speakable

_ESPEAK_WORDS_A_MINUTE = 175  # its own pace
_RATE = (0.25, 4.0)
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
    phrases: tuple[AccentPhrase, ...] = ()
    if language in ("ja", "jpn", "ja-jp"):
        reading, phrases = _say_in_japanese(request, path, item)
    else:
        reading = _say_by_espeak(request, language, path)
    about = soundfile.info(path)
    return SynthesizeResult(
        speech=item.file(path),
        sample_rate_hz=about.samplerate,
        duration=about.duration,
        reading=reading,
        phrases=phrases,
    )


def _say_in_japanese(request: SynthesizeRequest, path: Path, item: Item) -> tuple[str, tuple[AccentPhrase, ...]]:
    read = read_japanese(request.text, request.readings)
    said = []
    with soundfile.SoundFile(path, "w", JTALK_RATE_HZ, 1, "PCM_16") as out:
        for index, sentence in enumerate(read):
            speech = sentence.speech(request.rate)
            if len(speech):
                out.write(np.clip(np.rint(speech), -32768, 32767).astype(np.int16))
                said.append(sentence)
            item.progress((index + 1) / len(read))
    if not said:
        raise RecordingError(f"Open JTalk finds nothing to say in {request.text!r:.60}; write it in Japanese")
    return "".join(each.reading for each in said), tuple(phrase for each in said for phrase in each.phrases)


def _say_by_espeak(request: SynthesizeRequest, language: str, path: Path) -> str:
    pace = str(round(_ESPEAK_WORDS_A_MINUTE * request.rate))
    text = replaced(request.text, request.readings)
    _espeak(text, language, "-s", pace, "-w", str(path))
    if not path.exists() or soundfile.info(path).frames == 0:
        raise RecordingError(f"eSpeak NG finds nothing to say in {request.text!r:.60}; leave the line out")
    return " ".join(_espeak(text, language, "-q", "--ipa").split())


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
