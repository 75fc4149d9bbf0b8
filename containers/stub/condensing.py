"""Less to separate: where somebody may speak, what an earlier episode has too, the rest alone, and the stems of all."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace

from containers.contract import stages
from containers.contract.errors import RequestError
from containers.contract.item import Item
from containers.contract.stages import JOINT_SECONDS, Segment, Turn

from . import forms
from .options import Options
from .script import Music, Script, act
from .sounds import Sound, read, write_flac

_HOP = 0.032


def detect(options: Options, request: stages.DetectRequest, item: Item) -> stages.DetectResult:
    sound = read(item, request.recording)
    act("detect", item, (sound.script,), options.sleep_s)
    count = max(1, int(sound.duration / _HOP))
    spoken = [0.0] * count
    for turn in sound.script.turns:
        first, last = int(turn.start / _HOP), min(count, int(turn.end / _HOP) + 1)
        spoken[first:last] = [1.0] * (last - first)
    rows = b"".join(struct.pack("<ff", each, each) for each in spoken)
    path = forms.write_npy_table(item.output("speech.npy"), rows, len(stages.DETECTED))
    return stages.DetectResult(speech=item.file(path), hop=_HOP, rows=count)


def compare(options: Options, request: stages.CompareRequest, item: Item) -> stages.CompareResult:
    """A piece of music of the same name is the same sound; who speaks in either is new."""
    here, there = read(item, request.recording), read(item, request.earlier)
    act("compare", item, (here.script,), options.sleep_s)
    found: list[stages.Compared] = []
    rows = b""
    for each in request.stretches:
        lag = _lag(here.script, there.script, each)
        if lag is None:
            continue
        count = int((each.end - each.start) / _HOP)
        times = [each.start + _HOP * (index + 0.5) for index in range(count)]
        rows += b"".join(struct.pack("<fff", *_difference(here.script, there.script, at, lag)) for at in times)
        found.append(stages.Compared(start=each.start, end=each.end, lag=lag, gain=1.0, rows=count))
    path = forms.write_npy_table(item.output("differences.npy"), rows, len(stages.COMPARED))
    return stages.CompareResult(differences=item.file(path), hop=_HOP, stretches=tuple(found))


def _lag(here: Script, there: Script, stretch: stages.Stretch) -> float | None:
    """Of the first piece that both have there."""
    for ours in here.music:
        for theirs in there.music:
            lag = round(ours.start - theirs.start, 3)
            near = abs(lag - stretch.lag) < 0.25 and ours.start < stretch.end and ours.end > stretch.start
            if ours.name == theirs.name and near:
                return lag
    return None


def _difference(here: Script, there: Script, at: float, lag: float) -> tuple[float, float, float]:
    ours = {each.name for each in here.music if each.start <= at < each.end}
    theirs = {each.name for each in there.music if each.start <= at - lag < each.end}
    spoken = any(each.start <= at < each.end for each in here.turns)
    spoken = spoken or any(each.start <= at - lag < each.end for each in there.turns)
    return (-40.0 if ours & theirs else 0.0), float(spoken), float(spoken)


def condense(options: Options, request: stages.CondenseRequest, item: Item) -> stages.CondenseResult:
    sound = read(item, request.recording)
    act("condense", item, (sound.script,), options.sleep_s)
    _check(request.segments, sound)
    if not request.segments:
        raise RequestError("there is no segment to condense a recording to")
    rate = sound.sample_rate_hz
    lengths = [min(round(each.end * rate), sound.samples) - round(each.start * rate) for each in request.segments]
    samples = sum(lengths) + (len(lengths) - 1) * round(JOINT_SECONDS * rate)
    script = condensed(sound.script, request.segments, samples / rate)
    short = replace(sound, script=script, samples=samples, bit_depth=request.bit_depth)
    path = write_flac(item.output("recording.flac"), short, "recording")
    return stages.CondenseResult(recording=item.file(path), sample_rate_hz=rate, duration=samples / rate)


def condensed(script: Script, segments: tuple[Segment, ...], duration: float) -> Script:
    """The script of what is left: turns and music as far as they lie in segments, moved to where those lie now."""
    turns: list[Turn] = []
    music: list[Music] = []
    place = 0.0
    for each in segments:
        shift = place - each.start
        for turn in script.turns:
            start, end = max(turn.start, each.start), min(turn.end, each.end)
            if end > start:
                turns.append(replace(turn, start=start + shift, end=end + shift))
        for piece in script.music:
            start, end = max(piece.start, each.start), min(piece.end, each.end)
            if end > start:
                music.append(replace(piece, start=start + shift, end=end + shift))
        place += each.end - each.start + JOINT_SECONDS
    return replace(script, turns=tuple(turns), music=tuple(music), duration=duration)


def restore(options: Options, request: stages.RestoreRequest, item: Item) -> stages.SeparateResult:
    """The recording's script says what is sung and spoken; a recording that is not stub's own is all vocals."""
    sound = read(item, request.recording)
    scripts = (sound.script,) if request.vocals is None else (sound.script, read(item, request.vocals).script)
    act("restore", item, scripts[:1], options.sleep_s)
    if request.earlier is not None:
        read(item, request.earlier)
    elif request.reused:
        raise RequestError("vocals are to be reused, and the earlier recording's are not there")
    _check(request.segments, sound)
    if request.segments and request.vocals is None:
        raise RequestError("segments without their vocals; separate the condensed recording first")
    vocals, background = item.output("vocals.flac"), item.output("background.flac")
    sound = replace(sound, bit_depth=request.bit_depth) if sound.own else sound
    if sound.own:
        write_flac(vocals, sound, "vocals")
    else:
        shutil.copyfile(item.input(request.recording), vocals)
    write_flac(background, sound, "background")
    return stages.SeparateResult(
        vocals=item.file(vocals),
        background=item.file(background),
        sample_rate_hz=sound.sample_rate_hz,
        duration=sound.duration,
    )


def _check(segments: tuple[Segment, ...], sound: Sound) -> None:
    before = -1.0
    for each in segments:
        if each.start <= before or each.start >= sound.duration:
            raise RequestError(f"segments lie in the recording, in order and apart; {each.start} s does not")
        before = each.end
