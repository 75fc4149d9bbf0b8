"""Scripts: what stub hears in a file.

A scripted file is a JSON text, {"stub": {...}}, in the place of a video, an episode or a
reference; the files that stub makes of it carry the script on. In any other
file stub hears what it makes up from the file's hash, always the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from containers.contract.codec import canonical, decode, write_atomically
from containers.contract.errors import BY_KIND, RecordingError
from containers.contract.item import Item
from containers.contract.stages import Turn

_PEOPLE = tuple(f"voice {number}" for number in range(1, 7))
"""Who speaks in files without a script, so that the same people turn up in several episodes."""


@dataclass(frozen=True, kw_only=True)
class Music:
    """A piece that sounds from `start` to `end`; the same name is the same sound in every episode, and
    `sung`: has the same voice in every episode."""

    start: float
    end: float
    name: str
    sung: bool = False


@dataclass(frozen=True, kw_only=True)
class Script:
    """Every field may be left out; README.md says what each one does."""

    title: str = ""
    duration: float | None = None
    person: str | None = None
    cast: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    music: tuple[Music, ...] = ()
    language: str = "ja"
    other_languages: tuple[str, ...] = ()
    subtitles: bool = False
    measurements: dict[str, dict[str, float | None]] = dataclasses.field(default_factory=dict)
    fail: Literal["recording", "machine", "request"] | None = None
    stage: str | None = None
    die: str | None = None
    times: int | None = None
    sleep_s: float = 0.0
    say: str = ""
    vocals: bool = False


def number(*words: object) -> float:
    """A number from 0 to 1, always the same for the same words."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:6], "big") / 2**48


def script_in(path: Path) -> Script | None:
    """The script of a scripted file; None for any other file."""
    with open(path, "rb") as stream:
        if not stream.read(64).lstrip().startswith(b'{"stub"'):
            return None
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise RecordingError(f"{path.name} begins like a script but is cut off or broken: {error}") from error
    return decode(Script, data["stub"], "stub")


def parse(text: str) -> Script:
    """The script that `written` made this text of."""
    return decode(Script, json.loads(text), "stub")


def written(script: Script) -> str:
    """The script as JSON."""
    return canonical(script).strip()


def performed(script: Script, seed: str, duration: float | None = None) -> Script:
    """The script with nothing left open: duration, and who speaks when."""
    length = duration or script.duration or _length(script, seed)
    turns = script.turns
    if not turns and script.person:
        turns = (Turn(start=0.0, end=length, speaker=script.person),)
    elif not turns and script.cast:
        turns = _dialogue(script.cast, length, seed)
    return dataclasses.replace(script, duration=length, turns=turns)


def made_up(seed: str, duration: float | None = None) -> Script:
    """What stub hears in a file without a script: half of the people, in an order of their own."""
    cast = sorted(_PEOPLE, key=lambda person: number(seed, person))[: len(_PEOPLE) // 2]
    return performed(Script(cast=tuple(cast)), seed, duration)


def _length(script: Script, seed: str) -> float:
    if script.turns:
        return max(turn.end for turn in script.turns) + 1.0
    return round(4 + 8 * number(seed, "seconds"), 1) if script.person else round(20 + 40 * number(seed, "seconds"), 1)


def _dialogue(cast: tuple[str, ...], duration: float, seed: str) -> tuple[Turn, ...]:
    """Turns of 1.5 to 6 s with pauses of 0.4 to 1.6 s; everyone has spoken before anyone is drawn by lot."""
    turns: list[Turn] = []
    now = round(0.2 + 0.3 * number(seed, "first"), 3)
    while (end := round(now + 1.5 + 4.5 * number(seed, now, "long"), 3)) < duration:
        count = len(turns)
        who = count if count < len(cast) else int(number(seed, now, "who") * len(cast))
        turns.append(Turn(start=now, end=end, speaker=cast[who]))
        now = round(end + 0.4 + 1.2 * number(seed, now, "pause"), 3)
    return tuple(turns)


def speech_in(script: Script, start: float, end: float) -> dict[str, float]:
    """Seconds that each person speaks between two times."""
    seconds: dict[str, float] = {}
    for turn in script.turns:
        if turn.start < end and turn.end > start:
            shared = min(end, turn.end) - max(start, turn.start)
            seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + shared
    return seconds


def speaker_in(script: Script, start: float, end: float) -> str | None:
    """Who speaks longest between two times; None where nobody does."""
    seconds = speech_in(script, start, end)
    return max(seconds, key=lambda person: seconds[person]) if seconds else None


def act(stage: str, item: Item, scripts: tuple[Script, ...], sleep_s: float = 0.0) -> None:
    """Do what the scripts of an item's inputs say of failing, dying and taking time."""
    attempt = _attempt(item)
    item.progress(0.0)
    for script in scripts:
        if script.say:
            print(f"{stage}: {script.say}", flush=True)
        if script.die == stage and attempt <= (1 if script.times is None else script.times):
            os.kill(os.getpid(), signal.SIGKILL)
        if script.fail and script.stage in (None, stage) and (script.times is None or attempt <= script.times):
            raise BY_KIND[script.fail](f"the script of {script.title or 'this file'} says that {stage} fails here")
    seconds = sleep_s + max((script.sleep_s for script in scripts), default=0.0)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        item.progress(1 - left / seconds)
        time.sleep(min(left, 0.05))


def _attempt(item: Item) -> int:
    """The how-manieth attempt at this request this is; the memory lies in the item's state."""
    memory = item.state / "attempts"
    attempt = (int(memory.read_text("ascii")) if memory.exists() else 0) + 1
    write_atomically(memory, str(attempt))  # a full disk must not leave half a memory behind
    return attempt
