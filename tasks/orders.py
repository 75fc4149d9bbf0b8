"""What each stage is asked for a series, and under which keys its files are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from containers.contract import stages
from containers.contract.stages import File, Turn
from infra.sources import place_of
from tasks.domain import Episode
from tasks.episodes.episode_subtitles import lines_shown, tracks_of
from tasks.speech.readings import said_as
from tasks.studio import Made, Order, Source, Stored, Studio, sent


def folder_of(studio: Studio, episode: Episode) -> str:
    return f"{studio.home}/episodes/{episode.key}"


def video_of(episode: Episode) -> Source:
    """The file an episode came from."""
    return Source(path=place_of(episode.file), sha256=episode.sha256)


def probe(studio: Studio, episode: Episode) -> Order[stages.ProbeResult]:
    video = video_of(episode)
    return Order(
        stage="probe",
        of=episode.key,
        request=stages.ProbeRequest(video=sent("video", video), language=studio.series.language),
        result=stages.ProbeResult,
        inputs={"in/video": video},
        folder=folder_of(studio, episode),
        keep={},
    )


def extract(studio: Studio, episode: Episode) -> Order[stages.ExtractResult]:
    return _extract(episode.key, video_of(episode), folder_of(studio, episode), studio.series.language)


def extract_given(studio: Studio, of: str, given: Source) -> Order[stages.ExtractResult]:
    """A recording of a file a person gave (a reference, a song), whatever its form."""
    return _extract(of, given, f"{studio.home}/given/{given.sha256[:16]}", None)


def extract_line(studio: Studio, of: str, given: Source) -> Order[stages.ExtractResult]:
    """A recording to convert, at its own rate: what is converted is then as long as it, to the sample."""
    return _extract(of, given, f"{studio.home}/given/{given.sha256[:16]}/line", None, None)


def _extract(
    of: str, video: Source, folder: str, language: str | None, rate_hz: Literal[48000] | None = 48000
) -> Order[stages.ExtractResult]:
    return Order(
        stage="extract",
        of=of,
        request=stages.ExtractRequest(video=sent("video", video), language=language, sample_rate_hz=rate_hz),
        result=stages.ExtractResult,
        inputs={"in/video": video},
        folder=folder,
        keep={"out/recording.flac": "recording.flac", "out/subtitles/": "subtitles/"},
    )


def fingerprint(
    studio: Studio, episode: Episode, extracted: Made[stages.ExtractResult]
) -> Order[stages.FingerprintResult]:
    recording = extracted.stored(extracted.result.recording)
    return Order(
        stage="fingerprint",
        of=episode.key,
        request=stages.FingerprintRequest(recording=sent("recording.flac", recording)),
        result=stages.FingerprintResult,
        inputs={"in/recording.flac": recording},
        folder=folder_of(studio, episode),
        keep={"out/": ""},
    )


def fingerprint_vocals(
    studio: Studio, episode: Episode, separated: Made[stages.SeparateResult]
) -> Order[stages.FingerprintResult]:
    """The same of the vocals: what tells whether the voice recurs as well as the music."""
    vocals = separated.stored(separated.result.vocals)
    return Order(
        stage="fingerprint",
        of=f"vocals of {episode.key}",
        request=stages.FingerprintRequest(recording=sent("vocals.flac", vocals)),
        result=stages.FingerprintResult,
        inputs={"in/vocals.flac": vocals},
        folder=folder_of(studio, episode),
        keep={"out/": "vocals."},
        record="fingerprint-vocals",
    )


def separate(studio: Studio, episode: Episode, extracted: Made[stages.ExtractResult]) -> Order[stages.SeparateResult]:
    return separation(studio, episode, extracted.stored(extracted.result.recording), "stems/")


def separation(studio: Studio, episode: Episode, recording: Stored, into: str) -> Order[stages.SeparateResult]:
    """The stems of a recording, kept in a folder of the episode's."""
    return Order(
        stage="separate",
        of=episode.key,
        request=stages.SeparateRequest(recording=sent("recording.flac", recording)),
        result=stages.SeparateResult,
        inputs={"in/recording.flac": recording},
        folder=folder_of(studio, episode),
        keep={"out/": into},
    )


def diarize(studio: Studio, episode: Episode, separated: Made[stages.SeparateResult]) -> Order[stages.DiarizeResult]:
    vocals, size = separated.stored(separated.result.vocals), studio.series.cast_size
    return Order(
        stage="diarize",
        of=episode.key,
        request=stages.DiarizeRequest(
            vocals=sent("vocals.flac", vocals),
            speakers=size.exactly,
            min_speakers=size.at_least,
            max_speakers=size.at_most,
        ),
        result=stages.DiarizeResult,
        inputs={"in/vocals.flac": vocals},
        folder=folder_of(studio, episode),
        keep={"out/": ""},
    )


