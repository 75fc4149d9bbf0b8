"""Where a script is read from: a file of this machine, one of a bucket, or what a person pasted into a form."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from infra.sources import files_of, here, sha256_known
from infra.store import Store
from tasks.series import Character
from tasks.speech.scripts import Script, ScriptError, read_script

PASTED = "pasted"


def script_at(store: Store, given: str, characters: Mapping[str, Character], speaker: str | None = None) -> Script:
    """The script at a path or an s3:// address, or of the text itself, which has several lines.

    Recordings that a script from elsewhere names are looked for by their whole path. ScriptError as `read_script` has
    it, and where the bucket has no such file.
    """
    if _is_text(given):
        return read_script(_kept(store, given.encode(), f"{PASTED}{_form_of(given)}"), characters, speaker)
    address = given.strip()
    if not address.startswith("s3://"):
        return read_script(Path(address), characters, speaker)
    (place, *more) = files_of((address,), Path()) or (None,)
    if place is None or more:
        raise ScriptError(f"{address} is {'more than one file' if more else 'no file of that bucket'}; name one script")
    with here(place, sha256_known(place, store)) as path:
        return read_script(_kept(store, path.read_bytes(), place.name), characters, speaker)


def name_of(given: str) -> str:
    """What a script is called on pages.

    >>> name_of("s3://scripts/e1.csv"), name_of("character,text\\nren,Go")
    ('e1.csv', 'pasted lines')
    """
    return f"{PASTED} lines" if _is_text(given) else PurePosixPath(given.strip()).name


def _is_text(given: str) -> bool:
    return "\n" in given.strip()


def _form_of(text: str) -> str:
    if text.lstrip("\ufeff \n").startswith("["):
        return ".ass"
    return ".srt" if "-->" in text else ".csv"


def _kept(store: Store, data: bytes, name: str) -> Path:
    """A file of these bytes below the store's working folder."""
    path = store.work / "scripts" / hashlib.sha256(data).hexdigest()[:16] / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{uuid.uuid4().hex}.partial")
        partial.write_bytes(data)
        os.replace(partial, path)
    return path
