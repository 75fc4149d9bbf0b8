"""Do the verdicts find planted defects, for the right reason, and leave sound clips alone?

    CASES=... python -m tests.bench.planted_defects [--half tune|report] [--each 20] [--seed 7] [--rotations 3]
        [--details]

Clean clips are cut by the cut stage from real speech (see `planted_voices`); from them
`planted_material` makes clips with one defect each. All go through the light engine's
measuring and its embed stage, then through the house's verdicts, as clips of the person
the label says. All this once a rotation, each with other references and other defects. Prints JSON: found
(not kept) and found for the right reason, by kind; clean clips dropped, by reason; and Wilson's 95 % intervals.
Probes that CASES itself ends after 8.0 s, wherever that is, give last clips that are not counted as clean.
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
import soundfile

from containers.contract import stages
from containers.contract.stages import Turn
from containers.light.clip_files import faded, write_pcm16
from containers.light.measuring import measure
from tasks.clips import dataset
from tasks.clips.dataset import Row
from tasks.domain import EpisodeClip, HeardEpisode, Reference, Speaker
from tasks.labelling import labels
from tests.bench import planted_material as material
from tests.bench import season_stages
from tests.bench.planted_figures import CLEAN, CUT_AT_SOURCE, Outcome, figures
from tests.bench.planted_material import LONGEST_SECONDS, RATE_HZ, Maker, Planted, Samples
from tests.bench.planted_voices import PROBE_SECONDS, ROTATIONS, Half, Utterance, voices
from tests.bench.season_stages import Answer, Workshop, sent

GAP_SECONDS = 1.0
_NEAR = 0.05


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
class Cut:
    """A clip as the cut stage cut it; `whole`: it does not end where CASES cut a recording."""

    samples: Samples
    whole: bool
    source: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.planted_defects", description=__doc__)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rotations", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    if "CASES" not in os.environ:
        raise SystemExit("the variable CASES must name the folder of real audio")
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        for rotation in ROTATIONS[: options.rotations]:
            place = (options.keep or Path(folder)) / str(rotation)
            made = plant(Path(os.environ["CASES"]), options.half, options.each, options.seed, place, rotation)
            outcomes += outcomes_of(made, decide(made))
    print(json.dumps(figures(outcomes, options.details), ensure_ascii=False, indent=1))


def plant(cases: Path, half: Half, each: int, seed: int, folder: Path, rotation: int = 0) -> Material:
    """Clean clips in episode E01, planted ones in E02; duplicates of clean clips in E03."""
    folder.mkdir(parents=True, exist_ok=True)
    workshop = Workshop(folder)
    spoken, known = voices(cases, half, rotation)
    clips = cut_clips(spoken, half, workshop)
    clean = {name: [one.samples for one in cut] for name, cut in clips.items()}
    maker = Maker(cases, half, clean, seed + 1000 * rotation)
    own = [(name, one) for name in maker.characters for one in clips[name]]
    sound = [
        Planted(kind=CLEAN if one.whole else CUT_AT_SOURCE, speaker=name, samples=one.samples) for name, one in own
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
        clip.id: one for episode in episodes for clip, one in zip(episode.clips, parts[episode.episode], strict=True)
    }
    return Material(
        episodes=episodes,
        speakers=_speakers(episodes),
        references=_references(workshop, known),
        planted=planted,
        sources=tuple(one.source for _, one in own),
    )


def _references(workshop: Workshop, known: Mapping[str, Sequence[Utterance]]) -> tuple[Reference, ...]:
    files = {f"{name}/{each.recording}": each.path for name, own in known.items() for each in own}
    found = []
    for name, answer in season_stages.embedded(workshop, files).items():
        model, vectors = season_stages.vectors_of(answer)
        found.append(Reference(character=name.split("/")[0], model=model, vectors=vectors))
    return tuple(found)


def clean_clips(cases: Path, half: Half, workshop: Workshop) -> dict[str, list[Samples]]:
    cut = cut_clips(voices(cases, half)[0], half, workshop)
    return {name: [one.samples for one in clips] for name, clips in cut.items()}


def cut_clips(spoken: Mapping[str, Sequence[Utterance]], half: Half, workshop: Workshop) -> dict[str, list[Cut]]:
    """Each person's utterances, a second apart at one level, as the cut stage cuts them."""
    asked, said = {}, {}
    for name, utterances in spoken.items():
        pieces, turns, at = [], [], GAP_SECONDS
        for one in utterances:
            samples = material.at_level(material.sound(one.path, one.start, one.end))
            pieces += [np.zeros(round(GAP_SECONDS * RATE_HZ), np.float32), samples]
            turns.append(Turn(start=at, end=at + len(samples) / RATE_HZ, speaker="SPEAKER_00"))
            at = turns[-1].end + GAP_SECONDS
        path = workshop.folder / f"{half}-{name}.flac"
        write_pcm16(path, np.concatenate(pieces), RATE_HZ)
        request = stages.CutRequest(vocals=sent("vocals.flac", path), turns=tuple(turns), max_seconds=LONGEST_SECONDS)
        asked[name] = (request, {"in/vocals.flac": path})
        said[name] = list(zip(turns, utterances, strict=True))
    return {
        name: [_cut(clip, answer, said[name]) for clip in answer.result.clips]
        for name, answer in workshop.run("cut", asked).items()
    }


def _cut(clip: stages.Clip, answer: Answer, said: Sequence[tuple[Turn, Utterance]]) -> Cut:
    turn, utterance = next((turn, one) for turn, one in said if turn.start < (clip.start + clip.end) / 2 < turn.end)
    cut_there = abs(turn.end - turn.start - PROBE_SECONDS) < 0.01 and abs(clip.end - turn.end) <= _NEAR
    source = f"{utterance.recording} {utterance.start + clip.start - turn.start:.1f}"
    return Cut(samples=material.sound(answer.path(clip.file)), whole=not cut_there, source=source)


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
            kept=verdicts[clip].verdict == "kept",
            reason=verdicts[clip].reason,
            said=f"{verdicts[clip].verdict}: {verdicts[clip].detail} {verdicts[clip].measurements}",
        )
        for clip, one in made.planted.items()
    ]


if __name__ == "__main__":
    main()
