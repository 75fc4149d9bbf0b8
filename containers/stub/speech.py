"""From vocals to clips: diarize, embed, cut."""

from __future__ import annotations

import dataclasses
import itertools
import math

from containers.contract import stages
from containers.contract.codec import canonical, write_atomically
from containers.contract.item import Item

from . import people
from .options import Options
from .script import act, performed, speaker_in
from .sounds import Sound, of, read, write_flac


def diarize(options: Options, request: stages.DiarizeRequest, item: Item) -> stages.DiarizeResult:
    sound = read(item, request.vocals)
    act("diarize", item, (sound.script,), options.sleep_s)
    spoken = [turn for turn in sorted(sound.script.turns) if turn.start < sound.duration]
    order = list(dict.fromkeys(turn.speaker for turn in spoken))
    most = request.speakers or request.max_speakers or len(order)
    turns = tuple(
        stages.Turn(
            start=turn.start,
            end=min(turn.end, sound.duration),
            speaker=f"SPEAKER_{order.index(turn.speaker) % most:02}",
        )
        for turn in spoken
    )
    exclusive, overlap = people.sweep(turns)
    rttm = item.output("turns.rttm")
    write_atomically(rttm, "".join(_rttm_line(turn) for turn in turns))
    problems = () if turns else (stages.Problem(kind="no_speech", text="the script has no turns"),)
    return stages.DiarizeResult(
        turns=turns, exclusive=exclusive, overlap=overlap, rttm=item.file(rttm), problems=problems
    )


def _rttm_line(turn: stages.Turn) -> str:
    length = turn.end - turn.start
    return f"SPEAKER recording 1 {turn.start:.3f} {length:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"


def embed(options: Options, request: stages.EmbedRequest, item: Item) -> stages.EmbedResult:
    sound = read(item, request.vocals)
    act("embed", item, (sound.script,), options.sleep_s)
    turns = _stretches(sound) if request.turns is None else request.turns
    vectors = [
        people.vector(speaker_in(sound.script, turn.start, turn.end), request.vocals.sha256, turn.start)
        for turn in turns
    ]
    path = item.output("vectors.json")
    about = {"model": people.MODEL, "dimension": people.DIMENSION, "vectors": people.packed(vectors)}
    write_atomically(path, canonical(about))
    return stages.EmbedResult(
        vectors=item.file(path),
        model=people.MODEL,
        dimension=people.DIMENSION,
        turns=turns,
        consistency=tuple(round(people.share(sound.script, turn) ** 2 - 0.02, 4) for turn in turns),
    )


def _stretches(sound: Sound) -> tuple[stages.Turn, ...]:
    """Speech in stretches of at most 10 s, as one speaker's."""
    pieces = [piece for turn in sound.script.turns for piece in _pieces(turn.start, min(turn.end, sound.duration), 10)]
    return tuple(stages.Turn(start=start, end=end, speaker="SPEAKER_00") for start, end in sorted(set(pieces)))


def _pieces(start: float, end: float, longest: float) -> list[tuple[float, float]]:
    """The stretch in equal pieces, none longer than `longest` seconds."""
    if end <= start:
        return []
    count = math.ceil((end - start) / longest)
    edges = [start + (end - start) * index / count for index in range(count)] + [end]
    return list(itertools.pairwise(edges))


def cut(options: Options, request: stages.CutRequest, item: Item) -> stages.CutResult:
    sound = read(item, request.vocals)
    if request.background is not None:
        item.input(request.background)
    act("cut", item, (sound.script,), options.sleep_s)
    clips: list[stages.Clip] = []
    for turn in people.sweep(request.turns)[0]:
        for first, last in _pieces(turn.start, min(turn.end, sound.duration), request.max_seconds):
            start, end = _on_sample(first, sound), _on_sample(last, sound)
            if end - start >= request.min_seconds and not _any_overlap(request.overlap, start, end):
                clips.append(_clip(sound, start, end, turn.speaker, len(clips), request, item))
    return stages.CutResult(clips=tuple(clips))


def _on_sample(seconds: float, sound: Sound) -> float:
    return math.floor(seconds * sound.sample_rate_hz) / sound.sample_rate_hz


def _any_overlap(overlap: tuple[stages.Segment, ...], start: float, end: float) -> bool:
    return any(each.start < end and each.end > start for each in overlap)


def _clip(
    sound: Sound, start: float, end: float, speaker: str, index: int, request: stages.CutRequest, item: Item
) -> stages.Clip:
    script = dataclasses.replace(
        sound.script,
        title=f"{sound.script.title} {request.vocals.sha256[:8]} {start:.3f}".strip(),
        duration=end - start,
        person=speaker_in(sound.script, start, end),
        cast=(),
        turns=(),
        music=(),
    )
    voice = of(performed(script, request.vocals.sha256), sound.sample_rate_hz)
    return stages.Clip(
        file=item.file(write_flac(item.output(f"clips/{index:04}.flac"), voice, "vocals")),
        start=start,
        end=end,
        speaker=speaker,
        measurements=people.measured(sound.script, start, end, request.vocals.sha256),
    )
