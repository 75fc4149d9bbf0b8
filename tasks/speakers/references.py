"""References of a series: which files they are, hearing them, and their vectors as a preparation left them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from containers.contract.errors import RecordingError, StageError
from infra.sources import files_of, sha256_known
from infra.store import AT_ONCE
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


def hear_references(studio: Studio, references: Sequence[tuple[str, Source]]) -> dict[str, str]:
    """Recordings and vectors of references, side by side, so that few starts of an engine take them all.

    Gives those that cannot be heard, by their names for a person, and why. Raises what is no fault of a file's, once
    all others were heard.
    """
    names = [f"reference {source.path.name} of {slug}" for slug, source in references]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Engines say what they say in the log of the run that a thread works for.
        heard = [pool.submit(copy_context().run, _hear, studio, slug, source) for slug, source in references]
    failed = {name: error for name, each in zip(names, heard, strict=True) if (error := each.exception())}
    for name, error in failed.items():
        if isinstance(error, StageError) and not isinstance(error, RecordingError):
            raise type(error)(f"{name}: {error}") from error
        if not isinstance(error, RecordingError):
            raise error
    return {name: str(error) for name, error in failed.items()}


def _hear(studio: Studio, character: str, source: Source) -> None:
    extracted = studio.make(orders.extract_given(studio, f"reference of {character}", source))
    studio.make(orders.embed_reference(studio, character, extracted.stored(extracted.result.recording)))


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
