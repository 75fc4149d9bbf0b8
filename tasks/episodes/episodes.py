"""Episodes of a series: which files they are, and the short key each one gets."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from infra.sources import Place, files_of, globs_below, sha256_known
from infra.store import Damaged, Store, find_json
from tasks.domain import Episode
from tasks.series import Series, SeriesError

SEASON_EPISODE = re.compile(r"(?<![a-z0-9])s(\d{1,2})[\s._-]?e(\d{1,4})(?!\d)", re.IGNORECASE)
NUMBERED = re.compile(r"(?:第\s*(\d{1,4})\s*[話回]|(?<![a-z])(?:episode|ep|e|#)[\s._-]*(\d{1,4})(?!\d))", re.IGNORECASE)
SEASON_FOLDER = re.compile(
    r"(?:season|staffel|saison|シーズン)[\s._-]*(\d{1,2})(?!\d)|(?<![a-z0-9])s(\d{1,2})(?![a-z0-9])"
    r"|(?<!\d)(\d{1,2})(?:st|nd|rd|th)\s+season|第\s*(\d{1,2})\s*(?:期|シーズン)",
    re.IGNORECASE,
)
BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)|【[^】]*】")
NUMBER = re.compile(r"(?<![\dA-Za-z.])(\d{1,4})(?:v\d)?(?![\dA-Za-z])")
PICTURE_SIZES = frozenset({"480", "576", "720", "1080", "1440", "2160", "264", "265"})


def episode_key(stem: str) -> str:
    """The key in a file's name (without its ending): s01e02, else e012, else a slug.

    >>> episode_key("Kaze no Eleven S01E02 [1080p]"), episode_key("[Team] Kaze - 12v2 (720p)")
    ('s01e02', 'e012')
    >>> episode_key("第3話 嵐"), episode_key("Movie")
    ('e003', 'movie')
    """
    stem = unicodedata.normalize("NFKC", stem)
    if found := SEASON_EPISODE.search(stem):
        return f"s{int(found[1]):02d}e{int(found[2]):02d}"
    plain = BRACKETS.sub(" ", stem).replace("_", " ")
    if found := NUMBERED.search(plain):
        return f"e{int(found[1] or found[2]):03d}"
    numbers = [each for each in NUMBER.findall(plain) if each not in PICTURE_SIZES]
    return f"e{int(numbers[-1]):03d}" if numbers else slug(stem)


def key_of(place: Place) -> str:
    """The key of a file: what its name says, and where that is a number, the season of its folder with it (s02e03)."""
    key, parent = episode_key(place.stem), unicodedata.normalize("NFKC", PurePosixPath(str(place)).parent.name)
    season = SEASON_FOLDER.search(BRACKETS.sub(" ", parent)) if re.fullmatch(r"e\d+", key) else None
    return f"s{int(next(filter(None, season.groups()))):02d}e{int(key[1:]):02d}" if season else key


def slug(text: str) -> str:
    """Letters and digits of a name for a key; names without any get a hash of themselves."""
    text = unicodedata.normalize("NFKC", text)
    kept = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48]
    if kept:
        return kept
    return "episode-" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def episode_keys(files: Sequence[Place], kept: Mapping[Place, str] | None = None) -> dict[str, Place]:
    """A key for each file; files that share one are told apart by more of their names.

    `kept`: keys that files have had so far, and keep whatever comes beside them.
    """
    taken = {key: path for path, key in (kept or {}).items()}
    keys = {path: key_of(path) for path in files if path not in (kept or {})}
    shared = {key for key, count in Counter(keys.values()).items() if count > 1 or key in taken}
    for path, key in keys.items():
        if key in shared:
            keys[path] = f"{key}-{slug(path.name)}"
    for path, key in sorted(keys.items(), key=lambda each: (each[1], str(each[0]))):
        count = 1
        while (unique := key if count == 1 else f"{key}-{count}") in taken:
            count += 1
        taken[unique] = path
    return dict(sorted(taken.items()))


def list_episodes(series: Series, store: Store) -> tuple[Episode, ...]:
    """The episodes of a series, hashed, in order of their keys; SeriesError if there are none."""
    files = files_of(series.episodes, series.folder)
    if not files:
        wanted = ", ".join(series.episodes)
        hint = not_taken(series) or "correct `episodes:`"
        raise SeriesError(f"no episodes: {wanted} matches no file below {series.folder}; {hint}")
    hashes = {path: sha256_known(path, store) for path in files}
    keyed = episode_keys(files, _keys_so_far(series, store, hashes))
    return tuple(Episode(key=key, file=str(path), sha256=hashes[path]) for key, path in keyed.items())


def not_taken(series: Series) -> str:
    """What to write where a folder of episodes has more of them in subfolders; "" where none has."""
    deeper = tuple(glob for pattern in series.episodes for glob in globs_below(pattern, series.folder))
    if set(files_of(deeper, series.folder)) <= set(files_of(series.episodes, series.folder)):
        return ""
    return (
        f"episodes in subfolders are taken by `episodes: {json.dumps([*series.episodes, *deeper], ensure_ascii=False)}`"
    )


def choose(
    episodes: Sequence[Episode], only: Sequence[str] | None = None, sample: int | None = None
) -> tuple[Episode, ...]:
    """The episodes of these keys, and of those `sample`, spread from the first to the last; all without either.

    SeriesError for a key that no episode has.
    """
    if unknown := sorted(set(only or ()) - {each.key for each in episodes}):
        some = ", ".join(each.key for each in episodes[:8])
        raise SeriesError(f"no episode has the key {', '.join(unknown)}; keys are {some} ... (see: voicecast check)")
    chosen = [each for each in episodes if not only or each.key in only]
    if sample is None or sample >= len(chosen):
        return tuple(chosen)
    if sample < 1:
        raise SeriesError(f"a sample of {sample} episodes is none; 5 to 10 are enough to learn the voices from")
    places = {round((number + 0.5) * len(chosen) / sample - 0.5) for number in range(sample)}
    return tuple(chosen[place] for place in sorted(places))


def _keys_so_far(series: Series, store: Store, hashes: Mapping[Place, str]) -> dict[Place, str]:
    """Keys under which files of this name and content were prepared before."""
    known = f"series/{series.series}/episodes.json"
    files = {(path.name, sha256): path for path, sha256 in hashes.items()}
    rows = [(files.pop((row["file"], row["sha256"]), None), row["key"]) for row in _rows(store, known)]
    return {path: key for path, key in rows if path}


def _rows(store: Store, key: str) -> list[dict[str, str]]:
    try:
        return find_json(store, key) or []
    except Damaged:
        return []  # keys are then what the files' names say, as at first
