"""What is asked to prepare an episode: probe, extract, fingerprint, separate, diarize, cut, embed, survey."""

from __future__ import annotations

from typing import Literal

from containers.contract import stages
from containers.contract.stages import Turn
from infra.sources import place_of
from tasks.domain import Episode
from tasks.episodes.episode_subtitles import lines_shown, tracks_of
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
    return extract_video(episode.key, video_of(episode), folder_of(studio, episode), studio.series.language)


def extract_video(
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
