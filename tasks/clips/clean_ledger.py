"""Cleaned clips of a character: a ledger of which clip became which file, made from what.

Only clips that are newly kept are cleaned; the others are where an earlier run left them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from containers.contract.codec import canonical, decode
from containers.contract.stages import CleanClip, CleanResult, File
from infra.store import find_json, write_json
from tasks import orders
from tasks.clips import drying
from tasks.clips.dataset import Row
from tasks.studio import Made, Stored, Studio


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A kept clip as cleaned: `made_from` is the identity of the request that would clean it alone.

    `dereverbed_by`: the engine that took the reverberation off it before.
    """

    made_from: str
    wav: Stored
    about: CleanClip
    dereverbed_by: str | None = None


def to_clean(studio: Studio, character: str, rows: Sequence[Row], hashes: Mapping[str, str]) -> dict[str, Stored]:
    """Kept clips that no earlier run has cleaned: name in the data set -> the clip as cut.

    `hashes`: clip -> SHA-256 of its file.
    """
    known = ledger_of(studio, character)
    there = studio.store.sizes(f"{home_of(studio, character)}/clips") if known else {}
    wanted = {clip_name(row.clip): _as_cut(studio, row, hashes[row.clip]) for row in rows if row.verdict == "kept"}
    return {
        name: stored
        for name, stored in wanted.items()
        if name not in known
        or known[name].made_from != _alone(studio, character, stored)
        or there.get(known[name].wav.key) != known[name].wav.size
    }


def enter(
    studio: Studio,
    character: str,
    clips: Mapping[str, Stored],
    made: Made[CleanResult],
    dereverbed_by: str | None = None,
) -> None:
    """Write newly cleaned clips into the character's ledger; `clips` as cut."""
    ledger = ledger_of(studio, character)
    for (name, stored), about in zip(clips.items(), made.result.clips, strict=True):
        made_from = _alone(studio, character, stored)
        wav = made.stored(about.file)
        # By its own name, not its number among those cleaned with it: how clips came together must not show.
        of_itself = replace(about, file=File(path=f"clips/{name}.wav", sha256=wav.sha256))
        ledger[name] = Cleaned(made_from=made_from, wav=wav, about=of_itself, dereverbed_by=dereverbed_by)
    write_json(studio.store, f"{home_of(studio, character)}/cleaned.json", ledger)


def clips_to_train(studio: Studio, character: str) -> tuple[Stored, ...]:
    """The cleaned clips of a character, in order of their names."""
    return tuple(each.wav for _, each in sorted(ledger_of(studio, character).items()))


def clip_name(clip: str) -> str:
    """A clip's name in a data set: s01e02-00012340."""
    return clip.replace("/", "-")


def batch_name(clips: Mapping[str, Stored]) -> str:
    """A name for clips that are cleaned together: other clips, another name, another record."""
    members = hashlib.sha256(canonical([[name, each.sha256] for name, each in clips.items()]).encode()).hexdigest()
    return f"{next(iter(clips))}-{members[:8]}"


def home_of(studio: Studio, character: str) -> str:
    return f"{studio.home}/characters/{character}"


def ledger_of(studio: Studio, character: str) -> dict[str, Cleaned]:
    key = f"{home_of(studio, character)}/cleaned.json"
    return {name: decode(Cleaned, each, key) for name, each in (find_json(studio.store, key) or {}).items()}


def _as_cut(studio: Studio, row: Row, sha256: str) -> Stored:
    key = f"{studio.home}/episodes/{row.episode}/clips/{row.clip.rsplit('/', 1)[-1]}.flac"
    return Stored(key=key, sha256=sha256)


def _alone(studio: Studio, character: str, clip: Stored) -> str:
    cleaned = studio.identity(orders.clean(studio, character, "alone", {"clip": clip}))
    return drying.identity_with(studio, character, clip, cleaned)
