"""References of a series: which files they are, and their vectors as a preparation left them."""

from __future__ import annotations

from infra.sources import files_of, sha256_known
from tasks import orders
from tasks.domain import Reference
from tasks.episodes.prepared import read_vectors
from tasks.series import SeriesError
from tasks.studio import Source, Studio
from tasks.trust.rights import all_revoked


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
