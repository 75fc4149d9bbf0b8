"""voicecast from Python: speak a line, speak a script, dub an episode. What `from flows import ...` gives.

Functions of a few typed arguments and plain values back; the flows with all that can be told stand in `flows.lines`
and `flows.dubbing`. One line is said at once, scripts run as Prefect flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.slots import MachineSlots
from infra.stage import listener_of_run
from infra.store import Store
from tasks.opening import open_series, with_engines
from tasks.speech.dubbing import Dub
from tasks.speech.dubbing_plan import Unsaid
from tasks.speech.speaking import Line, in_form
from tasks.speech.speaking import speak as say

__all__ = ["DubbedEpisode", "Speech", "dub", "speak", "speak_script"]


@dataclass(frozen=True, kw_only=True)
class Speech:
    """A line as spoken: `key` of the marked WAV in the store, what is written beside it, and its marked bytes."""

    key: str
    about: dict[str, Any]
    data: bytes

    def save(self, path: str | Path) -> Path:
        path = Path(path)
        path.write_bytes(self.data)
        return path


@dataclass(frozen=True, kw_only=True)
class DubbedEpisode:
    """A dubbed episode in the store; `rows`: the slot-fit table, `anew`: lines that were said now and not found.

    `failed`: line of the script -> why it was not said.
    """

    store: Store
    video: str
    track: str
    rows: tuple[dict[str, Any], ...]
    about: dict[str, Any]
    anew: int
    failed: dict[int, str]

    def save(self, path: str | Path) -> Path:
        """Copy the video out of the store."""
        with self.store.using(self.video) as stored:
            Path(path).write_bytes(stored.read_bytes())
        return Path(path)


def speak(  # noqa: PLR0913
    character: str,
    text: str | None = None,
    *,
    audio: str | Path | None = None,
    pitch_shift: float | None = None,
    form: str = ".wav",
    config: str | Path | None = None,
    store: str | None = None,
    series: str | None = None,
) -> Speech:
    """Say a text, or what a recording says, in a character's voice; `form`: .wav, .flac or .mp3.

    RightsError, NoVoice and NothingToSay say what to do next; StageError what an engine or the machine lacks.
    """
    studio = with_engines(open_series(config, store, series=series), MachineSlots(), listener_of_run())
    line = Line(character=character, text=text, audio=Path(audio) if audio else None, pitch_shift=pitch_shift)
    spoken = say(studio, line)
    return Speech(key=spoken.key, about=spoken.about, data=in_form(studio, spoken, form))


def speak_script(
    script: str | Path,
    *,
    character: str | None = None,
    language: str | None = None,
    config: str | Path | None = None,
    store: str | None = None,
    series: str | None = None,
) -> list[Speech | None]:
    """Every line of a script, in its order; None for one that could not be said (the flow's log says why)."""
    from flows.lines import speak_script as flow

    done = flow(str(script), character, False, language, config=_text(config), store=store, series=series)
    kept = open_series(config, store, series=series).store
    return [
        Speech(key=each.spoken.key, about=each.spoken.about, data=kept.read(each.spoken.key)) if each.spoken else None
        for each in done.lines
    ]


def dub(  # noqa: PLR0913
    script: str | Path,
    episode: str,
    *,
    language: str | None = None,
    slowest: float = 0.85,
    fastest: float = 1.25,
    unsaid: Unsaid = "original",
    config: str | Path | None = None,
    store: str | None = None,
    series: str | None = None,
) -> DubbedEpisode:
    """Dub an episode by a script (docs/speaking.md)."""
    from flows.dubbing import dub_episode

    how = {"language": language, "slowest": slowest, "fastest": fastest, "unsaid": unsaid}
    made: Dub = dub_episode(str(script), episode, how, config=_text(config), store=store, series=series)
    return DubbedEpisode(
        store=open_series(config, store, series=series).store,
        video=made.video,
        track=made.track,
        rows=made.rows,
        about=made.about,
        anew=made.anew,
        failed=made.failed,
    )


def _text(config: str | Path | None) -> str | None:
    return str(config) if config else None