def cut(
    studio: Studio,
    episode: Episode,
    separated: Made[stages.SeparateResult],
    diarized: Made[stages.DiarizeResult],
) -> Order[stages.CutResult]:
    """Subtitles that the episode has in the store say where lines end."""
    vocals = separated.stored(separated.result.vocals)
    background = separated.stored(separated.result.background)
    shortest, longest = studio.series.targets.clip_seconds
    tracks = tracks_of(studio.store, folder_of(studio, episode))
    return Order(
        stage="cut",
        of=episode.key,
        request=stages.CutRequest(
            vocals=sent("vocals.flac", vocals),
            background=sent("background.flac", background),
            turns=diarized.result.exclusive,
            overlap=diarized.result.overlap,
            min_seconds=shortest,
            max_seconds=longest,
            cues=lines_shown(tracks, studio.series.language),
        ),
        result=stages.CutResult,
        inputs={"in/vocals.flac": vocals, "in/background.flac": background},
        folder=folder_of(studio, episode),
        keep={"out/clips/": "clips/"},
    )


def embed(
    studio: Studio,
    episode: Episode,
    separated: Made[stages.SeparateResult],
    clips: Made[stages.CutResult],
) -> Order[stages.EmbedResult]:
    vocals = separated.stored(separated.result.vocals)
    turns = tuple(Turn(start=clip.start, end=clip.end, speaker=clip.speaker) for clip in clips.result.clips)
    return Order(
        stage="embed",
        of=episode.key,
        request=stages.EmbedRequest(vocals=sent("vocals.flac", vocals), turns=turns),
        result=stages.EmbedResult,
        inputs={"in/vocals.flac": vocals},
        folder=folder_of(studio, episode),
        keep={"out/vectors.json": "vectors.json"},
    )


def embed_reference(studio: Studio, character: str, reference: Stored) -> Order[stages.EmbedResult]:
    name = reference.sha256[:16]
    return Order(
        stage="embed",
        of=f"reference of {character}",
        request=stages.EmbedRequest(vocals=sent("reference.flac", reference)),
        result=stages.EmbedResult,
        inputs={"in/reference.flac": reference},
        folder=f"{studio.home}/cast/references",
        keep={"out/vectors.json": f"{name}.vectors.json"},
        record=name,
    )


def clean(studio: Studio, character: str, batch: str, clips: Mapping[str, Stored]) -> Order[stages.CleanResult]:
    """`clips`: name of a clip in the data set -> the clip as cut; one order holds a batch of them."""
    requested = tuple(File(path=f"in/{i:05d}.flac", sha256=each.sha256) for i, each in enumerate(clips.values()))
    names = {f"out/clips/{i:04d}.wav": f"clips/{name}.wav" for i, name in enumerate(clips)}
    return Order(
        stage="clean",
        of=f"{character} {batch}",
        request=stages.CleanRequest(clips=requested, denoise=studio.series.denoise),
        result=stages.CleanResult,
        inputs={file.path: each for file, each in zip(requested, clips.values(), strict=True)},
        folder=f"{studio.home}/characters/{character}",
        keep=names,
        record=f"clean-{batch}",
    )


def clean_recording(studio: Studio, of: str, folder: str, recording: Stored) -> Order[stages.CleanResult]:
    """Noise off a recording that is to be converted, where that helps; its length and level stay. Kept beside it."""
    order = Order(
        stage="clean",
        of=of,
        request=stages.CleanRequest(
            clips=(sent("recording.flac", recording),), denoise=studio.series.denoise, whole=True
        ),
        result=stages.CleanResult,
        inputs={"in/recording.flac": recording},
        folder=folder,
        keep={},
    )
    name = studio.identity(order)[:12]
    return replace(order, keep={"out/clips/0000.wav": f"cleaned-{name}.wav"}, record=f"clean-{name}")


def dereverb(studio: Studio, character: str, name: str, clip: Stored) -> Order[stages.SeparateResult]:
    """`name`: of the clip in the data set. For a series that asks for it."""
    wanted = studio.series.dereverb
    assert wanted is not None
    return Order(
        stage="separate",
        of=f"{character} {name}",
        request=stages.SeparateRequest(recording=sent("clip.flac", clip)),
        result=stages.SeparateResult,
        inputs={"in/clip.flac": clip},
        folder=f"{studio.home}/characters/{character}",
        keep={"out/": f"dry/{name}/"},
        record=dereverb_record(name),
        engine=wanted.engine,
        options=wanted.options,
    )


def dereverb_record(name: str) -> str:
    return f"dereverb-{name}"


