"""The cast anew after a person's word, from what lies in the store: no engine, no episode is needed.

Somebody who takes clips out of a speaker, or takes that back, sees at once whose they are then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from containers.contract.codec import canonical, encode
from infra.store import write_json
from tasks import cast as rules
from tasks import casting
from tasks.casting import Cast
from tasks.domain import HeardEpisode, Speaker, Suggestion
from tasks.labels import Labels, load
from tasks.linking import link
from tasks.prepared import heard_episode
from tasks.series import SeriesError
from tasks.studio import Studio


def recast(studio: Studio) -> Cast:
    """The cast as people's splits make it now, written to the store; the one there where they change nothing."""
    with studio.store.locked(f"{studio.home}/cast"):
        known, labels = casting.cast_of(studio), load(studio.store, studio.series.series)
        episodes = sorted({episode for speaker in known.speakers for episode in speaker.episodes})
        heard = tuple(heard_episode(studio.store, studio.home, each) for each in episodes)
        speakers = link(heard, known.speakers, said=casting.said_by(labels))
        if speakers == known.speakers:
            return known
        made = Cast(
            identity=_identity(known, labels),
            model=known.model,
            speakers=speakers,
            suggestions=_suggestions(studio, known, speakers, heard),
        )
        write_json(studio.store, f"{studio.home}/cast/speakers.json", encode(made))
    return made


def _suggestions(
    studio: Studio, known: Cast, speakers: Sequence[Speaker], heard: Sequence[HeardEpisode]
) -> tuple[Suggestion, ...]:
    """Anew for speakers whose clips changed; the others keep theirs, since references may not be at hand here."""
    before = {each.id: each.clips for each in known.speakers}
    kept = {each.speaker: each for each in known.suggestions}
    changed = [each for each in speakers if before.get(each.id) != each.clips or each.id not in kept]
    try:
        references = casting.known_references(studio)
    except SeriesError:
        references = ()
    anew = {each.speaker: each for each in rules.suggest(changed, heard, references)}
    return tuple(anew.get(each.id) or kept[each.id] for each in speakers)


def _identity(known: Cast, labels: Labels) -> str:
    """Another one than that of the cast it comes from, so that whoever keeps that one looks again."""
    return hashlib.sha256(canonical([known.identity, labels.split]).encode()).hexdigest()
