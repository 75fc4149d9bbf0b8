"""How good the data sets of a season are, from video to verdict, with nothing asked.

    CASES=... python -m tests.bench.season_quality [--keep FOLDER] [--oracle] [--details]

Runs the light engine on CASES/season_small, links, labels by references
(--labels auto), judges, and compares with the truth; beside it the plain script
of `plain_script`. Prints JSON. `--keep`: stage results stay there and are not
made again; delete it when an engine changed. `--oracle`: true turns instead of
diarization, to see what the later steps cost.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from containers.contract.stages import DiarizeResult, Turn
from tasks.clips import dataset
from tasks.clips.dataset import Row
from tasks.domain import HeardEpisode, Reference, Speaker
from tasks.labelling.decisions import derive
from tasks.labelling.label_rules import auto_decision
from tasks.speakers import cast, linking
from tasks.speakers.parting import who_is_who
from tests.bench import plain_script, season_stages
from tests.bench.season_stages import Workshop
from tests.bench.truth import Given, error_rate, measure, truth


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.season_quality", description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--details", action="store_true")
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(os.environ["CASES"]), Workshop(options.keep or Path(folder)), options.oracle, options.details)


def bench(cases: Path, workshop: Workshop, oracle: bool, details: bool) -> None:
    season = cases / "season_small"
    episodes = {path.stem: path for path in sorted((season / "episodes").glob("*.mkv"))}
    stems = {
        name: (each.path(each.result.vocals), each.path(each.result.background))
        for name, each in season_stages.separated(workshop, episodes).items()
    }
    vocals = {name: each[0] for name, each in stems.items()}
    report: dict[str, Any] = {}
    if oracle:
        who = {name: _true_turns(season, name) for name in episodes}
    else:
        who = {name: each.result for name, each in season_stages.diarized(workshop, vocals).items()}
        counts = {name: len({turn[2] for turn in truth(season, name)[0]}) for name in episodes}
        told = season_stages.diarized(workshop, vocals, counts)
        report["der"] = {name: _der(season, name, who[name]) for name in episodes}
        report["der_count_told"] = {name: _der(season, name, told[name].result) for name in episodes}
    references = season_stages.references(workshop, season / "refs")
    heard = season_stages.heard(workshop, stems, who)
    speakers, rows = decide(heard, references)
    report["speakers"] = len(speakers)
    names = sorted({reference.character for reference in references})
    report["voicecast"] = measure(_given(rows), season, list(episodes), names)
    report["plain_script"] = measure(plain_script.run(episodes, season / "refs"), season, list(episodes), names)
    report["speaker_match"] = speaker_match(workshop, cases / "speaker_match")
    if details:
        report["details"] = _details(rows, season, list(episodes), speakers, heard, references)
    print(json.dumps(report, ensure_ascii=False, indent=1))


def decide(
    heard: tuple[HeardEpisode, ...], references: tuple[Reference, ...]
) -> tuple[tuple[Speaker, ...], tuple[Row, ...]]:
    """From what was heard to verdicts, as the house does it without a human."""
    nothing = derive([])
    speakers, suggestions = who_is_who(linking.link(heard), (), heard, nothing, references)
    said = auto_decision(suggestions, nothing)
    return speakers, dataset.judge(heard, speakers, derive([said] if said else []), references)


def speaker_match(workshop: Workshop, folder: Path) -> dict[str, Any]:
    """Probes as speakers of one clip a stretch, by the default rule."""
    references = season_stages.references(workshop, folder / "refs")
    answers = list(csv.DictReader((folder / "key.csv").open(encoding="utf-8")))
    probes = season_stages.embedded(workshop, {row["file"]: folder / row["file"] for row in answers})
    galleries, counts = cast.galleries_of(references), {"right": 0, "asked": 0, "wrong": 0, "stranger_accepted": 0}
    known, right_lead = 0, []
    for row in answers:
        model, vectors = season_stages.vectors_of(probes[row["file"]])
        mean = vectors.mean(axis=0, keepdims=True)
        seconds = sum(turn.end - turn.start for turn in probes[row["file"]].result.turns)
        rule = cast.rule_for(model)
        examples = cast.examples_of(galleries, rule)
        (scores,) = examples.scores(mean / np.linalg.norm(mean))
        found = cast.match(examples.characters, scores, seconds, rule)
        if row["speaker"] == "UNKNOWN":
            counts["stranger_accepted"] += found.band == "accept"
            continue
        known += 1
        right = found.character == row["speaker"]
        right_lead.append(found.margin if right else -found.margin)
        counts["wrong"] += not right
        counts["right" if found.band == "accept" else "asked"] += right
    return {"known": known, "strangers": len(answers) - known, **counts, "least_lead": round(min(right_lead), 4)}


def _given(rows: tuple[Row, ...]) -> list[Given]:
    return [
        Given(episode=row.episode, start=row.start, end=row.end, character=row.character)
        for row in rows
        if row.verdict == "kept"
    ]


def _true_turns(season: Path, episode: str) -> DiarizeResult:
    """Truth in the form of a diarization: exclusive where nobody else speaks."""
    turns = [Turn(start=start, end=end, speaker=name) for start, end, name in truth(season, episode)[0]]
    edges = sorted({edge for turn in turns for edge in (turn.start, turn.end)})
    exclusive: list[Turn] = []
    overlap = []
    for start, end in itertools.pairwise(edges):
        on = [turn.speaker for turn in turns if turn.start <= start and turn.end >= end]
        if len(on) == 1:
            goes_on = exclusive and exclusive[-1].end == start and exclusive[-1].speaker == on[0]
            since = exclusive.pop().start if goes_on else start
            exclusive.append(Turn(start=since, end=end, speaker=on[0]))
        elif on:
            overlap.append(season_stages.stages.Segment(start=start, end=end))
    rttm = season_stages.File(path="out/turns.rttm", sha256="0" * 64)
    return DiarizeResult(turns=tuple(sorted(turns)), exclusive=tuple(exclusive), overlap=tuple(overlap), rttm=rttm)


def _der(season: Path, name: str, result: DiarizeResult) -> float:
    true, seconds = truth(season, name)
    return round(error_rate([(turn.start, turn.end, turn.speaker) for turn in result.turns], true, seconds), 4)


def _details(
    rows: tuple[Row, ...],
    season: Path,
    episodes: list[str],
    speakers: tuple[Speaker, ...],
    heard: tuple[HeardEpisode, ...],
    references: tuple[Reference, ...],
) -> list[str]:
    """One line a speaker, then one a row, with who truly speaks."""
    said = {name: truth(season, name)[0] for name in episodes}

    def really(episode: str, start: float, end: float) -> str:
        shares: dict[str, float] = {}
        for first, last, name in said[episode]:
            shares[name] = shares.get(name, 0.0) + max(0.0, min(end, last) - max(start, first))
        return " ".join(f"{name} {s:.2f}" for name, s in sorted(shares.items(), key=lambda e: -e[1]) if s > 0.02)

    lines = []
    clips = {clip.id: clip for episode in heard for clip in episode.clips}
    for each, speaker in zip(cast.suggest(speakers, heard, references), speakers, strict=True):
        lines.append(f"{speaker.id} {speaker.seconds:.1f} s {each.character} {each.score} {each.margin} {each.band}")
        lines += [
            f"  {clip} {clips[clip].end - clips[clip].start:.2f} {clips[clip].speaker}: "
            f"{really(clips[clip].episode, clips[clip].start, clips[clip].end)}"
            for clip in speaker.clips
        ]
    for row in rows:
        seen = row.measurements
        lines.append(
            f"{row.clip} {row.duration:.2f} {row.speaker} {row.character} {row.verdict} {row.reason} {row.purity} "
            f"c={row.consistency:.2f} snr={seen.snr_db} bg={seen.background_db} sp={seen.speech_probability:.2f} "
            f"v={seen.voiced_share:.2f} | {really(row.episode, row.start, row.end)}"
        )
    return lines


if __name__ == "__main__":
    main()
