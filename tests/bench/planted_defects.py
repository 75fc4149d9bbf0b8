"""Do the verdicts find planted defects, for the right reason, and leave sound clips alone?

    CASES=... python -m tests.bench.planted_defects [--half tune|report|unseen|fresh] [--voices FOLDER] [--each 20]
        [--seed 7] [--rotations 3] [--kinds overlap ...] [--details] [--keep FOLDER]

Clean clips are cut by the cut stage from real speech (see `planted_voices`); from them
`planted_material` makes clips with one defect each. All go through the light engine's
measuring and its embed stage, then through the house's verdicts, as clips of the person
the label says. All this once a rotation, each with other references and other defects. Prints JSON: found
(not kept) and found for the right reason, by kind; clean clips dropped, by reason; and Wilson's 95 % intervals.
Probes that CASES itself ends after 8.0 s, wherever that is, give last clips that are not counted as clean.
`--half unseen`: of people, music and effects of neither half, see `unseen_voices` for what must lie in `--voices`.
`--half fresh`: of people of neither half, nor of those the detector of a second voice learns from, see `fresh_voices`.
`--keep`: what the stages gave stays there, and a run that was stopped goes on; delete it when an engine changed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tasks.clips import dataset
from tasks.clips.dataset import Row
from tasks.domain import HeardEpisode, Reference, Speaker
from tasks.labelling.decisions import decide as decide_labels
from tasks.labelling.decisions import derive
from tests.bench import fresh_voices, season_stages, unseen_voices
from tests.bench.places import PLACES
from tests.bench.planted_figures import CLEAN, CUT_AT_SOURCE, RIGHT, Outcome, figures
from tests.bench.planted_hearing import Cut, cut_clips, heard
from tests.bench.planted_material import Maker, Planted, Surroundings, surroundings
from tests.bench.planted_voices import ROTATIONS, Half, Utterance, voices
from tests.bench.season_stages import Workshop

ELSEWHERE = ("unseen", "fresh")
"""Halves whose people are in a folder of `--voices`."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """All clips of a half as the house hears them; `planted`: clip id -> what was planted; `sources`: where clean clips
    are from, in order of the first episode's clips."""

    episodes: tuple[HeardEpisode, ...]
    speakers: tuple[Speaker, ...]
    references: tuple[Reference, ...]
    planted: dict[str, Planted]
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """What the people of a half say in a rotation, which of it are references, and what sounds around them."""

    half: Half
    spoken: Mapping[str, Sequence[Utterance]]
    known: Mapping[str, Sequence[Utterance]]
    around: Surroundings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.planted_defects", description=__doc__)
    parser.add_argument("--half", choices=("tune", "report", "unseen", "fresh"), default="report")
    parser.add_argument("--voices", type=Path)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rotations", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--kinds", nargs="+", choices=tuple(RIGHT), default=())
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    if options.half in ELSEWHERE and not options.voices:
        raise SystemExit("--voices must name the folder that unseen_voices or fresh_voices tells how to make")
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for rotation in ROTATIONS[: options.rotations]:
            place = (options.keep or Path(folder)) / str(rotation)
            speech = of_half(Path(os.environ["CASES"]), options.half, place, rotation, options.voices)
            made = plant(speech, options.each, options.seed + 1000 * rotation, place, options.kinds)
            outcomes += outcomes_of(made, decide(made))
    print(json.dumps(figures(outcomes, options.details), ensure_ascii=False, indent=1))


def of_half(cases: Path, half: Half, folder: Path, rotation: int = 0, unseen: Path | None = None) -> Speech:
    folder.mkdir(parents=True, exist_ok=True)
    if half == "fresh" and unseen is not None:
        spoken, known = fresh_voices.voices(cases, unseen, rotation)
        return Speech(half=half, spoken=spoken, known=known, around=surroundings(cases, "report"))
    if half != "unseen" or unseen is None:
        spoken, known = voices(cases, half, rotation)
        return Speech(half=half, spoken=spoken, known=known, around=surroundings(cases, half))
    spoken, known = unseen_voices.voices(unseen, rotation, folder)
    around = unseen_voices.surroundings(cases, unseen, folder)
    return Speech(half=half, spoken=spoken, known=known, around=around)


