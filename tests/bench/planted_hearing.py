"""Clips of a bench as the house gets them: cut, measured and embedded as its stages do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from containers.contract import stages
from containers.contract.codec import decode, encode
from containers.contract.item import sha256_of
from containers.contract.stages import Measurements, Turn
from containers.light.clip_files import faded, write_pcm16
from containers.light.measuring import measure
from tasks.domain import EpisodeClip, HeardEpisode
from tests.bench import planted_material as material
from tests.bench import season_stages
from tests.bench.planted_material import LONGEST_SECONDS, RATE_HZ, Planted, Samples
from tests.bench.planted_voices import PROBE_SECONDS, Half, Utterance
from tests.bench.season_stages import Answer, Workshop, sent

GAP_SECONDS = 1.0
_NEAR = 0.05


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A clip as the cut stage cut it; `whole`: it does not end where CASES cut a recording; `place`: see `places`."""

    samples: Samples
    whole: bool
    source: str
    place: str = ""


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
        if not clips:
            continue
        pieces, turns, at = [], [], 0.0
        for one in clips:
            samples = faded(one.samples, RATE_HZ)
            pieces += [samples, np.zeros(round(GAP_SECONDS * RATE_HZ), np.float32)]
            turns.append(Turn(start=at, end=at + len(samples) / RATE_HZ, speaker=one.speaker))
            at = turns[-1].end + GAP_SECONDS
        path = write_pcm16(folder / f"{half}-{name}.flac", np.concatenate(pieces), RATE_HZ)
        measured[name] = _measured(path, turns)
        request = stages.EmbedRequest(vocals=sent("vocals.flac", path), turns=tuple(turns))
        asked[name] = (request, {"in/vocals.flac": path})
    answers = workshop.run("embed", asked)
    episodes = []
    for name in parts:
        if name not in answers:
            episodes.append(HeardEpisode(episode=name, clips=(), model="", vectors=np.zeros((0, 0), np.float32)))
            continue
        answer = answers[name]
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


def _measured(path: Path, turns: Sequence[Turn]) -> list[Measurements]:
    """Of each turn; kept beside the file for the next run."""
    kept, sha256 = path.with_suffix(".json"), sha256_of(path)
    said = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    if said.get("of") != sha256:
        written = soundfile.read(path, dtype="float32")[0]
        spans = [(round(turn.start * RATE_HZ), round(turn.end * RATE_HZ)) for turn in turns]
        said = {"of": sha256, "measured": [encode(measure(written[a:b], RATE_HZ)) for a, b in spans]}
        kept.write_text(json.dumps(said), "utf-8")
    return [decode(Measurements, each) for each in said["measured"]]
