"""What a deployment is told: forms of Prefect's page, and payloads of events. Values only; nothing is opened here."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.engines import engines
from tasks.speech.scripts_from import name_of

AS_SAID: Final = "as the series file says"
ASKABLE = ("separate", "diarize", "embed", "train", "synthesize")
"""Stages whose engine a person may want to choose for a run; the others have one engine that matters."""


def _choice(stage: str) -> Any:
    players = [name for name, engine in engines().items() if stage in engine.stages]
    return Field(AS_SAID, title=f"Engine of {stage}", json_schema_extra={"enum": [AS_SAID, *players]})


def _needed_first(schema: dict[str, Any]) -> None:
    """What a form must be told stands at its top, engines at its end; `position` is Prefect's, for databases that keep
    no order."""
    needed, fields = schema.get("required", ()), schema["properties"]
    names = sorted(fields, key=lambda name: (name not in needed, name == "engines"))
    schema["properties"] = {name: {**fields[name], "position": at} for at, name in enumerate(names)}


class Place(BaseModel):
    """Which series, and where its results are; empty: as the worker's VOICECAST_CONFIG and VOICECAST_STORE say."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_needed_first)

    config: str = Field("", title="Series file", description="Path of series.yaml, as the worker sees it")
    store: str = Field("", title="Store", description="Folder or s3://bucket/prefix of results")


class Engines(BaseModel):
    """Engines for this run, in place of those of the series file."""

    model_config = ConfigDict(extra="forbid")

    separate: str = _choice("separate")
    diarize: str = _choice("diarize")
    embed: str = _choice("embed")
    train: str = _choice("train")
    synthesize: str = _choice("synthesize")
    runner: Literal["as the series file says", "process", "docker", "kubernetes"] = Field(
        AS_SAID,
        title="Where engines run",
        description="process: beside the flow; docker: in containers of the worker's machine; kubernetes: Jobs",
    )

    @property
    def chosen(self) -> dict[str, str]:
        """Stage -> engine, where one was chosen."""
        said = {stage: str(getattr(self, stage)) for stage in ASKABLE}
        return {stage: engine for stage, engine in said.items() if engine != AS_SAID}

    @property
    def runners(self) -> dict[str, str]:
        """Engine -> runner, where one was chosen."""
        return {} if self.runner == AS_SAID else dict.fromkeys(engines(), self.runner)


class WithEngines(Place):
    """A place, and which engines."""

    engines: Engines = Field(Engines(), title="Engines")

    @property
    def told(self) -> dict[str, Any]:
        """The same in the words of the flows."""
        return {
            "config": self.config or None,
            "store": self.store or None,
            "engines": self.engines.chosen,
            "runners": self.engines.runners,
        }


class Season(WithEngines):
    """A whole season: episodes in, voices out."""

    labels: Literal["as the series file says", "ask", "auto"] = Field(
        AS_SAID,
        title="Who says who is who",
        description="ask: the run waits, on its page, for people; auto: references decide, the rest is left out",
    )

    @property
    def policy(self) -> str | None:
        return None if self.labels == AS_SAID else self.labels


class Preparation(WithEngines):
    """Episodes to suggestions."""

    only: list[str] = Field([], title="Episodes", description="Keys such as s01e01; empty: all")
    sample: int = Field(0, ge=0, title="Sample", description="So many episodes, spread over the series; 0: all")


class Training(WithEngines):
    """Data sets to voices."""

    characters: list[str] = Field([], title="Characters", description="Ids such as endou_mamoru; empty: all")
    go_on: bool = Field(False, title="Go on from the current voices", description="Else they are trained anew")


class Line(Place):
    """A line in a character's voice."""

    character: str = Field(title="Character", description="Id, such as endou_mamoru", min_length=1)
    text: str = Field("", title="Text", description="What is said; or a recording")
    audio: str = Field("", title="Recording", description="Path of speech to convert, as the worker sees it")
    series: str = Field("", title="Series", description="Id of a series the store knows, in place of a series file")
    pitch_shift: float = Field(0, ge=-24, le=24, title="Pitch shift", description="Semitones; 0: as the voice is")


class OfScript(WithEngines):
    """A script and how its lines are said."""

    script: str = Field(
        title="Script",
        min_length=1,
        description="A .csv, .srt or .ass file: its path as the worker sees it, or s3://bucket/lines.csv; or, pasted "
        "here, what is in the file, its first row with it",
    )
    character: str = Field("", title="Character", description="Who says lines that name nobody")
    language: str = Field("", title="Language", description="Of the texts, such as en; empty: the series'")
    slowest: float = Field(0.85, ge=0.5, le=1, title="Slowest", description="Pace of a line, 1 being its own")
    fastest: float = Field(
        1.25, ge=1, le=2, title="Fastest", description="Words are never cut: what does not fit is listed"
    )
    series: str = Field("", title="Series", description="Id of a series the store knows, in place of a series file")

    @property
    def shown(self) -> str:
        return name_of(self.script)


class Lines(OfScript):
    """The lines of a script, each by itself."""

    joined: bool = Field(False, title="All of them in one file too")


class Dubbing(OfScript):
    """An episode in new words."""

    episode: str = Field(title="Episode", min_length=1, description="Key, such as s01e01")
    unsaid: Literal["original", "background"] = Field(
        "original", title="Dialogue that no line replaces", description="is heard, or only what is behind it"
    )
    name: str = Field("", title="Name of this dub", description="Empty: the script's name")
    default: bool = Field(False, title="Players choose the new track")


class Arrival(Season):
    """An episode that has arrived: the payload of the event `episode.arrived`."""

    file: str = Field(
        title="Episode", min_length=1, description="Path or s3:// address, one of those that `episodes:` matches"
    )


class Upkeep(BaseModel):
    """What maintenance looks after."""

    model_config = ConfigDict(extra="forbid")

    store: str = Field("", title="Store", description="Folder or s3://bucket/prefix; empty: VOICECAST_STORE")
    work_days: float = Field(14, ge=1, title="Days", description="Work of items that nobody touched for so long goes")
    nights: int = Field(
        30, ge=0, title="Nights", description="Every file is read for damage once in so many nights; 0: none is"
    )
