"""A line in a character's voice, as a flow (the command line says single lines without Prefect)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.hooks import sweep_engines
from infra.stage import listener_of_run
from tasks.opening import open_series, with_engines
from tasks.slots import slots_of_run
from tasks.speaking import Line, Spoken, speak
from tasks.studio import Studio


@task(name="speak", task_run_name="speak as {line.character}", cache_policy=NO_CACHE, persist_result=False)
def speak_line(studio: Studio, line: Line) -> Spoken:
    """Synthesize if there is a text, then convert."""
    return speak(studio, line)


@flow(
    name="speak",
    flow_run_name="speak as {character}",
    on_cancellation=[sweep_engines],
    on_crashed=[sweep_engines],
    persist_result=False,
)
def speak_as(
    character: str,
    text: str | None = None,
    audio: str | None = None,
    pitch_shift: float | None = None,
    config: str | None = None,
    store: str | None = None,
    series: str | None = None,
) -> dict[str, Any]:
    """The key of the spoken line in the store, and what it is."""
    studio = with_engines(open_series(config, store, series=series), slots_of_run(), listener_of_run())
    line = Line(character=character, text=text, audio=Path(audio) if audio else None, pitch_shift=pitch_shift)
    spoken = speak_line(studio, line)
    return {"key": spoken.key, **spoken.about}
