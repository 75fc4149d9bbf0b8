"""What lies under a key of a series: which part of the job made it, and what form its name promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "episode",
    "references",
    "cast",
    "labels",
    "people",
    "data set",
    "voice",
    "speech",
    "song",
    "dub",
    "audition",
    "assets",
    "preview",
    "series",
]
MAGIC: dict[str, tuple[bytes, ...]] = {
    ".flac": (b"fLaC", b"ID3"),
    ".wav": (b"RIFF",),
    ".npy": (b"\x93NUMPY",),
    ".png": (b"\x89PNG",),
    ".mkv": (b"\x1aE\xdf\xa3", b"{"),
    ".mp3": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa"),
}
"""First bytes of files, by the ending of their names; a signed FLAC carries its manifest before `fLaC`."""


@dataclass(frozen=True, kw_only=True, order=True)
class Unit:
    """What is made again as one: an episode, a character's data set or voice, ...; `of` says whose."""

    kind: Kind
    of: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.of}".strip()


def unit_of(home: str, key: str) -> Unit:  # noqa: PLR0911 (a return a kind)
    """The part of a series that a key belongs to; `home`: key of the series' folder.

    >>> str(unit_of("series/kaze", "series/kaze/episodes/s01e02/stems/vocals.flac"))
    'episode s01e02'
    """
    parts = key.removeprefix(f"{home}/").split("/")
    top, of = parts[0], parts[1] if len(parts) > 1 else ""
    if top in ("assets", "archive") or key.endswith(("/stages/survey.json", "/survey.npy")):
        return Unit(kind="assets", of=of.removesuffix(".json"))
    if top == "episodes":
        return Unit(kind="episode", of=of)
    if top == "characters":
        return Unit(kind="data set", of=of)
    if top == "voices":
        return Unit(kind="voice", of=of)
    if top == "dubs":
        return Unit(kind="dub", of=of)
    if top in ("speech", "songs"):
        return Unit(kind="speech" if top == "speech" else "song", of=of)
    if top == "auditions" and "/votes/" not in key:
        return Unit(kind="audition", of=of)
    if top == "given" or key.startswith(f"{home}/cast/references/"):
        return Unit(kind="references")
    if key == f"{home}/cast/labels.json":
        return Unit(kind="labels")
    if top in ("recurring.json", "episodes.json") or key.startswith(f"{home}/cast/speakers."):
        return Unit(kind="cast")
    if top == "previews":
        return Unit(kind="preview")
    return Unit(kind="series" if top == "series.json" else "people")  # who said what, rights, the audit log


def looks_right(key: str, head: bytes) -> bool:
    """Whether a file begins as files of its ending do; endings that nothing is known of pass."""
    ending = f".{key.rsplit('.', 1)[-1]}"
    return ending not in MAGIC or head.startswith(MAGIC[ending])


def cleans_clips(key: str) -> bool:
    """Whether a record is of a data set's clips being cleaned, of which the ledger says what became; recordings given
    to be spoken are cleaned too, and their records stand for themselves."""
    return "/characters/" in key and "/stages/clean-" in key