def plant(speech: Speech, each: int, seed: int, folder: Path, kinds: Sequence[str] = ()) -> Material:
    """Clean clips in episode E01, planted ones in E02; duplicates of clean clips in E03."""
    workshop, half = Workshop(folder), speech.half
    clips = cut_clips(speech.spoken, half, workshop)
    if half in ELSEWHERE:
        clips = _in_places(clips, np.random.default_rng(seed))
    clean = {name: [one.samples for one in cut] for name, cut in clips.items()}
    maker = Maker(speech.around, clean, seed)
    own = [(name, one) for name in maker.characters for one in clips[name]]
    sound = [
        Planted(kind=CLEAN if one.whole else CUT_AT_SOURCE, speaker=name, samples=one.samples, degree=one.place)
        for name, one in own
    ]
    defects = list(maker.all(each, kinds))
    places = {(one.speaker, id(one.samples)): index for index, one in enumerate(sound)}
    again = [
        Planted(kind="duplicate", speaker=name, samples=samples, degree=degree, of=places[name, id(clean[name][index])])
        for name, index, samples, degree in maker.duplicates(each if not kinds or "duplicate" in kinds else 0)
    ]
    parts = {"E01": sound, "E02": defects, "E03": again}
    episodes = heard(workshop, folder, half, parts)
    planted = {
        clip.id: one for episode in episodes for clip, one in zip(episode.clips, parts[episode.episode], strict=True)
    }
    return Material(
        episodes=episodes,
        speakers=_speakers(episodes),
        references=_references(workshop, speech.known),
        planted=planted,
        sources=tuple(one.source for _, one in own),
    )


def _in_places(clips: Mapping[str, Sequence[Cut]], random: np.random.Generator) -> dict[str, list[Cut]]:
    """Every clip in one of `PLACES`, by turns."""
    names = list(PLACES)
    placed: dict[str, list[Cut]] = {}
    for name, cut in clips.items():
        turn = [names[(number + len(placed)) % len(names)] for number in range(len(cut))]
        placed[name] = [
            replace(one, samples=PLACES[place](random, one.samples), place=place)
            for one, place in zip(cut, turn, strict=True)
        ]
    return placed


def _references(workshop: Workshop, known: Mapping[str, Sequence[Utterance]]) -> tuple[Reference, ...]:
    files = {f"{name}/{each.recording}": each.path for name, own in known.items() for each in own}
    found = []
    for name, answer in season_stages.embedded(workshop, files).items():
        model, vectors = season_stages.vectors_of(answer)
        found.append(Reference(character=name.split("/")[0], model=model, vectors=vectors))
    return tuple(found)


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
    decision = decide_labels("bench", "cli", said, now=datetime(2026, 1, 1, tzinfo=UTC))
    counted, least = derive([decision]), thresholds or dataset.PRESETS["balanced"]
    clean, defects, again = made.episodes
    alone = replace(least, max_repeats=math.inf)
    first = dataset.judge([clean, defects], made.speakers, counted, made.references, alone)
    second = dataset.judge([clean, again], made.speakers, counted, made.references, least)
    return (*first, *(row for row in second if row.episode == again.episode))


def outcomes_of(made: Material, rows: Sequence[Row]) -> list[Outcome]:
    """A row for another character ("identified") does not count."""
    of_label = {clip.id: clip.speaker for episode in made.episodes for clip in episode.clips}
    verdicts = {row.clip: row for row in rows if row.character == of_label[row.clip]}
    known = {each.character for each in made.references}
    sources = dict(zip((clip.id for clip in made.episodes[0].clips), made.sources, strict=True))
    return [
        Outcome(
            kind=one.kind,
            degree=one.degree,
            speaker=one.speaker,
            known=one.speaker in known,
            clip=sources.get(clip, clip),
            verdict=verdicts[clip].verdict,
            reason=verdicts[clip].reason,
            said=f"{verdicts[clip].verdict}: {verdicts[clip].detail} {verdicts[clip].measurements}",
        )
        for clip, one in made.planted.items()
    ]


if __name__ == "__main__":
    main()
