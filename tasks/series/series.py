"""A series: characters and choices together, and the rules that hold between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from containers.contract.stages import STAGES, WordReading
from infra.engines import UnknownEngine, engine_for, engines
from infra.runners import NAMES
from tasks.domain import NOBODY
from tasks.series.characters import Character
from tasks.series.choices import CastSize, Dereverb, Keep, Quality, Questions, Separate, Targets
from tasks.series.fields import Slug, Strict, Wrong
from tasks.speech.words import Word, WordOrFile, checked

JAPANESE = ("ja", "jpn")
"""The `language` of a series in Japanese, by ISO 639-1 or 639-2."""


class Series(Strict):
    """A series file. Paths are relative to the file. `disk_budget_gb`: 10^9 bytes that the store may hold."""

    series: Slug
    title: str | None = None
    episodes: tuple[str, ...] = Field(min_length=1)
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    characters: dict[Slug, Character] = Field(min_length=1)
    engines: dict[str, str] = Field(default={})
    options: dict[str, dict[str, Any]] = Field(default={})
    runners: dict[str, str] = Field(default={})
    cast_size: CastSize = CastSize()
    targets: Targets = Targets()
    casts: dict[str, tuple[str, ...]] | str = Field(default={})
    dictionary: tuple[WordOrFile, ...] = ()
    questions: Questions = Questions()
    quality: Quality = Quality()
    separate: Separate = Separate()
    keep: Keep = Keep()
    disk_budget_gb: float | None = Field(default=None, gt=0)
    denoise: Literal["auto", "never", "always"] = "auto"
    dereverb: Dereverb | None = None
    labels: Literal["ask", "auto"] = "ask"
    folder: Path = Field(default=Path(), exclude=True)

    @field_validator("episodes", "dictionary", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("quality", "keep", mode="before")
    @classmethod
    def _preset_alone(cls, value: Any) -> Any:
        return {"preset": value} if isinstance(value, str) else value

    @field_validator("characters")
    @classmethod
    def _nobody_is_nobody(cls, value: dict[str, Character]) -> dict[str, Character]:
        if NOBODY in value:
            raise Wrong("is the label of people who are no character; choose another name", NOBODY)
        return value

    @model_validator(mode="after")
    def _readable(self) -> Series:
        for index, each in enumerate(self.dictionary):
            if isinstance(each, Word):
                given = WordReading(word=each.surface, reading=each.reading, accent=each.accent)
                try:
                    checked(given, japanese=self.japanese)
                except ValueError as error:
                    raise Wrong(f"cannot be said: {error}", "dictionary", str(index), "reading") from error
        return self

    @model_validator(mode="after")
    def _known_engines(self) -> Series:
        for stage, engine in self.engines.items():
            if stage not in STAGES:
                raise Wrong(f"is no stage; stages are {', '.join(STAGES)}", "engines", stage)
            try:
                engine_for(engine, stage)
            except UnknownEngine as error:
                raise Wrong(f"cannot be {engine!r}: {error}", "engines", stage) from error
        for field, said in (("options", self.options), ("runners", self.runners)):
            for engine in said:
                if engine not in engines():
                    raise Wrong(f"is no engine; engines are {', '.join(engines())}", field, engine)
        for engine, runner in self.runners.items():
            if runner not in NAMES:
                raise Wrong(f"cannot run by {runner!r}; runners are {', '.join(NAMES)}", "runners", engine)
        return self

    def engine(self, stage: str) -> str:
        """The engine chosen for a stage; light unless the file says otherwise."""
        return self.engines.get(stage, "light")

    @property
    def japanese(self) -> bool:
        return self.language in JAPANESE

    @property
    def min_minutes(self) -> float:
        """Speech that a character needs to be trained."""
        said = self.targets.min_minutes
        return engine_for(self.engine("train"), "train").min_minutes if said is None else said