def train(
    studio: Studio, character: str, clips: tuple[Stored, ...], voice: Mapping[str, Stored | Source] | None = None
) -> Order[stages.TrainResult]:
    """Its folder is named by what makes the voice, so that an older voice stays beside a newer one.

    `voice`: files of one to go on from, by name.
    """
    before = {f"in/voice/{name}": each for name, each in sorted((voice or {}).items())}
    requested = tuple(File(path=f"in/{i:05d}.wav", sha256=each.sha256) for i, each in enumerate(clips))
    order = Order(
        stage="train",
        of=character,
        request=stages.TrainRequest(
            character=character,
            clips=requested,
            voice=tuple(File(path=path, sha256=each.sha256) for path, each in before.items()),
        ),
        result=stages.TrainResult,
        inputs={**{file.path: each for file, each in zip(requested, clips, strict=True)}, **before},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/voices/{character}/{studio.identity(order)[:12]}")


def synthesize(studio: Studio, text: str, language: str, rate: float = 1.0) -> Order[stages.SynthesizeResult]:
    """Read as the dictionary of the series, and readings in the text itself, say."""
    said = said_as(studio.series, text, language)
    order = Order(
        stage="synthesize",
        of=text[:40],
        request=stages.SynthesizeRequest(text=said.text, language=language, rate=rate, readings=said.readings),
        result=stages.SynthesizeResult,
        inputs={},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/speech/base/{studio.identity(order)[:12]}")


def measure(of: str, folder: str, speech: Stored) -> Order[stages.MeasureResult]:
    """Pitch, length and level of a recording; kept beside it."""
    return Order(
        stage="measure",
        of=of,
        request=stages.MeasureRequest(speech=sent("speech", speech)),
        result=stages.MeasureResult,
        inputs={"in/speech": speech},
        folder=folder,
        keep={},
        record=f"measure-{speech.sha256[:12]}",
    )


def convert(
    studio: Studio, character: str, source: Stored, voice: tuple[Stored, ...], pitch_shift: float | None
) -> Order[stages.ConvertResult]:
    files = {f"in/voice/{PurePosixPath(each.key).name}": each for each in voice}
    order = Order(
        stage="convert",
        of=f"to {character}",
        request=stages.ConvertRequest(
            source=sent("source.flac", source),
            voice=tuple(File(path=path, sha256=each.sha256) for path, each in files.items()),
            pitch_shift_semitones=pitch_shift,
        ),
        result=stages.ConvertResult,
        inputs={"in/source.flac": source, **files},
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/speech/converted/{studio.identity(order)[:12]}")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A stretch of a sound file that a page shows; `end` None: to its end."""

    file: Stored
    start: float = 0.0
    end: float | None = None


def preview(
    studio: Studio, of: str, excerpts: tuple[Shown, ...], *, lossless: bool = False
) -> Order[stages.PreviewResult]:
    """Players and pictures for a page; kept by what they show, so that nothing is drawn twice. `lossless`: FLAC too."""
    files = {f"in/{each.file.sha256[:16]}": each.file for each in excerpts}
    order = Order(
        stage="preview",
        of=of,
        request=stages.PreviewRequest(
            excerpts=tuple(
                stages.Excerpt(
                    file=File(path=f"in/{each.file.sha256[:16]}", sha256=each.file.sha256),
                    start=each.start,
                    end=each.end,
                )
                for each in excerpts
            ),
            lossless=lossless,
        ),
        result=stages.PreviewResult,
        inputs=files,
        folder="",
        keep={"out/": ""},
    )
    return replace(order, folder=f"{studio.home}/previews/{studio.identity(order)[:16]}")


def survey(studio: Studio, episode: str, vocals: Stored, background: Stored) -> Order[stages.SurveyResult]:
    """What the background of a prepared episode does over time."""
    return Order(
        stage="survey",
        of=episode,
        request=stages.SurveyRequest(
            background=sent("background.flac", background), vocals=sent("vocals.flac", vocals)
        ),
        result=stages.SurveyResult,
        inputs={"in/background.flac": background, "in/vocals.flac": vocals},
        folder=f"{studio.home}/episodes/{episode}",
        keep={"out/": ""},
    )


def excerpts(
    studio: Studio, episode: str, file: Stored, spans: tuple[tuple[float, float], ...]
) -> Order[stages.PreviewResult]:
    """Stretches of an episode's stem as FLAC, with a player and a picture, kept among its assets."""
    return Order(
        stage="preview",
        of=f"assets of {episode}",
        request=stages.PreviewRequest(
            excerpts=tuple(
                stages.Excerpt(file=sent("background.flac", file), start=start, end=end) for start, end in spans
            ),
            lossless=True,
        ),
        result=stages.PreviewResult,
        inputs={"in/background.flac": file},
        folder=f"{studio.home}/assets/{episode}",
        keep={"out/": ""},
    )


def archive(studio: Studio, name: str, recording: Stored, start: float, end: float) -> Order[stages.PreviewResult]:
    """A stretch of a recording as FLAC, with a player and a picture, under its name in the archive."""
    folder = f"{studio.home}/archive"
    return Order(
        stage="preview",
        of=f"{name} of the archive",
        request=stages.PreviewRequest(
            excerpts=(stages.Excerpt(file=sent("recording.flac", recording), start=start, end=end),), lossless=True
        ),
        result=stages.PreviewResult,
        inputs={"in/recording.flac": recording},
        folder=folder,
        keep={f"out/0000.{ending}": f"{name}.{ending}" for ending in ("flac", "mp3", "png")},
        record=name,
    )
