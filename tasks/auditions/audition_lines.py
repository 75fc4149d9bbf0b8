"""Which lines an audition has: recordings of the character that no voice has learnt from, and texts.

References are never trained on. Clips are held out where they were good but more than the data set's minutes, and no
card says that its voice learnt from them. With neither, clips that were learnt from are taken, and the page says so.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from containers.contract.errors import StageError
from tasks import orders
from tasks.auditions.audition import Line
from tasks.orders import Shown
from tasks.series import SeriesError
from tasks.speakers.references import references_of
from tasks.studio import Source, Stored, Studio
from tasks.voices import Card

log = logging.getLogger("voicecast.audition")

AT_ONCE = 6
"""What waits for one engine goes to it together."""
SHORTEST, LONGEST, USUAL = 1.5, 10.0, 4.0
"""Seconds of a line that can be judged and still be remembered."""
TEXTS = {
    "ja": (
        "今日の試合は、絶対に負けられないんだ。",
        "どうして黙っていたの。ちゃんと話してよ。",
        "明日の朝、六時に駅の前で待っているから。",
    ),
    "en": (
        "We cannot lose this match today.",
        "Why did you not say anything? Talk to me.",
        "I will wait at the station at six.",
    ),
}
"""What is said where nobody names texts: a shout, a reproach and a plain sentence."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A line with its sound."""

    line: Line
    file: Stored


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A stretch that may become a line; `file` has no hash before it is chosen, where nobody knew it."""

    of: str
    file: Stored
    seconds: float
    words: str | None
    held_out: bool
    start: float = 0.0
    end: float | None = None

    def shown(self, studio: Studio) -> Shown:
        sha256 = self.file.sha256 or hashlib.sha256(studio.store.read(self.file.key)).hexdigest()
        return Shown(file=replace(self.file, sha256=sha256), start=self.start, end=self.end)


def own_lines(studio: Studio, character: str, cards: Sequence[Card], count: int) -> tuple[Recorded, ...]:
    """Lines of the character as recorded, each in a file of its own."""
    candidates = [*_of_references(studio, character), *_of_clips(studio, character, cards, kept=False)]
    if not candidates:
        candidates = list(_of_clips(studio, character, cards, kept=True))
    chosen = sorted(candidates, key=lambda each: (each.words is None, abs(each.seconds - USUAL), each.of))[:count]
    if not chosen:
        return ()
    shown = tuple(each.shown(studio) for each in chosen)
    made = studio.make(orders.preview(studio, f"held-out lines of {character}", shown, lossless=True))
    return tuple(
        Recorded(
            line=Line(id=_id(each.of), kind="own", of=each.of, words=each.words, held_out=each.held_out),
            file=made.stored(preview.sound),
        )
        for each, preview in zip(chosen, made.result.previews, strict=True)
        if preview.sound
    )


def text_lines(studio: Studio, texts: Sequence[str]) -> tuple[Recorded, ...]:
    """Texts as the series' engine says them; `texts` empty: what there is for its language."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda each: _text_line(studio, each), texts or TEXTS.get(studio.series.language, ()))
        return tuple(each for each in found if each)


def _text_line(studio: Studio, text: str) -> Recorded | None:
    try:
        made = studio.make(orders.synthesize(studio, text, studio.series.language))
    except StageError as error:
        log.warning("no line says %r: %s", text, error)
        return None
    line = Line(id=_id(text), kind="text", of=f"said by {made.engine}", words=text)
    return Recorded(line=line, file=made.stored(made.result.speech))


def _of_references(studio: Studio, character: str) -> Iterator[_Candidate]:
    try:
        sources = [source for slug, source in references_of(studio) if slug == character]
    except SeriesError:
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda source: _of_reference(studio, character, source), sources):
            yield from found


def _of_reference(studio: Studio, character: str, source: Source) -> list[_Candidate]:
    """Stretches of speech; what is wrong with a reference is said when a season is prepared."""
    try:
        extracted = studio.make(orders.extract_given(studio, character, source))
        recording = extracted.stored(extracted.result.recording)
        heard = studio.make(orders.embed_reference(studio, character, recording))
    except StageError:
        return []
    name = str(source.path).rpartition("/")[2]
    return [
        _Candidate(
            of=f"{name} {turn.start:.1f}-{turn.end:.1f} s",
            file=recording,
            seconds=turn.end - turn.start,
            words=None,
            held_out=True,
            start=turn.start,
            end=turn.end,
        )
        for turn in heard.result.turns
        if SHORTEST <= turn.end - turn.start <= LONGEST
    ]


def _of_clips(studio: Studio, character: str, cards: Sequence[Card], *, kept: bool) -> Iterator[_Candidate]:
    """Good clips beyond the data set, as cut; `kept`: those in it."""
    learnt = {name for card in cards for name in card.learnt_from}
    certain = all(card.learnt_from for card in cards)
    for row in _rows(studio, character):
        wanted = row["verdict"] == "kept" if kept else row["reason"] == "enough"
        seconds = row["end"] - row["start"]
        if not wanted or not SHORTEST <= seconds <= LONGEST:
            continue
        held_out = not kept and certain and row["clip"].replace("/", "-") not in learnt
        key = f"{studio.home}/episodes/{row['clip'].replace('/', '/clips/')}.flac"
        if kept or held_out:
            yield _Candidate(
                of=row["clip"],
                file=Stored(key=key, sha256=""),
                seconds=seconds,
                words=row.get("text"),
                held_out=held_out,
            )


def _rows(studio: Studio, character: str) -> Iterator[dict[str, Any]]:
    key = f"{studio.home}/characters/{character}/manifest.jsonl"
    if studio.store.size(key) is not None:
        yield from map(json.loads, studio.store.read(key).splitlines())


def _id(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:10]
