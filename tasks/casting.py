"""The cast of a series in the store: references in, speakers and suggestions out.

The deciding is in `linking` and `cast`; here it meets files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from containers.contract.codec import canonical, decode, encode
from infra.sources import files_of, sha256_known
from infra.store import AT_ONCE, find_json, write_json
from tasks import cast, linking, orders
from tasks.domain import HeardEpisode, Reference, Speaker, Suggestion
from tasks.labels import Labels, load
from tasks.prepared import Prepared, heard_episode, read_vectors
from tasks.series import SeriesError
from tasks.studio import Source, Studio, hash_of_code


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who is heard in the series and who each one may be; `identity` names all it was made from."""

    identity: str
    model: str | None
    speakers: tuple[Speaker, ...]
    suggestions: tuple[Suggestion, ...]


def references_of(studio: Studio) -> tuple[tuple[str, Source], ...]:
    """(character, file) of every reference; SeriesError where a pattern matches nothing."""
    found = []
    for slug, character in studio.series.characters.items():
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


def identity_of(prepared: Sequence[Prepared], references: Sequence[tuple[str, Source]]) -> str:
    """Changes with the prepared episodes, the references, the embed engine and our own rules."""
    parts = {
        "episodes": sorted(each.identity for each in prepared),
        "references": sorted([slug, source.sha256] for slug, source in references),
        "rules": hash_of_code(cast, linking),
    }
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


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


def make_cast(studio: Studio, identity: str, prepared: Sequence[Prepared], references: Sequence[Reference]) -> Cast:
    """Link the speakers of all episodes, suggest who they are, and write `cast/speakers.json`."""
    with studio.store.locked(f"{studio.home}/cast"):
        known = load_cast(studio)
        heard = heard_series(studio, prepared)
        model = next((each.model for each in heard if each.clips), None)
        same_model = known is not None and known.model == model
        said = said_by(load(studio.store, studio.series.series))
        speakers = linking.link(heard, known.speakers if known and same_model else (), said=said)
        suggestions = cast.suggest(speakers, heard, references)
        made = Cast(identity=identity, model=model, speakers=speakers, suggestions=suggestions)
        write_json(studio.store, f"{studio.home}/cast/speakers.json", encode(made))
    return made


def said_by(labels: Labels) -> linking.Said:
    """What linking has to honour of what people and references said."""
    characters = {speaker: label.character for speaker, label in labels.speakers.items()}
    return linking.Said(characters=characters, split=labels.split)


def heard_series(studio: Studio, prepared: Sequence[Prepared]) -> tuple[HeardEpisode, ...]:
    """What was heard in all prepared episodes."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda each: heard_episode(studio.store, studio.home, each.episode), prepared))


def questions(studio: Studio, found: Cast, labels: Labels) -> tuple[Suggestion, ...]:
    """Speakers a person should be asked about, the longest first: in doubt, and not labelled yet.

    Whoever came of clips that a person took out of another speaker is asked about, too; while a character has neither
    references nor a labelled speaker, so are strangers.
    """
    known = {each.character for each in labels.speakers.values()}
    sought = any(not each.references and slug not in known for slug, each in studio.series.characters.items())
    seconds = {each.id: each.seconds for each in found.speakers}
    parted = {each.id for each in found.speakers if each.moved and each.moved.keys() >= set(each.clips)}
    asked = [
        each
        for each in found.suggestions
        if each.speaker not in labels.speakers
        and (
            each.band == "ask"
            or each.speaker in parted
            or (sought and each.band == "leave_out" and each.character is not None)
        )
    ]
    return tuple(sorted(asked, key=lambda each: -seconds[each.speaker]))
