"""From a video to stems: probe, extract, fingerprint, separate."""

from __future__ import annotations

import dataclasses
import shutil

from containers.contract import stages
from containers.contract.codec import write_atomically
from containers.contract.errors import RecordingError, RequestError
from containers.contract.item import Item

from . import forms
from .options import Options
from .script import Script, act, made_up, performed, script_in
from .sounds import of, read, write_flac

_HOP = 0.125


def probe(options: Options, request: stages.ProbeRequest, item: Item) -> stages.ProbeResult:
    script = video_in(request.video, item)
    act("probe", item, (script,), options.sleep_s)
    assert script.duration is not None
    track, problems = _track(script, request.language)
    return stages.ProbeResult(
        container="stub",
        duration=script.duration,
        tracks=tuple(
            stages.Track(
                index=index, codec="stub", channels=1, sample_rate_hz=48000, language=language, default=not index
            )
            for index, language in enumerate((script.language, *script.other_languages))
        ),
        subtitles=(_SUBTITLE_TRACK,) if script.subtitles else (),
        chapters=tuple(stages.Chapter(start=each.start, end=each.end, title=each.name) for each in script.music),
        track=track,
        problems=problems,
    )


def extract(options: Options, request: stages.ExtractRequest, item: Item) -> stages.ExtractResult:
    script = video_in(request.video, item)
    act("extract", item, (script,), options.sleep_s)
    chosen, problems = _track(script, request.language)
    if request.track is not None:
        if not 0 <= request.track <= len(script.other_languages):
            raise RequestError(f"extract.track is {request.track}; the video has {1 + len(script.other_languages)}")
        chosen, problems = request.track, ()
    sound = of(script, request.sample_rate_hz or 48000, request.bit_depth)
    subtitles = _subtitles(script, item) if script.subtitles else ()
    return stages.ExtractResult(
        recording=item.file(write_flac(item.output("recording.flac"), sound, "recording")),
        duration=sound.duration,
        sample_rate_hz=sound.sample_rate_hz,
        channels=sound.channels,
        track=chosen,
        subtitles=subtitles,
        problems=problems,
    )


_SUBTITLE_TRACK = stages.SubtitleTrack(index=0, codec="subrip", text=True, language="ja", default=True)


def video_in(video: stages.File, item: Item) -> Script:
    """The performed script of a video."""
    path = item.input(video)
    if not path.stat().st_size:
        raise RecordingError(f"{video.path} is empty; copy the episode again")
    script = script_in(path)
    return made_up(video.sha256) if script is None else performed(script, video.sha256)


def _track(script: Script, language: str | None) -> tuple[int, tuple[stages.Problem, ...]]:
    there = (script.language, *script.other_languages)
    if language is None or language in there:
        return there.index(language or script.language), ()
    text = f"no track says that it is {language}; there are {', '.join(there)}; the first one is taken"
    return 0, (stages.Problem(kind="language", text=text),)


def _subtitles(script: Script, item: Item) -> tuple[stages.Subtitles, ...]:
    path = item.output("subtitles/00.jpn.srt")
    entries = [
        f"{index}\n{_clock(turn.start)} --> {_clock(turn.end)}\n{turn.speaker}: line {index}\n"
        for index, turn in enumerate(script.turns, start=1)
    ]
    write_atomically(path, "\n".join(entries))
    return (stages.Subtitles(file=item.file(path), track=0, format="srt", language=_SUBTITLE_TRACK.language),)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"


def fingerprint(options: Options, request: stages.FingerprintRequest, item: Item) -> stages.FingerprintResult:
    sound = read(item, request.recording)
    act("fingerprint", item, (sound.script,), options.sleep_s)
    count = max(1, int(sound.duration / _HOP))
    words = bytearray(forms.noise(4 * count, request.recording.sha256))
    for music in sound.script.music:
        first, last = round(music.start / _HOP), min(count, round(music.end / _HOP))
        if not sound.script.vocals or music.sung:
            name = f"{music.name} sung" if sound.script.vocals else music.name
            words[4 * first : 4 * last] = forms.noise(4 * max(0, last - first), name)
    return stages.FingerprintResult(
        fingerprint=item.file(forms.write_npy(item.output("fingerprint.npy"), bytes(words))),
        hop=_HOP,
        words=len(words) // 4,
        method="stub 1",
    )


def separate(options: Options, request: stages.SeparateRequest, item: Item) -> stages.SeparateResult:
    """A recording that is not stub's own becomes the vocals, whole, and the background is silence."""
    sound = read(item, request.recording)
    act("separate", item, (sound.script,), options.sleep_s)
    vocals, background = item.output("vocals.flac"), item.output("background.flac")
    depth = request.bit_depth if sound.own else 24 if sound.bit_depth > 16 else 16
    sound = dataclasses.replace(sound, bit_depth=depth)
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
