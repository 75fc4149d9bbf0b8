"""Data sets in the store: verdicts become clean clips, a manifest and a summary.

The deciding is in `dataset`, the cleaned clips are in `clean_ledger`; here they meet files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from containers.contract.codec import canonical, decode, encode
from infra.engines import engine_for
from infra.identity import hash_of_code, makers
from infra.store import find_json, write_json
from tasks.clips import clean_records, dataset, drying, purity, repeats, selection, verdicts
from tasks.clips.clean_ledger import Cleaned, clip_name, home_of, ledger_of
from tasks.clips.dataset import Row
from tasks.clips.explaining import Change, explain
from tasks.clips.shortfall import Shortfall, shortfall
from tasks.domain import HeardEpisode, Reference
from tasks.episodes import recurring_files
from tasks.episodes.prepared import Prepared
from tasks.labelling.decisions import Labels
from tasks.speakers import cast as cast_rules
from tasks.speakers.casting import Cast
from tasks.speakers.heard import heard_series, texts_of_clips
from tasks.speakers.references import known_references
from tasks.studio import Studio


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What is ready to train on for one character; `minutes` of cleaned clips, `files` key -> bytes.

    `missing`: what it lacks to the target, and where more may lie. `manifest_sha256`: "" of older versions.
    """

    character: str
    identity: str
    minutes: float
    clips: int
    dropped: dict[str, int]
    files: dict[str, int]
    missing: Shortfall | None = None
    manifest_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a data set says beside verdicts: labels, words by clip, engines by episode and stage, what is missing."""

    labels: Labels
    texts: Mapping[str, str]
    engines: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, Shortfall | None]


def identity_of(studio: Studio, cast: Cast, labels: Labels, character: str) -> str:
    """Changes with the cast, the labels, what the series file asks of a data set, and the engines that clean."""
    series = studio.series
    engine = engine_for(series.engine("clean"), "clean")
    parts = {
        "character": character,
        "cast": cast.identity,
        "labels": [
            {speaker: (each.character, each.decision) for speaker, each in labels.speakers.items()},
            labels.rejected,
        ],
        "targets": series.targets.model_dump(),
        "quality": str(series.quality.thresholds(series.targets.clip_seconds)),
        "recurring": encode(recurring_files.load_recurring(studio)),
        "denoise": series.denoise,
        "engine": makers(engine, series.options.get(engine.name, {})),
        "rules": hash_of_code(cast_rules, dataset, purity, repeats, selection, verdicts),
    }
    parts |= drying.identity_of(series)
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def find_data_set(studio: Studio, character: str, identity: str) -> DataSet | None:
    """The data set, if it was made from just this and every file is there."""
    known = load_data_set(studio, character)
    if known is None or known.identity != identity:
        return None
    return known if studio.store.holds(known.files) else None


def load_data_set(studio: Studio, character: str) -> DataSet | None:
    """The data set as it stands in the store."""
    key = f"{home_of(studio, character)}/dataset.json"
    said = find_json(studio.store, key)
    return None if said is None else decode(DataSet, said, key)


def decide(
    studio: Studio,
    cast: Cast,
    labels: Labels,
    heard: Sequence[HeardEpisode],
    references: Sequence[Reference],
    texts: Mapping[str, str] | None = None,
) -> dict[str, tuple[Row, ...]]:
    """A verdict on every clip that may be a character's, by character; `texts`: clip -> its words."""
    recurring = recurring_files.clips_left_out(recurring_files.load_recurring(studio), heard)
    targets = studio.series.targets
    thresholds = studio.series.quality.thresholds(targets.clip_seconds)
    judged = dataset.judge(heard, cast.speakers, labels, references, thresholds, recurring)
    rows = dataset.select(judged, targets.minutes, texts)
    return {slug: tuple(row for row in rows if row.character == slug) for slug in studio.series.characters}


def decide_anew(studio: Studio, cast: Cast, labels: Labels, prepared: Sequence[Prepared]) -> tuple[Change, ...]:
    """What `decide` would change for each character, from what lies in the store; nothing is written."""
    heard = heard_series(studio, prepared)
    texts = texts_of_clips(studio, heard)
    decided = decide(studio, cast, labels, heard, known_references(studio), texts=texts)
    return tuple(explain(studio, slug, rows) for slug, rows in decided.items())


def lacking(
    studio: Studio, cast: Cast, labels: Labels, decided: Mapping[str, Sequence[Row]]
) -> dict[str, Shortfall | None]:
    """What each character lacks to its target, and who without a label may be it."""
    seconds, named = cast.new_seconds(), {each.character for each in labels.speakers.values()}
    asked = [each for each in cast.suggestions if each.band == "ask" and each.speaker not in labels.speakers]
    return {
        slug: shortfall(
            rows,
            studio.series.targets.minutes,
            [(each, seconds.get(each.speaker, 0.0)) for each in asked if each.character == slug],
            unknown=slug not in named and not studio.series.characters[slug].references,
        )
        for slug, rows in decided.items()
    }


def publish(studio: Studio, character: str, identity: str, rows: Sequence[Row], about: About) -> DataSet:
    """Remove clips no longer kept, write `manifest.jsonl`, and last `dataset.json`."""
    ledger, home = ledger_of(studio, character), home_of(studio, character)
    kept = {clip_name(row.clip) for row in rows if row.verdict == "kept"}
    for name in ledger.keys() - kept:
        studio.store.delete(ledger[name].wav.key)
    drying.forget(studio, character, kept)
    ledger = {name: ledger[name] for name in sorted(kept)}
    write_json(studio.store, f"{home}/cleaned.json", ledger)
    clean_records.forget_overwritten(studio, character, {each.wav.key: each.wav.sha256 for each in ledger.values()})
    lines = "".join(
        canonical(_described(line, ledger))
        for episode, of_episode in groupby(rows, key=lambda row: row.episode)
        for line in dataset.manifest(tuple(of_episode), about.engines[episode], about.labels, about.texts)
    )
    studio.store.write(f"{home}/manifest.jsonl", lines.encode())
    dropped: dict[str, int] = {}
    for row in rows:
        if row.verdict != "kept":
            dropped[row.reason] = dropped.get(row.reason, 0) + 1
    files = {each.wav.key: each.wav.size for each in ledger.values()}
    files[f"{home}/manifest.jsonl"] = len(lines.encode())
    made = DataSet(
        character=character,
        identity=identity,
        minutes=sum(each.about.duration for each in ledger.values()) / 60,
        clips=len(ledger),
        dropped=dropped,
        files=files,
        missing=about.missing.get(character),
        manifest_sha256=hashlib.sha256(lines.encode()).hexdigest(),
    )
    write_json(studio.store, f"{home}/dataset.json", encode(made))
    return made


def _described(line: dict[str, Any], ledger: Mapping[str, Cleaned]) -> dict[str, Any]:
    """A manifest's row with its file in the data set and what cleaning did to it."""
    cleaned = ledger.get(clip_name(line["clip"]))
    if cleaned is None:
        return {**line, "file": None}
    about = {**encode(cleaned.about), "dereverbed_by": cleaned.dereverbed_by}
    about |= {"file": cleaned.wav.key.rsplit("/", 1)[-1], "sha256": cleaned.wav.sha256}
    return {**line, "file": f"clips/{about.pop('file')}", "cleaned": about}
