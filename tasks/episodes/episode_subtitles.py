"""The subtitles of an episode: tracks of the video, and files that lie beside it (`Show S01E02.ja.ass`).

`extract` saves the former in `subtitles/`; the latter are copied to `sidecars/` when an episode is linked, so that
labels and data sets need no video.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import langcodes
import pysubs2

from infra.sources import BucketFile, place_of
from infra.store import Store
from tasks.domain import Episode, Segment
from tasks.episodes.subtitles import Cue, SubtitlesError, read_cues

ENDINGS = (".ass", ".ssa", ".srt", ".vtt")
LIMIT_BYTES = 32 << 20
"""Larger files beside a video are no subtitles."""
Tracks = dict[str, tuple[Cue, ...]]
"""Key of a subtitle file -> its cues."""
ASIAN = frozenset({"ja", "zh", "ko", "yue"})


def sidecars_of(episode: Episode) -> tuple[Path, ...]:
    """Subtitle files beside a video, by its name without the ending; none of a video in a bucket."""
    place = place_of(episode.file)
    if isinstance(place, BucketFile) or not place.parent.is_dir():
        return ()
    beside = [each for each in place.parent.iterdir() if each.name.startswith(f"{place.stem}.")]
    return tuple(
        sorted(
            each
            for each in beside
            if each.suffix.lower() in ENDINGS and each.is_file() and each.stat().st_size <= LIMIT_BYTES
        )
    )


def language_of(path: Path, episode: Episode) -> str:
    """What stands between the video's name and the ending of a file beside it, such as `ja`; else `und`."""
    return path.name[len(place_of(episode.file).stem) + 1 : -len(path.suffix)].strip(".").lower() or "und"


def take_sidecars(store: Store, folder: str, episode: Episode) -> list[str]:
    """Copy the files beside a video to the episode's folder in the store, as UTF-8 SRT or ASS, and remove copies of
    those that are gone. Gives what is wrong with those that cannot be read."""
    wanted: dict[str, bytes] = {}
    wrong: list[str] = []
    for path in sidecars_of(episode):
        ending = path.suffix.lower()
        form: Literal["srt", "ass"] = "ass" if ending in (".ass", ".ssa") else "srt"
        language = language_of(path, episode)
        try:
            text = _decoded(path.read_bytes())
            data = text if ending in (".srt", ".ass") else pysubs2.SSAFile.from_string(text).to_string(form)
            read_cues(data.encode(), form, path.name)
        except (SubtitlesError, OSError, ValueError, pysubs2.Pysubs2Error) as error:
            wrong.append(f"{path.name} is left out: {error}")
            continue
        wanted[f"{folder}/sidecars/{len(wanted):02d}.{language}.{form}"] = data.encode()
    for key in list(store.keys(f"{folder}/sidecars/")):
        if key not in wanted:
            store.delete(key)
    for key, content in wanted.items():
        if store.size(key) != len(content) or store.read(key) != content:
            store.write(key, content)
    return wrong


def _decoded(data: bytes) -> str:
    """Text of a subtitle file: UTF-8 or UTF-16 by its mark, else UTF-8, else Japanese Windows, else western."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace")


def tracks_of(store: Store, folder: str) -> Tracks:
    """Key -> cues of every subtitle file an episode has in the store; one that cannot be read has none."""
    found: Tracks = {}
    for key in sorted([*store.keys(f"{folder}/subtitles/"), *store.keys(f"{folder}/sidecars/")]):
        form: Literal["srt", "ass"] = "ass" if key.endswith(".ass") else "srt"
        try:
            found[key] = read_cues(store.read(key), form, key)
        except SubtitlesError:
            found[key] = ()
    return found


def spoken(tracks: Tracks, language: str) -> tuple[Cue, ...]:
    """The cues that say what is spoken: of the track in that language with the most lines, else of one that names no
    language and is written in its letters. No cues where there is neither: a translation is no transcript."""
    own = [cues for key, cues in tracks.items() if _language(key) == _standard(language)]
    unnamed = [cues for key, cues in tracks.items() if _language(key) is None and _in_letters(cues, language)]
    return max(own or unnamed, key=_lines, default=())


def lines_shown(tracks: Tracks, language: str) -> tuple[Segment, ...]:
    """When lines of dialogue are shown, of the track that tells what is spoken, else of the one with the most lines: a
    translation is timed to the speech as well."""
    cues = spoken(tracks, language) or max(tracks.values(), key=_lines, default=())
    return tuple(Segment(start=cue.start, end=cue.end) for cue in cues if cue.kind == "dialogue")


def named(tracks: Tracks) -> tuple[Cue, ...]:
    """The cues that name who speaks: of the track that names most, whatever its language."""
    best = max(tracks.values(), key=lambda cues: sum(_names(cue) for cue in cues), default=())
    return tuple(cue for cue in best if _names(cue))


def _names(cue: Cue) -> bool:
    return cue.kind == "dialogue" and cue.speaker_name is not None


def _lines(cues: Sequence[Cue]) -> int:
    return sum(cue.kind == "dialogue" for cue in cues)


def _language(key: str) -> str | None:
    """The language in a track's name, `NN.LANGUAGE.form`; further words (forced, sdh) may follow it."""
    middle = PurePosixPath(key).name.split(".")[1:-1]
    return next((code for part in middle if (code := _standard(part))), None)


def _standard(code: str) -> str | None:
    try:
        return langcodes.Language.get(code).language if len(code) in (2, 3) or "-" in code else None
    except ValueError:
        return None


def _in_letters(cues: Sequence[Cue], language: str) -> bool:
    lines = [cue.text for cue in cues if cue.kind == "dialogue"]
    wide = sum(any(_is_asian(letter) for letter in line) for line in lines)
    return bool(lines) and (wide > len(lines) / 2) == (_standard(language) in ASIAN)


def _is_asian(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3"
