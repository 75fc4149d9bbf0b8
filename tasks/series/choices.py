"""What a series file may choose, each with its default: what is separated, kept and asked, and what a clip must be."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from infra.engines import engines
from tasks.clips.verdicts import PRESETS, Preset, Thresholds
from tasks.series.fields import Strict, Wrong

THRESHOLDS = tuple(each.name for each in fields(Thresholds) if each.name not in ("min_seconds", "max_seconds"))
"""Thresholds a series file may set by name; lengths are `targets: clip_seconds`."""


class Targets(Strict):
    """How much of a voice is wanted, and how clips are cut; seconds and minutes.

    `min_minutes`: with less a character is not trained; None: what the engine that trains asks for.
    """

    minutes: float = Field(default=25, gt=0)
    min_minutes: float | None = Field(default=None, ge=0)
    clip_seconds: tuple[float, float] = (1.0, 15.0)

    @model_validator(mode="after")
    def _in_order(self) -> Targets:
        shortest, longest = self.clip_seconds
        if not 0.3 <= shortest < longest <= 30:
            raise Wrong("needs 0.3 <= shortest < longest <= 30, such as [1, 15]", "clip_seconds")
        return self


class CastSize(Strict):
    """How many people speak in an episode, as far as it is known."""

    exactly: int | None = Field(default=None, ge=1, le=100)
    at_least: int | None = Field(default=None, ge=1, le=100)
    at_most: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> CastSize:
        if self.at_least and self.at_most and self.at_least > self.at_most:
            raise Wrong("is above at_most", "at_least")
        return self


class Questions(Strict):
    """Who is worth a question: whose speech, times the chance that it is the character's, is `min_seconds`, and
    `min_share` of what the character has by then. While somebody is looked for whom no reference tells, at most
    `at_once`, the longest, are asked about: the next are easier to tell by their answers."""

    min_seconds: float = Field(default=5, ge=0)
    min_share: float = Field(default=0.05, ge=0, le=1)
    at_once: int = Field(default=12, ge=1)


class Quality(Strict):
    """What a clip must be to be kept: a preset, and single thresholds in its place (`quality: balanced` for short)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    preset: Preset = "balanced"

    @model_validator(mode="after")
    def _known(self) -> Quality:
        for name, value in (self.model_extra or {}).items():
            if name not in THRESHOLDS:
                raise Wrong(f"is no threshold; there are {', '.join(THRESHOLDS)}", name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
                raise Wrong(f"must be a number, not {value!r}", name)
        return self

    @property
    def overrides(self) -> dict[str, float]:
        return {name: float(value) for name, value in (self.model_extra or {}).items()}

    def thresholds(self, clip_seconds: tuple[float, float]) -> Thresholds:
        shortest, longest = clip_seconds
        return replace(PRESETS[self.preset], min_seconds=shortest, max_seconds=longest, **self.overrides)


class Separate(Strict):
    """What of an episode is separated: all of it, or `only` where somebody may speak; and `recurring` sounds, such as
    the opening, in every episode or once."""

    only: Literal["speech"] | None = None
    recurring: Literal["once"] | None = None

    @property
    def some(self) -> bool:
        """Whether something is left out."""
        return self.only is not None or self.recurring is not None


KEEP: dict[str, dict[str, bool]] = {
    "all": {"recordings": True, "vocals": True, "background": True, "previews": True},
    "reusable": {"recordings": False, "vocals": False, "background": True, "previews": True},
    "least": {"recordings": False, "vocals": False, "background": False, "previews": False},
}
"""What each preset keeps."""


class Keep(Strict):
    """What stays in the store of an episode that is prepared: a preset, and single kinds in its place (`keep: least`
    for short). What goes is made again from the video where something needs it."""

    preset: Literal["all", "reusable", "least"] = "all"
    recordings: bool | None = None
    vocals: bool | None = None
    background: bool | None = None
    previews: bool | None = None

    def keeps(self, kind: str) -> bool:
        """Whether a kind of file stays; those that are no field here always do."""
        said: bool | None = getattr(self, kind, None)
        return KEEP[self.preset].get(kind, True) if said is None else said

    @property
    def goes(self) -> tuple[str, ...]:
        """The kinds that do not stay."""
        return tuple(kind for kind in KEEP["all"] if not self.keeps(kind))


class Dereverb(Strict):
    """The engine that takes the reverberation off kept clips, and its options; those of stage separate do not count."""

    engine: str
    options: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _able(self) -> Dereverb:
        able = [each.name for each in engines().values() if each.dereverbs]
        if self.engine not in able:
            raise Wrong(f"cannot be {self.engine!r}: engines that can are {', '.join(able)}", "engine")
        for name in engines()[self.engine].weights:
            if not self.options.get(name):
                raise Wrong(f"must give `{name}`: weights that take reverberation off", "options")
        return self
