"""Do the verdicts find planted defects, for the right reason, and leave sound clips alone?

    CASES=... python -m tests.bench.planted_defects [--half tune|report] [--each 20] [--seed 7] [--details]

Clean clips are cut by the cut stage from real speech (CASES/speaker_match); from them
`planted_material` makes clips with one defect each. All go through the light engine's
measuring and its embed stage, then through the house's verdicts, as clips of the person
the label says. Prints JSON: found (not kept) and found for the right reason, by kind;
clean clips dropped, by reason. Probes that CASES itself ends after 8.0 s, wherever that
is, give last clips that are not counted as clean.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from containers.contract import stages
from containers.contract.stages import Turn
from containers.light.clip_files import faded, write_pcm16
from containers.light.measuring import measure
from tasks import dataset, labels
from tasks.dataset import Row
from tasks.domain import EpisodeClip, HeardEpisode, Reference, Speaker
from tests.bench import planted_material as material
from tests.bench import season_stages
from tests.bench.planted_material import LONGEST_SECONDS, RATE_HZ, Half, Maker, Planted, Samples
from tests.bench.season_stages import Workshop, sent

GAP_SECONDS = 1.0
PROBE_SECONDS = 8.0
"""Of the longest probes: they are cut there."""
_NEAR = 0.05
RIGHT: dict[str, tuple[str, ...]] = {
    "wrong_speaker": ("other_voice", "unsure"),
    "overlap": ("overlap", "mixed"),
    "music": ("music",),
    "noise": ("noisy",),
    "clipping": ("clipped",),
    "telephone": ("telephone",),
    "upsampled": ("upsampled", "telephone"),
    "song": ("singing",),
    "silence": ("silent", "not_speech"),
    "no_voice": ("not_speech", "music"),
    "cut_word": ("cut_word",),
    "duplicate": ("duplicate",),
}
"""The reasons that name what was planted."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """All clips of a half as the house hears them; `planted`: clip id -> what was planted (None: clean)."""

    episodes: tuple[HeardEpisode, ...]
    speakers: tuple[Speaker, ...]
    references: tuple[Reference, ...]
    planted: dict[str, Planted | None]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.planted_defects", description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    with tempfile.TemporaryDirectory() as folder:
        keep = options.keep or Path(folder)
        made = plant(Path(os.environ["CASES"]), options.half, options.each, options.seed, keep)
    rows = decide(made)
    print(json.dumps(figures(made, rows, options.details), ensure_ascii=False, indent=1))


def plant(cases: Path, half: Half, each: int, seed: int, folder: Path) -> Material:
    """Clean clips in episode E01, planted ones in E02; duplicates of clean clips in E03."""
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(folder)
    clips = cut_clips(cases, half, workshop)
    clean = {name: [samples for samples, _ in cut] for name, cut in clips.items()}
    maker = Maker(cases, half, clean, seed)
    sound = [
        Planted(kind="clean" if whole else "cut_at_source", speaker=name, samples=samples)
        for name in maker.characters
        for samples, whole in clips[name]
    ]
    defects = list(maker.all(each))
    places = {(one.speaker, id(one.samples)): index for index, one in enumerate(sound)}
    again = [
        Planted(kind="duplicate", speaker=name, samples=samples, degree=degree, of=places[name, id(clean[name][index])])
        for name, index, samples, degree in maker.duplicates(each)
    ]
    parts = {"E01": sound, "E02": defects, "E03": again}
    episodes = heard(workshop, folder, half, parts)
    planted = {
        clip.id: None if one.kind == "clean" else one
        for episode in episodes
        for clip, one in zip(episode.clips, parts[episode.episode], strict=True)
    }
    return Material(
        episodes=episodes,
        speakers=_speakers(episodes),
        references=tuple(
            each
            for each in season_stages.references(workshop, cases / "speaker_match" / "refs")
            if each.character in material.HALVES[half]
        ),
        planted=planted,
    )


def clean_clips(cases: Path, half: Half, workshop: Workshop) -> dict[str, list[Samples]]:
    return {name: [samples for samples, _ in cut] for name, cut in cut_clips(cases, half, workshop).items()}


def cut_clips(cases: Path, half: Half, workshop: Workshop) -> dict[str, list[tuple[Samples, bool]]]:
    """Each person's utterances, a second apart at one level, as the cut stage cuts them; False: ends where a probe
    was cut."""
    asked, short = {}, {}
    for name, files in material.utterances(cases, half).items():
        pieces, turns, at = [], [], GAP_SECONDS
        for file in files:
            samples = material.at_level(material.sound(file))
            pieces += [np.zeros(round(GAP_SECONDS * RATE_HZ), np.float32), samples]
            turns.append(Turn(start=at, end=at + len(samples) / RATE_HZ, speaker="SPEAKER_00"))
            at = turns[-1].end + GAP_SECONDS
        short[name] = [turn.end for turn in turns if abs(turn.end - turn.start - PROBE_SECONDS) < 0.01]
        path = workshop.folder / f"{half}-{name}.flac"
        write_pcm16(path, np.concatenate(pieces), RATE_HZ)
        request = stages.CutRequest(vocals=sent("vocals.flac", path), turns=tuple(turns), max_seconds=LONGEST_SECONDS)
        asked[name] = (request, {"in/vocals.flac": path})
    return {
        name: [
            (material.sound(answer.path(clip.file)), all(abs(clip.end - end) > _NEAR for end in short[name]))
            for clip in answer.result.clips
        ]
        for name, answer in workshop.run("cut", asked).items()
    }


def heard(workshop: Workshop, folder: Path, half: Half, parts: dict[str, list[Planted]]) -> tuple[HeardEpisode, ...]:
    """Each list of clips as an episode: measured as the cut stage measures, embedded by the embed stage."""
    asked, measured = {}, {}
    for name, clips in parts.items():
        pieces, turns, at = [], [], 0.0
        for one in clips:
            samples = faded(one.samples, RATE_HZ)
            pieces += [samples, np.zeros(round(GAP_SECONDS * RATE_HZ), np.float32)]
            turns.append(Turn(start=at, end=at + len(samples) / RATE_HZ, speaker=one.speaker))
            at = turns[-1].end + GAP_SECONDS
        path = write_pcm16(folder / f"{half}-{name}.flac", np.concatenate(pieces), RATE_HZ)
        written = soundfile.read(path, dtype="float32")[0]
        spans = [(round(turn.start * RATE_HZ), round(turn.end * RATE_HZ)) for turn in turns]
        measured[name] = [measure(written[a:b], RATE_HZ) for a, b in spans]
        request = stages.EmbedRequest(vocals=sent("vocals.flac", path), turns=tuple(turns))
        asked[name] = (request, {"in/vocals.flac": path})
    episodes = []
    for name, answer in workshop.run("embed", asked).items():
        model, vectors = season_stages.vectors_of(answer)
        clips_heard = tuple(
            EpisodeClip(
                id=f"{name}/{round(turn.start * 1000):08d}", episode=name, start=turn.start, end=turn.end,
                speaker=turn.speaker, sha256="0" * 64, consistency=consistency, measurements=seen,
            )
            for turn, consistency, seen in zip(
                answer.result.turns, answer.result.consistency, measured[name], strict=True
            )
        )  # fmt: skip
        episodes.append(HeardEpisode(episode=name, clips=clips_heard, model=model, vectors=vectors))
    return tuple(episodes)


def _speakers(episodes: Sequence[HeardEpisode]) -> tuple[Speaker, ...]:
    """One speaker of the series for each person that a label names."""
    clips = [clip for episode in episodes for clip in episode.clips]
    return tuple(
        Speaker(
            id=f"S-{name}",
            clips=tuple(clip.id for clip in clips if clip.speaker == name),
            episodes=tuple(episode.episode for episode in episodes),
            seconds=sum(clip.duration for clip in clips if clip.speaker == name),
        )
        for name in sorted({clip.speaker for clip in clips})
    )


def decide(made: Material, thresholds: dataset.Thresholds | None = None) -> tuple[Row, ...]:
    """Verdicts with every clip labelled, by a person, as what it pretends to be.

    Defects are made of the clean recordings, so repeats are looked for among clean clips and duplicates only.
    """
    said = {speaker.id: speaker.id.removeprefix("S-") for speaker in made.speakers}
    decision = labels.decide("bench", "cli", said, now=datetime(2026, 1, 1, tzinfo=UTC))
    counted, least = labels.derive([decision]), thresholds or dataset.PRESETS["balanced"]
    clean, defects, again = made.episodes
    alone = replace(least, max_repeats=math.inf)
    first = dataset.judge([clean, defects], made.speakers, counted, made.references, alone)
    second = dataset.judge([clean, again], made.speakers, counted, made.references, least)
    return (*first, *(row for row in second if row.episode == again.episode))


def figures(made: Material, rows: Sequence[Row], details: bool = False) -> dict[str, Any]:
    """Found, and for the right reason, by kind. A row for another character ("identified") does not count."""
    of_label = {clip.id: clip.speaker for episode in made.episodes for clip in episode.clips}
    verdicts = {row.clip: row for row in rows if row.character == of_label[row.clip]}
    known = {each.character for each in made.references}
    report: dict[str, Any] = {}
    for kind, right in RIGHT.items():
        clips = [clip for clip, one in made.planted.items() if one and one.kind == kind]
        reasons = Counter(verdicts[clip].reason for clip in clips)
        report[kind] = {
            "planted": len(clips),
            "found": sum(verdicts[clip].verdict != "kept" for clip in clips),
            "put_to_a_person_with_references": sum(of_label[clip] in known for clip in clips),
            "found_of_these": sum(of_label[clip] in known and verdicts[clip].verdict != "kept" for clip in clips),
            "right_reason": sum(count for reason, count in reasons.items() if reason in right),
            "reasons": dict(reasons.most_common()),
        }
    cut = [clip for clip, one in made.planted.items() if one and one.kind == "cut_at_source"]
    report["cut_at_source"] = {"clips": len(cut), "reasons": dict(Counter(verdicts[clip].reason for clip in cut))}
    clean = [clip for clip, one in made.planted.items() if one is None]
    lost = Counter(verdicts[clip].reason for clip in clean if verdicts[clip].verdict != "kept")
    report["clean"] = {
        "clips": len(clean),
        "lost": sum(lost.values()),
        "of_persons_with_references": sum(of_label[clip] in known for clip in clean),
        "lost_of_these": sum(of_label[clip] in known and verdicts[clip].verdict != "kept" for clip in clean),
        "reasons": dict(lost.most_common()),
    }
    if details:
        report["missed"] = [
            f"{one.kind} {one.degree} as {one.speaker}: {verdicts[clip].verdict} {verdicts[clip].reason} "
            f"{verdicts[clip].detail} {verdicts[clip].measurements}"
            for clip, one in made.planted.items()
            if one and one.kind in RIGHT and verdicts[clip].reason not in RIGHT[one.kind]
        ]
        report["lost"] = [
            f"{clip}: {verdicts[clip].reason} {verdicts[clip].detail} {verdicts[clip].measurements}"
            for clip in clean
            if verdicts[clip].verdict != "kept"
        ]
    return report


if __name__ == "__main__":
    main()
