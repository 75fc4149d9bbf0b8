"""An audition's page as files: beside its sounds in the store, and in a folder that leaves it."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from containers.contract.codec import write_atomically
from infra.store import write_json
from tasks.auditions import audition_page
from tasks.auditions.audition import Audition
from tasks.auditions.audition_votes import votes_of
from tasks.speech.judging import folder_of
from tasks.studio import Studio
from tasks.trust import audit
from tasks.trust.provenance import now
from tasks.trust.rights import check_rights


def publish(studio: Studio, audition: Audition) -> str:
    """Write the page that opens from disk beside its sounds, with the votes until now; gives its key."""
    key = f"{folder_of(studio, audition.character)}/index.html"
    page = audition_page.render(audition, votes_of(studio, audition.character))
    studio.store.write(key, page.encode())
    return key


def export(studio: Studio, audition: Audition, folder: Path) -> Path:
    """The page and its sounds in a folder of this machine; gives the page. It holds recordings of the character, so it
    is an export: it needs that right, and a revocation tells of it."""
    series, character = studio.series.series, audition.character
    check_rights(studio, character, "export")
    audit.append(studio.store, series, "export", character=character, format="audition", clips=len(audition.samples))
    said = {"character": character, "format": "audition", "folder": str(folder.absolute()), "time": now()}
    write_json(studio.store, f"{studio.home}/exports/{character}/{uuid.uuid4().hex[:12]}.json", said)
    for each in audition.samples:
        for place in (each.player, each.picture):
            if place:
                _copy(studio.store.path(f"{folder_of(studio, character)}/{place}"), folder / place)
    page = folder / "index.html"
    write_atomically(page, audition_page.render(audition, votes_of(studio, character)))
    return page


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(source, partial)
        partial.rename(target)
