"""From clips to new speech: clean, train, convert, synthesize; and preview."""

from __future__ import annotations

import dataclasses
import math

from containers.contract import stages
from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.readings import replaced

from . import forms, people
from .options import Options
from .script import Script, act, performed, speaker_in
from .sounds import read, write_flac, write_wav

_WAV_HZ = 44100


def clean(options: Options, request: stages.CleanRequest, item: Item) -> stages.CleanResult:
    sounds = [read(item, file) for file in request.clips]
    act("clean", item, tuple(sound.script for sound in sounds), options.sleep_s)
    cleaned = []
    for index, (file, sound) in enumerate(zip(request.clips, sounds, strict=True)):
        path = item.output(f"clips/{index:04}.wav")
        duration = write_wav(path, sound.script, _WAV_HZ).duration
        snr_db = people.measured(sound.script, 0.0, sound.duration, file.sha256).snr_db
        cleaned.append(
            stages.CleanClip(
                file=item.file(path),
                duration=duration,
                denoised_by="stub" if request.denoise == "always" else None,
                snr_db_before=snr_db,
                snr_db_after=snr_db,
                loudness_lufs=request.loudness_lufs,
                peak_dbfs=request.peak_dbfs,
            )
        )
    return stages.CleanResult(clips=tuple(cleaned))


def train(options: Options, request: stages.TrainRequest, item: Item) -> stages.TrainResult:
    if not request.clips or "/" in request.character:
        raise RequestError("train needs clips, and a character whose name can name a file")
    sounds = [read(item, file) for file in request.clips]
    before = [_voice(item, file) for file in request.voice]
    act("train", item, tuple(sound.script for sound in sounds), options.sleep_s)
    seconds: dict[str, float] = {}
    for sound in sounds:
        person = speaker_in(sound.script, 0.0, sound.duration) or "nobody"
        seconds[person] = seconds.get(person, 0.0) + sound.duration
    person = max(sorted(seconds), key=lambda each: seconds[each])
    rounds = 1 + max((int(each["rounds"]) for each in before), default=0)
    about = {"format": "stub 1", "person": person, "rounds": str(rounds)}
    seed = (*(file.sha256 for file in request.clips), rounds)
    voice = item.output(f"{request.character}.safetensors")
    total = sum(seconds.values())
    return stages.TrainResult(
        files=(item.file(forms.write_safetensors(voice, forms.noise(64, *seed), about)),),
        format="stub 1",
        sample_rate_hz=_WAV_HZ,
        seconds=total,
        f0_median_hz=people.f0_hz(person),
        scores={"similarity_held_out": round(0.5 + 0.5 * seconds[person] / total, 4)},
    )


def convert(options: Options, request: stages.ConvertRequest, item: Item) -> stages.ConvertResult:
    source = read(item, request.source)
    if not request.voice:
        raise RequestError("convert needs the files of a voice")
    person = _voice(item, request.voice[0])["person"]
    act("convert", item, (source.script,), options.sleep_s)
    speaking = speaker_in(source.script, 0.0, source.duration)
    shift = request.pitch_shift_semitones
    if shift is None:
        shift = round(12 * math.log2(people.f0_hz(person) / people.f0_hz(speaking)), 2)
    script = Script(title=f"{request.source.sha256[:8]} {shift}", duration=source.duration, person=person)
    path = item.output("speech.wav")
    duration = write_wav(path, performed(script, request.source.sha256), _WAV_HZ).duration
    return stages.ConvertResult(
        speech=item.file(path),
        sample_rate_hz=_WAV_HZ,
        duration=duration,
        pitch_shift_semitones=shift,
        source_similarity=0.5,
        similarity=0.9,
    )


def _voice(item: Item, file: stages.File) -> dict[str, str]:
    about = forms.safetensors_about(item.input(file))
    if about.get("format") != "stub 1":
        raise RequestError(f"{file.path} is not a voice that stub trained")
    return about


def synthesize(options: Options, request: stages.SynthesizeRequest, item: Item) -> stages.SynthesizeResult:
    if not request.text.strip() or request.rate <= 0:
        raise RequestError("synthesize needs a text, and a rate above 0")
    try:
        said = replaced(request.text, request.readings, japanese=request.language == "ja")
    except ValueError as error:
        raise RequestError(str(error)) from error
    seconds = max(0.3, 0.12 * len(said)) / request.rate
    script = Script(title=f"{request.language} {request.text}", duration=seconds, person="narrator")
    act("synthesize", item, (script,), options.sleep_s)
    path = item.output("speech.wav")
    duration = write_wav(path, performed(script, said), _WAV_HZ).duration
    return stages.SynthesizeResult(speech=item.file(path), sample_rate_hz=_WAV_HZ, duration=duration, reading=said)


def preview(options: Options, request: stages.PreviewRequest, item: Item) -> stages.PreviewResult:
    sounds = [read(item, excerpt.file) for excerpt in request.excerpts]
    act("preview", item, tuple(sound.script for sound in sounds), options.sleep_s)
    previews = []
    for index, (excerpt, sound) in enumerate(zip(request.excerpts, sounds, strict=True)):
        seconds = min(sound.duration, excerpt.end or sound.duration) - excerpt.start
        if seconds <= 0:
            raise RequestError(f"preview.excerpts[{index}] begins after its end")
        player = forms.write_mp3(item.output(f"{index:04}.mp3"), seconds)
        picture = forms.write_png(item.output(f"{index:04}.png"), 64, 32, f"{excerpt.file.sha256} {excerpt.start}")
        made = stages.Preview(player=item.file(player), picture=item.file(picture), duration=seconds)
        if request.lossless:
            excerpted = dataclasses.replace(sound, samples=max(1, round(seconds * sound.sample_rate_hz)))
            path = write_flac(item.output(f"{index:04}.flac"), excerpted, "recording")
            made = dataclasses.replace(made, sound=item.file(path))
        previews.append(made)
    return stages.PreviewResult(previews=tuple(previews))
