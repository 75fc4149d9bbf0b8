"""The cast of a series in the store: speakers and suggestions, made of what was heard, of references and of labels.

The deciding is in `linking`, `cast` and `parting`; here it meets files.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from containers.contract.codec import canonical, decode, encode
from infra.identity import hash_of_code
from infra.sources import sha256_known
from infra.store import find_json, write_json
from tasks.clips import clip_texts
from tasks.domain import Episode, HeardEpisode, Speaker, Suggestion
from tasks.episodes import episode_subtitles, recurring_files, subtitles
from tasks.episodes.episode_subtitles import sidecars_of, take_sidecars
from tasks.episodes.prepared import Prepared
from tasks.labelling.decisions import Labels
from tasks.labelling.labels import load
from tasks.orders import folder_of
from tasks.series import SeriesError
from tasks.speakers import (
    agglomeration,
    bans,
    carrying,
    cast,
    embedding_models,
    guests,
    hearsay,
    learnt,
    linking,
    names,
    parting,
    settling,
    splits,
    voice_parts,
)
from tasks.speakers.heard import heard_in, hints_of_episodes
from tasks.speakers.learnt import by_people
from tasks.speakers.names import casts_of, character_names
from tasks.speakers.parting import who_is_who
from tasks.speakers.references import known_references, references_of
from tasks.studio import Studio

log = logging.getLogger(__name__)

DECIDING = (
    agglomeration, bans, carrying, cast, clip_texts, embedding_models, episode_subtitles, guests, hearsay, learnt,
    linking, names, parting, settling, splits, subtitles, voice_parts,
)  # fmt: skip
"""Modules whose rules the cast stands on: where one changes, it is made anew."""


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who is heard in the series and who each one may be; `identity` names all it was made from.

    `base`: all of that but what people said, which is `said`; "" of a cast that nothing can be made anew from.
    `repeated`: of a speaker's seconds, those that lie in what recurs (openings, recaps) and are new speech of nobody.
    """

    identity: str
    model: str | None
    speakers: tuple[Speaker, ...]
    suggestions: tuple[Suggestion, ...]
    base: str = ""
    said: str = ""
    repeated: dict[str, float] = field(default_factory=dict)

    def new_seconds(self) -> dict[str, float]:
        """Speaker -> seconds that a data set could take."""
        return {each.id: max(each.seconds - self.repeated.get(each.id, 0.0), 0.0) for each in self.speakers}


def base_of(studio: Studio, episodes: Sequence[Episode], prepared: Sequence[Prepared]) -> str:
    """Changes with the prepared episodes, the references, what subtitles and cast lists say, and our own rules."""
    keys = {each.episode for each in prepared}
    parts = {
        "episodes": sorted(each.identity for each in prepared),
        "references": sorted([slug, source.sha256] for slug, source in references_of(studio)),
        "sidecars": sorted(
            [each.key, path.name, sha256_known(path, studio.store)]
            for each in episodes
            if each.key in keys
            for path in sidecars_of(each)
        ),
        "casts": sorted([episode, sorted(people)] for episode, people in casts_of(studio.series).items()),
        "names": sorted(character_names(studio.series).items()),
        "rules": hash_of_code(*DECIDING),
    }
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def said_by(labels: Labels) -> str:
    """Changes with what people said, and not with what references decided."""
    people = by_people(labels)
    parts = [{name: each.character for name, each in people.speakers.items()}, people.split, people.rejected]
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def identity_of(base: str, labels: Labels) -> str:
    return hashlib.sha256(f"{base} {said_by(labels)}".encode()).hexdigest()


def find_cast(studio: Studio, identity: str) -> Cast | None:
    """The cast, if it was made from just this."""
    known = load_cast(studio)
    return known if known and known.identity == identity else None


def cast_of(studio: Studio) -> Cast:
    """The cast as it stands; LookupError, with the way out, before a preparation."""
    cast = load_cast(studio)
    if cast is None:
        raise LookupError(f"{studio.series.series} has no cast yet; run: voicecast prepare")
    return cast


