"""From lines to a dubbed video: retime, mix, mux. The forms are right, and there is nothing to hear."""

from __future__ import annotations

import dataclasses

from containers.contract import stages
from containers.contract.codec import canonical, write_atomically
from containers.contract.errors import RequestError
from containers.contract.item import Item

from .episode import video_in
from .options import Options
from .script import Script, act, performed
from .sounds import Sound, of, read, write_flac, write_wav


def retime(options: Options, request: stages.RetimeRequest, item: Item) -> stages.RetimeResult:
    sound = read(item, request.speech)
    act("retime", item, (sound.script,), options.sleep_s)
    tempo = 1.0
    if request.seconds is not None:
        so_far = sound.duration / (request.natural or sound.duration)
        slowest, fastest = min(1.0, request.slowest * so_far), max(1.0, request.fastest * so_far)
        tempo = round(min(max(sound.duration / request.seconds, slowest), fastest), 4)
    script = dataclasses.replace(sound.script, duration=sound.duration / tempo, turns=())
    path = item.output("speech.wav")
    made = write_wav(path, performed(script, request.speech.sha256), sound.sample_rate_hz)
    return stages.RetimeResult(
        speech=item.file(path),
        sample_rate_hz=sound.sample_rate_hz,
        duration=made.duration,
        natural=sound.duration,
        tempo=tempo,
    )


def mix(options: Options, request: stages.MixRequest, item: Item) -> stages.MixResult:
    lines = [(each, read(item, each.speech)) for each in request.lines]
    under = None if request.recording is None else read(item, request.recording)
    if request.background is not None:
        read(item, request.background)
    act("mix", item, (*([under.script] if under else []), *(sound.script for _, sound in lines)), options.sleep_s)
    track = _bed(under, request, max((each.start + sound.duration for each, sound in lines), default=0.0))
    mixed = []
    for each, sound in lines:
        end = each.start + sound.duration
        if end > track.duration + 0.001:
            raise RequestError(f"the line at {each.start} s ends after the track, at {track.duration} s")
        mixed.append(
            stages.LineMixed(start=each.start, end=end, gain_db=0.0, loudness_lufs=each.loudness_lufs, limited_db=0.0)
        )
    if under:
        path = write_flac(item.output("track.flac"), track, "recording")
    else:
        path = item.output("track.wav")
        write_wav(path, track.script, track.sample_rate_hz)
    return stages.MixResult(
        track=item.file(path),
        sample_rate_hz=track.sample_rate_hz,
        channels=track.channels,
        duration=track.duration,
        lines=tuple(mixed),
    )


def _bed(under: Sound | None, request: stages.MixRequest, last: float) -> Sound:
    if under is None:
        return of(performed(Script(duration=max(last, request.seconds or 0.0, 0.01)), "lines alone"))
    samples = max(under.samples, round((request.seconds or 0.0) * under.sample_rate_hz))
    return dataclasses.replace(under, samples=samples)


def mux(options: Options, request: stages.MuxRequest, item: Item) -> stages.MuxResult:
    """The video's script with one more language, and the tags as what it says."""
    script = video_in(request.video, item)
    sound = read(item, request.track)
    act("mux", item, (script, sound.script), options.sleep_s)
    languages = (script.language, *script.other_languages)
    told = dataclasses.replace(script, other_languages=(*script.other_languages, request.language))
    path = item.output("video.mkv")
    said = {"stub": told, "track": request.track.sha256, "title": request.title, "tags": request.tags}
    write_atomically(path, canonical(said))
    return stages.MuxResult(
        video=item.file(path),
        tracks=tuple(
            stages.Track(index=index, codec="stub", channels=1, sample_rate_hz=48000, language=language)
            for index, language in enumerate((*languages, request.language))
        ),
        subtitles=(),
        track=len(languages),
    )
