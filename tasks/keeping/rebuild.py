"""The steps of a season one by one, without Prefect: what a repair makes again, and nothing beside it.

Each step finds what is whole and makes what is not, as the flows do; these are for few things at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks import orders, voices
from tasks.clips import clean_ledger, data_sets, drying
from tasks.clips.data_sets import DataSet
from tasks.domain import Episode
from tasks.episodes import again, prepared, pruning, recurring_files
from tasks.episodes.episode_subtitles import take_sidecars
from tasks.episodes.prepared import Parts, Prepared
from tasks.labelling.decisions import Labels
from tasks.labelling.labels import load
from tasks.speakers import casting
from tasks.speakers.casting import Cast
from tasks.speakers.heard import heard_series, texts_of_clips
from tasks.speakers.references import known_references
from tasks.studio import Studio
from tasks.trust.rights import check_rights
from tasks.voices import ANEW, Card

CLEANED_TOGETHER = 64
"""Clips in one item of the clean stage."""


def prepare_episode(studio: Studio, episode: Episode) -> Prepared:
    """One episode through its stages, and what of it is not kept taken away; raises the StageError of an engine."""
    try:
        made = _prepare(studio, episode)
    except again.MadeOtherwise:  # all of it is there now, and what stands on it is made from that
        made = _prepare(studio, episode)
    pruning.prune_episode(studio, episode)
    return made


def _prepare(studio: Studio, episode: Episode) -> Prepared:
    extracted = again.recording_of(studio, episode)
    fingerprint = again.make(studio, orders.fingerprint(studio, episode, extracted), episode)
    separated = again.stems_of(studio, episode, extracted)
    fingerprint_vocals = again.make(studio, orders.fingerprint_vocals(studio, episode, separated), episode)
    diarized = again.make(studio, orders.diarize(studio, episode, separated), episode)
    take_sidecars(studio.store, orders.folder_of(studio, episode), episode)
    clips = again.make(studio, orders.cut(studio, episode, separated, diarized), episode)
    parts = Parts(
        extract=extracted,
        fingerprint=fingerprint,
        fingerprint_vocals=fingerprint_vocals,
        separate=separated,
        diarize=diarized,
        cut=clips,
        embed=again.make(studio, orders.embed(studio, episode, separated, clips), episode),
    )
    return prepared.publish(studio, episode, parts)


def make_cast(studio: Studio, episodes: Sequence[Episode], finished: Sequence[Prepared]) -> Cast:
    """What recurs, then who is heard."""
    keys = {each.episode for each in finished}
    fingerprints = recurring_files.fingerprints_of(studio, [each for each in episodes if each.key in keys])
    recurring_files.find_recurring(studio, fingerprints)
    base = casting.base_of(studio, episodes, finished)
    known = casting.find_cast(studio, casting.identity_of(base, load(studio.store, studio.series.series)))
    return known or casting.make_cast(studio, base, episodes, finished)


def make_data_sets(
    studio: Studio, cast: Cast, labels: Labels, finished: Sequence[Prepared], characters: Sequence[str]
) -> tuple[DataSet, ...]:
    """The data sets of some characters, from labels that count already."""
    wanted = {slug: data_sets.identity_of(studio, cast, labels, slug) for slug in characters}
    found = {slug: data_sets.find_data_set(studio, slug, identity) for slug, identity in wanted.items()}
    if all(found.values()):
        return tuple(each for each in found.values() if each)
    heard = heard_series(studio, finished)
    texts = texts_of_clips(studio, heard)
    rows = data_sets.decide(studio, cast, labels, heard, known_references(studio), texts=texts)
    about = data_sets.About(
        labels=labels,
        texts=texts,
        engines={each.episode: each.engines for each in finished},
        missing=data_sets.lacking(studio, cast, labels, rows),
    )
    hashes = {clip.id: clip.sha256 for episode in heard for clip in episode.clips}
    made = []
    for slug, identity in wanted.items():
        outstanding = list(clean_ledger.to_clean(studio, slug, rows[slug], hashes).items())
        for first in range(0, len(outstanding), CLEANED_TOGETHER):
            clips = dict(outstanding[first : first + CLEANED_TOGETHER])
            dried = drying.dry(studio, slug, clips)
            cleaned = studio.make(orders.clean(studio, slug, clean_ledger.batch_name(clips), dried.clips))
            clean_ledger.enter(studio, slug, clips, cleaned, dried.by)
        made.append(data_sets.publish(studio, slug, identity, rows[slug], about))
    return tuple(made)


def make_voice(studio: Studio, character: str) -> Card | None:
    """The voice of a character from its data set; None where there is none to train on. Raises RightsError."""
    check_rights(studio, character, "train")
    data, clips = data_sets.load_data_set(studio, character), clean_ledger.clips_to_train(studio, character)
    if data is None or not clips:
        return None
    card = voices.find_voice(studio, character)
    return card or voices.register(
        studio, character, data, studio.make(orders.train(studio, character, clips, ANEW.files))
    )