def load_cast(studio: Studio) -> Cast | None:
    """The cast as it stands in the store."""
    key = f"{studio.home}/cast/speakers.json"
    said = find_json(studio.store, key)
    return None if said is None else decode(Cast, said, key)


def make_cast(studio: Studio, base: str, episodes: Sequence[Episode], prepared: Sequence[Prepared]) -> Cast:
    """Link the speakers of all prepared episodes, suggest who they are, and write `cast/speakers.json`."""
    keys = [each.episode for each in prepared]
    for episode in episodes:
        if episode.key in keys:
            for problem in take_sidecars(studio.store, folder_of(studio, episode), episode):
                log.warning("subtitles beside %s: %s", episode.key, problem)
    with studio.store.locked(f"{studio.home}/cast"):
        known = load_cast(studio)
        labels = load(studio.store, studio.series.series)
        return _make(studio, base, keys, known, labels)


def current(studio: Studio, found: Cast, labels: Labels) -> Cast:
    """The cast as of these labels: linked again where people split a speaker, suggestions from what they approved.

    The same cast where people said nothing new since it was made.
    """
    if found.said == said_by(labels) or not (found.base or labels.split):
        return found
    with studio.store.locked(f"{studio.home}/cast"):
        known = load_cast(studio) or found
        base = known.base or known.identity
        if known.identity == identity_of(base, labels):
            return known
        keys = sorted({episode for speaker in known.speakers for episode in speaker.episodes})
        return _make(studio, base, keys, known, labels)


def recast(studio: Studio) -> Cast:
    """The cast as people's word makes it now; no engine and no video is needed."""
    return current(studio, cast_of(studio), load(studio.store, studio.series.series))


def _make(studio: Studio, base: str, keys: Sequence[str], before: Cast | None, labels: Labels) -> Cast:
    heard = heard_in(studio, keys)
    previous = before.speakers if before else ()
    model = next((each.model for each in heard if each.clips), None)
    people = {name: each.character for name, each in by_people(labels).speakers.items()}
    speakers = linking.link(heard, previous, said=linking.Said(characters=people, split=labels.split))
    try:
        hints, least = hints_of_episodes(studio, heard), studio.series.questions.min_seconds
        references = known_references(studio)
        speakers, suggestions = who_is_who(speakers, previous, heard, labels, references, hints, least)
    except SeriesError as error:
        if before is None:
            raise
        log.warning("suggestions stay as they were: %s", error)
        suggestions = _kept(before, speakers)
    made = Cast(
        identity=identity_of(base, labels),
        model=model,
        speakers=speakers,
        suggestions=suggestions,
        base=base,
        said=said_by(labels),
        repeated=_repeated(studio, heard, speakers),
    )
    # Its ids are what labels speak of, and no run makes the same ones again: hence a second copy.
    write_json(studio.store, f"{studio.home}/cast/speakers.copy.json", encode(made))
    write_json(studio.store, f"{studio.home}/cast/speakers.json", encode(made))
    return made


def _repeated(studio: Studio, heard: Sequence[HeardEpisode], speakers: Sequence[Speaker]) -> dict[str, float]:
    left_out = recurring_files.clips_left_out(recurring_files.load_recurring(studio), heard)
    seconds = {clip.id: clip.end - clip.start for each in heard for clip in each.clips if clip.id in left_out}
    told = {each.id: round(sum(seconds.get(clip, 0.0) for clip in each.clips), 2) for each in speakers}
    return {speaker: total for speaker, total in told.items() if total}


def _kept(before: Cast, speakers: Sequence[Speaker]) -> tuple[Suggestion, ...]:
    """The suggestions as they were; a question for speakers that are new or other than they were."""
    clips = {each.id: each.clips for each in before.speakers}
    kept = {each.speaker: each for each in before.suggestions if each.speaker in clips}
    return tuple(
        kept[each.id]
        if each.id in kept and clips[each.id] == each.clips
        else Suggestion(speaker=each.id, character=None, score=0.0, margin=0.0, band="ask")
        for each in speakers
    )
