"""A revoked voice in the episodes: gone as if never cut, and gone again when an episode is cut anew."""

from __future__ import annotations

from pathlib import Path

from tasks import orders
from tasks.episodes import prepared
from tasks.episodes.prepared import Parts, find_prepared, heard_episode
from tasks.studio import Studio
from tasks.trust.rights import Revoked, bury
from tasks.trust.rights_episodes import forget, publish_without_revoked
from tests.unit.stub_studio import episode_at, looking, studio_at


def parts_of(studio: Studio, episode: prepared.Episode) -> Parts:
    """All stages of an episode, found or made."""
    extract = studio.make(orders.extract(studio, episode))
    separate = studio.make(orders.separate(studio, episode, extract))
    diarize = studio.make(orders.diarize(studio, episode, separate))
    cut = studio.make(orders.cut(studio, episode, separate, diarize))
    return Parts(
        extract=extract,
        fingerprint=studio.make(orders.fingerprint(studio, episode, extract)),
        fingerprint_vocals=studio.make(orders.fingerprint_vocals(studio, episode, separate)),
        separate=separate,
        diarize=diarize,
        cut=cut,
        embed=studio.make(orders.embed(studio, episode, separate, cut)),
    )


def test_clips_go_with_their_vectors_and_nothing_is_made_again(tmp_path: Path) -> None:
    studio, episode = studio_at(tmp_path), episode_at(tmp_path, duration=60)
    prepared.publish(studio, episode, parts_of(studio, episode))
    before = heard_episode(studio.store, studio.home, episode.key)
    spoken = {each.speaker for each in before.clips}
    assert len(spoken) > 1
    gone = [each for each in before.clips if each.speaker == min(spoken)]
    left = [place for place, each in enumerate(before.clips) if each not in gone]

    erased = forget(studio, episode.key, {each.id for each in gone})

    after = heard_episode(studio.store, studio.home, episode.key)
    assert len(erased) == len(gone)
    assert list(after.clips) == [before.clips[place] for place in left]
    assert after.vectors.tolist() == before.vectors[left].tolist()
    assert find_prepared(studio, episode).clips == len(left)
    assert parts_of(looking(studio), episode).cut.found, "every stage is found finished"
    assert forget(studio, episode.key, {each.id for each in gone}) == []


def test_an_episode_that_is_cut_anew_loses_the_revoked_voice_again(tmp_path: Path) -> None:
    studio, episode = studio_at(tmp_path), episode_at(tmp_path, duration=60)
    prepared.publish(studio, episode, parts_of(studio, episode))
    clips = heard_episode(studio.store, studio.home, episode.key).clips
    mine = [each for each in clips if each.speaker == clips[0].speaker]
    spans = {episode.key: tuple((each.start, each.end) for each in mine)}
    bury(studio, Revoked(character="anna", by="m", reason="r", time="2026-11-26T00:00:00Z", rights={}, spans=spans))
    made = publish_without_revoked(studio, episode, parts_of(studio, episode))
    assert made.clips == len(clips) - len(mine)
    left = heard_episode(studio.store, studio.home, episode.key).clips
    assert [each.id for each in left] == [each.id for each in clips if each not in mine]
