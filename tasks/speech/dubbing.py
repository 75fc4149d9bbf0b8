"""Dubbing an episode: the lines of a script said, laid over its background, marked, and put beside its own tracks.

Each line is made by itself and kept by its content, so that a changed line is said alone; the mix and the copy of the
video follow from all of them. A line that cannot be said is named and leaves the original where it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from containers.contract.errors import RecordingError
from containers.contract.stages import ProbeResult
from tasks import orders
from tasks.domain import Episode, Segment
from tasks.episodes import again
from tasks.episodes.prepared import heard_episode
from tasks.episodes.recurring_files import load_recurring
from tasks.orders import Label, Placed, Timing, Under
from tasks.speech.dubbing_plan import Heard, loudness_for, placed, replaced
from tasks.speech.dubbing_record import How, LineDone, about_of, keep, of_video, stated_of, table_of
from tasks.speech.saying import Line, say
from tasks.speech.scripts import Script, ScriptLine, check_readings
from tasks.studio import Made, Stored, Studio
from tasks.trust.watermarking import marks_in, watermarked
from tasks.voices import Card, voice_to_speak


@dataclass(frozen=True, kw_only=True)
class Bed:
    """An episode as a dub needs it."""

    episode: Episode
    recording: Stored
    background: Stored
    heard: Heard


@dataclass(frozen=True, kw_only=True)
class Dub:
    """A dubbed episode: the signed track, the video with it, the slot-fit table, and what is written beside them.

    `anew`: lines for which something was made now; `failed`: row of the script -> why it was not said.
    """

    track: str
    video: str
    table: str
    about: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    anew: int
    mixed_anew: bool
    failed: dict[int, str]


def cards_of(studio: Studio, script: Script, language: str | None = None) -> dict[str, Card]:
    """The voices of a script's characters; before anything is made RightsError or NoVoice, and ScriptError for
    readings written into its lines that cannot be said."""
    check_readings(script, studio.series, language)
    return {slug: voice_to_speak(studio, slug) for slug in script.characters}


def line_of(line: ScriptLine, language: str | None, slowest: float, fastest: float) -> Line:
    return Line(
        character=line.character,
        text=line.text,
        audio=line.source,
        pitch_shift=line.pitch_shift,
        language=line.language or language,
        timing=Timing(seconds=line.slot, slowest=slowest, fastest=fastest),
    )


def say_line(studio: Studio, card: Card, line: ScriptLine, how: How) -> LineDone:
    """A line in its voice and its slot; what its engines refuse is its own problem and nobody else's."""
    try:
        return LineDone(line=line, said=say(studio, card, line_of(line, how.language, how.slowest, how.fastest)))
    except RecordingError as error:
        return LineDone(line=line, problem=str(error))


def bed_of(studio: Studio, episode: Episode) -> Bed:
    """A prepared episode's stems, which may be pruned, and what was heard; LookupError where it is not prepared."""
    probed = studio.make(orders.probe(studio, episode))
    extracted = again.recording_of(studio, episode)
    separated = again.stems_of(studio, episode, extracted)
    heard = heard_episode(studio.store, studio.home, episode.key)
    recurring = load_recurring(studio)
    songs = [
        Segment(start=each.start, end=each.end)
        for group in (recurring.groups if recurring else ())
        for each in group.segments
        if each.episode == episode.key and group.name in ("opening", "ending")
    ]
    return Bed(
        episode=episode,
        recording=extracted.stored(extracted.result.recording),
        background=separated.stored(separated.result.background),
        heard=Heard(
            duration=_length(probed, extracted.result.duration),
            turns=heard.turns,
            clips=heard.clips,
            songs=tuple(songs),
        ),
    )


def _length(probed: Made[ProbeResult], recording: float) -> float:
    """The video's length, by its container; the recording's where that is longer."""
    return max(recording, probed.result.duration or 0.0)


def dub(studio: Studio, script: Script, cards: Mapping[str, Card], bed: Bed, done: Sequence[LineDone], how: How) -> Dub:
    """Mix what was said, mark and record the track, and put it into a copy of the video."""
    said = [(each.line, each.said) for each in done if each.said]
    home = f"{studio.home}/dubs/{bed.episode.key}/{how.name}"
    starts = [placed(line.start or 0.0, each.duration, bed.heard.duration) for line, each in said]
    spans = [(start, start + each.duration) for start, (_, each) in zip(starts, said, strict=True)]
    slots = [(line.start or 0.0, line.end or line.start or 0.0) for line, _ in said]
    levels = [loudness_for(bed.heard, (min(a, c), max(b, d))) for (a, b), (c, d) in zip(slots, spans, strict=True)]
    taken = replaced(bed.heard, slots, spans, how.unsaid)
    out = [watermarked(studio, each.speech) for _, each in said]
    lines = [
        Placed(speech=each.speech, start=start, loudness_lufs=lufs)
        for start, each, (lufs, _) in zip(starts, out, levels, strict=True)
    ]
    under = Under(recording=bed.recording, background=bed.background, seconds=bed.heard.duration)
    mix = orders.mix(f"dub of {bed.episode.key}", home, under, lines, taken.spans)
    mixed = again.make(studio, mix, bed.episode)
    rows = table_of(done, mixed.result, levels)
    about = about_of(studio, script, cards, bed.episode.key, mixed, taken, how, done, marks_in(out))
    record = keep(studio, home, about, mixed.stored(mixed.result.track), rows, script)
    stated = stated_of(record)
    label = Label(
        language=how.language,
        title=how.title or stated.title,
        tags={"COMMENT": stated.comment, "ENCODED_BY": stated.tool},
        default=how.default,
    )
    video = studio.make(orders.mux(bed.episode, home, mixed.stored(mixed.result.track), label))
    return Dub(
        track=f"{home}/dub.flac",
        video=video.stored(video.result.video).key,
        table=f"{home}/lines.csv",
        about={**record, "video": of_video(video)},
        rows=tuple(rows),
        anew=sum(not each.found for _, each in said),
        mixed_anew=not mixed.found,
        failed={each.line.row: each.problem for each in done if each.problem},
    )
