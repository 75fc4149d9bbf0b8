"""What was heard in the prepared episodes, and what their subtitles say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from infra.store import AT_ONCE
from tasks.clips import clip_texts
from tasks.domain import HeardEpisode, Speaker
from tasks.episodes.episode_subtitles import Tracks, named, spoken, tracks_of
from tasks.episodes.prepared import Prepared, heard_episode
from tasks.speakers import hearsay
from tasks.speakers.names import casts_of, character_names
from tasks.studio import Studio


def heard_series(studio: Studio, prepared: Sequence[Prepared]) -> tuple[HeardEpisode, ...]:
    """What was heard in all prepared episodes."""
    return heard_in(studio, [each.episode for each in prepared])


def heard_in(studio: Studio, keys: Sequence[str]) -> tuple[HeardEpisode, ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda key: heard_episode(studio.store, studio.home, key), keys))


def subtitles_of(studio: Studio, keys: Sequence[str]) -> dict[str, Tracks]:
    """Episode -> its subtitle tracks."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        folders = [f"{studio.home}/episodes/{key}" for key in keys]
        return dict(zip(keys, pool.map(lambda folder: tracks_of(studio.store, folder), folders), strict=True))


def texts_of_clips(studio: Studio, heard: Sequence[HeardEpisode]) -> dict[str, str]:
    """Clip -> what is said in it, where subtitles in the series' language tell it surely."""
    tracks = subtitles_of(studio, [each.episode for each in heard])
    texts: dict[str, str] = {}
    for episode in heard:
        texts |= clip_texts.texts_of(episode.clips, spoken(tracks[episode.episode], studio.series.language))
    return texts


def hints_of_episodes(
    studio: Studio, heard: Sequence[HeardEpisode]
) -> Callable[[Sequence[Speaker]], Mapping[str, hearsay.Hint]]:
    """What subtitles and cast lists say of speakers."""
    tracks = subtitles_of(studio, [each.episode for each in heard])
    names = {episode: named(of_episode) for episode, of_episode in tracks.items()}
    casts, characters = casts_of(studio.series), character_names(studio.series)
    return lambda speakers: hearsay.hints_of(speakers, heard, names, casts, characters)
