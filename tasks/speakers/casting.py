"""The cast of a series in the store: references in, speakers and suggestions out.

The deciding is in `linking` and `cast`; here it meets files.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from containers.contract.codec import canonical, decode, encode
from infra.sources import files_of, sha256_known
from infra.store import AT_ONCE, find_json, write_json
from tasks import orders
from tasks.clips import clip_texts
from tasks.domain import Episode, HeardEpisode, Reference, Speaker, Suggestion
from tasks.episodes import episode_subtitles, recurring_files, subtitles
from tasks.episodes.episode_subtitles import Tracks, named, sidecars_of, spoken, take_sidecars, tracks_of
from tasks.episodes.prepared import Prepared, heard_episode, read_vectors
from tasks.labelling.labels import Labels, load
from tasks.orders import folder_of
from tasks.series import SeriesError
from tasks.speakers import agglomeration, cast, hearsay, learnt, linking, parting, settling, splits, voice_parts
from tasks.speakers.learnt import by_people
from tasks.speakers.names import casts_of, character_names
from tasks.speakers.parting import who_is_who
from tasks.studio import Source, Studio, hash_of_code
from tasks.trust.rights import all_revoked

log = logging.getLogger(__name__)


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


def references_of(studio: Studio) -> tuple[tuple[str, Source], ...]:
    """(character, file) of every reference but of revoked voices; SeriesError where a pattern matches nothing."""
    found, gone = [], all_revoked(studio)
    for slug, character in studio.series.characters.items():
        if slug in gone:
            continue
        files = files_of(character.references, studio.series.folder)
        if character.references and not files:
            wanted = ", ".join(character.references)
            raise SeriesError(
                f"references of {slug}: {wanted} matches no file below {studio.series.folder}; "
                "correct it, or leave `references` out and be asked"
            )
        found += [(slug, Source(path=path, sha256=sha256_known(path, studio.store))) for path in files]
    return tuple(found)


def known_references(studio: Studio) -> tuple[Reference, ...]:
    """References with their vectors, as a preparation left them; one that could not be heard is left out."""
    found = []
    for slug, source in references_of(studio):
        recording = studio.find(orders.extract_given(studio, slug, source))
        if recording is None:
            continue
        heard = studio.find(orders.embed_reference(studio, slug, recording.stored(recording.result.recording)))
        if heard is not None:
            model, vectors = read_vectors(studio.store.read(heard.stored(heard.result.vectors).key))
            found.append(Reference(character=slug, model=model, vectors=vectors))
    return tuple(found)


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
        "rules": hash_of_code(
            agglomeration, cast, clip_texts, episode_subtitles, hearsay, learnt, linking, parting, settling, splits,
            subtitles, voice_parts,
        ),
    }  # fmt: skip
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
    heard = _heard(studio, keys)
    previous = before.speakers if before else ()
    model = next((each.model for each in heard if each.clips), None)
    people = {name: each.character for name, each in by_people(labels).speakers.items()}
    speakers = linking.link(heard, previous, said=linking.Said(characters=people, split=labels.split))
    try:
        hints, least = _hints(studio, heard), studio.series.questions.min_seconds
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


def _hints(studio: Studio, heard: Sequence[HeardEpisode]) -> Callable[[Sequence[Speaker]], Mapping[str, hearsay.Hint]]:
    """What subtitles and cast lists say of speakers."""
    tracks = subtitles_of(studio, [each.episode for each in heard])
    names = {episode: named(of_episode) for episode, of_episode in tracks.items()}
    casts, characters = casts_of(studio.series), character_names(studio.series)
    return lambda speakers: hearsay.hints_of(speakers, heard, names, casts, characters)


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


def heard_series(studio: Studio, prepared: Sequence[Prepared]) -> tuple[HeardEpisode, ...]:
    """What was heard in all prepared episodes."""
    return _heard(studio, [each.episode for each in prepared])


def _heard(studio: Studio, keys: Sequence[str]) -> tuple[HeardEpisode, ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda key: heard_episode(studio.store, studio.home, key), keys))


def questions(studio: Studio, found: Cast, labels: Labels) -> tuple[Suggestion, ...]:
    """Speakers a person should be asked about, the longest first: in doubt, not labelled yet, and worth it.

    What is worth it, the series file says (`questions`). While a character has neither references nor a labelled
    speaker, strangers are asked about too; whoever came of clips that a person took out of another speaker is asked
    about in any case. What recurs (an opening's song, a recap) weighs nothing. Who is not asked about is in no data
    set, unless references are sure.
    """
    worth = studio.series.questions
    keeps_repeats = studio.series.quality.thresholds(studio.series.targets.clip_seconds).max_repeats == math.inf
    seconds = {each.id: each.seconds for each in found.speakers} if keeps_repeats else found.new_seconds()
    have: dict[str, float] = {}
    for speaker, label in labels.speakers.items():
        have[label.character] = have.get(label.character, 0.0) + seconds.get(speaker, 0.0)
    sought = any(not each.references and slug not in have for slug, each in studio.series.characters.items())

    def doubt(each: Suggestion) -> bool:
        if sought and each.band == "leave_out":
            return each.character is not None and seconds[each.speaker] >= worth.min_seconds
        chance = 1.0 if sought else each.chance
        least = max(worth.min_seconds, worth.min_share * have.get(each.character or "", 0.0))
        return each.band == "ask" and chance * seconds[each.speaker] >= least

    parted = {each.id for each in found.speakers if each.clips and each.moved.keys() >= set(each.clips)}
    open_ones = [each for each in found.suggestions if each.speaker not in labels.speakers]
    asked = sorted((each for each in open_ones if doubt(each)), key=lambda each: -seconds[each.speaker])
    first = [each for each in open_ones if each.speaker in parted and each not in asked]
    return (*first, *(asked[: worth.at_once] if sought else asked))
