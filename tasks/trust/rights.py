"""Rights: why a voice may be learnt and used, asked before each use, and how they end.

They stand in the series file. A revocation is a tombstone in the store (`revoked/CHARACTER.json`), written before
anything is erased: from then on the character is refused, whatever the series file says, until somebody grants anew.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Any

from containers.contract.codec import decode
from infra.store import find_json, write_json
from tasks.series import Character, Rights, Use
from tasks.studio import Studio
from tasks.trust import audit

IN_WORDS = {"train": "trained", "speak": "spoken", "export": "exported"}


class RightsError(PermissionError):
    """Nobody has recorded why this voice may be used so, or it may no longer be; nothing is made."""


class NoVoice(LookupError):
    """There is no trained voice of that name; the message says how to get one."""


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """A voice that may no longer be used: on whose word and when (UTC), and which rights that ended.

    `spans`: episode -> [start, end] in seconds of clips that were the character's, so that they do not come back.
    """

    character: str
    by: str
    reason: str
    time: str
    rights: dict[str, Any]
    spans: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def said(self) -> str:
        return f"{self.character}: the rights were revoked on {self.time[:10]} by {self.by} ({self.reason})"


def check_rights(studio: Studio, character: str, use: Use) -> Character:
    """The character, if it may be used so today; RightsError or NoVoice with the way out."""
    series = studio.series
    found = series.characters.get(character)
    if found is None:
        known = ", ".join(series.characters)
        raise NoVoice(f"{series.series} has no character {character!r}; its characters are: {known}")
    gone = revoked(studio, character)
    if gone:
        raise RightsError(
            f"{gone.said()}, so this voice is not {IN_WORDS[use]}. "
            f"With new rights in the series file: voicecast grant --character {character} --by NAME"
        )
    if found.rights is None:
        raise RightsError(
            f"{character}: no rights are recorded, so this voice is neither trained nor spoken. Add to the series "
            f"file, under characters: {character}: `rights: {{basis: ..., by: ..., date: ...}}`"
        )
    _check(studio, character, found.rights, use)
    return found


def recorded(rights: Rights | None) -> dict[str, Any]:
    """Rights as cards, exports and revocations keep them."""
    return rights.model_dump(mode="json", exclude_none=True) if rights else {}


def revoked(studio: Studio, character: str) -> Revoked | None:
    """The revocation that stands, if there is one."""
    key = tombstone(studio, character)
    said = find_json(studio.store, key)
    return None if said is None else decode(Revoked, said, key)


def all_revoked(studio: Studio) -> dict[str, Revoked]:
    """Every revocation that stands, by character."""
    names = [key.rpartition("/")[2].removesuffix(".json") for key in studio.store.keys(f"{studio.home}/revoked")]
    return {name: found for name in names if (found := revoked(studio, name))}


def not_revoked(studio: Studio) -> list[str]:
    """The series' characters whose rights have not ended by a revocation."""
    gone = all_revoked(studio)
    return [slug for slug in studio.series.characters if slug not in gone]


def bury(studio: Studio, gone: Revoked) -> None:
    """Refuse a character from now on."""
    write_json(studio.store, tombstone(studio, gone.character), gone)


def grant(studio: Studio, character: str, by: str) -> dict[str, Any]:
    """Let a revoked character be used again, on the rights the series file has now; RightsError if they are the old."""
    gone, about = revoked(studio, character), studio.series.characters.get(character)
    if gone is None:
        raise RightsError(f"{character} is not revoked; rights are recorded in the series file")
    if about is None or about.rights is None:
        raise RightsError(f"{character}: first record the new rights in the series file, under characters: {character}")
    if recorded(about.rights) == gone.rights:
        raise RightsError(
            f"{character}: the series file still has the rights that were revoked on {gone.time[:10]}; record new ones"
        )
    new = recorded(about.rights)
    audit.append(studio.store, studio.series.series, "grant", character=character, by=by, rights=new)
    for episode in gone.spans:
        for name in ("prepared", "stages/cut"):
            studio.store.delete(f"{studio.home}/episodes/{episode}/{name}.json")
    studio.store.delete(tombstone(studio, character))
    return new


def tombstone(studio: Studio, character: str) -> str:
    return f"{studio.home}/revoked/{character}.json"


def _check(studio: Studio, character: str, rights: Rights, use: Use) -> None:
    if rights.scope is not None and use not in rights.scope:
        raise RightsError(
            f"{character}: the rights are for {', '.join(rights.scope) or 'nothing'}, so this voice is not "
            f"{IN_WORDS[use]}. If they go further, add {use} to `scope:` of its rights in the series file"
        )
    today = datetime.datetime.now(datetime.UTC).date()
    if rights.expires and rights.expires < today:
        raise RightsError(f"{character}: the rights ended on {rights.expires}; record new ones in the series file")
    if rights.document:
        path = studio.series.folder / rights.document.file
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != rights.document.sha256:
            raise RightsError(
                f"{character}: {rights.document.file} is not the document that its rights name (SHA-256 "
                f"{rights.document.sha256}); put the right one there, or record what it is now"
            )
