"""The series file: what a person says about a series, checked, with the line that is wrong.

A value here is what was written plus defaults; nothing is looked up on disk.
"""

from __future__ import annotations

import datetime
import math
import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from containers.contract.stages import STAGES, WordReading
from infra.engines import UnknownEngine, engine_for, engines
from infra.runners import NAMES
from tasks.clips.verdicts import PRESETS, Preset, Thresholds
from tasks.domain import NOBODY
from tasks.speech.words import KINDS, Word, WordOrFile, checked

SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG)]
"""A name that is safe in keys, file names and commands: a-z, 0-9, _ and -."""


THRESHOLDS = tuple(each.name for each in fields(Thresholds) if each.name not in ("min_seconds", "max_seconds"))
"""Thresholds a series file may set by name; lengths are `targets: clip_seconds`."""


class SeriesError(ValueError):
    """The series file cannot be used; the message names the file, the line and the way out."""


class _Wrong(ValueError):
    """A rule over several fields that is broken; `path` leads to the field to change."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


class _Loader(yaml.SafeLoader):
    """YAML without dates: they stay text, and are checked with all other fields."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


JAPANESE = ("ja", "jpn")

Use = Literal["train", "speak", "export"]
"""What rights may be for: learning a voice, speaking with it, handing its recordings on."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Document(_Strict):
    """A paper that says so: `file` beside the series file (it need not be there), and what it is by its hash."""

    file: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Rights(_Strict):
    """Why this voice may be learned and used: a licence, consent or ownership, by whom and when.

    `scope`: for what (None: for all of it). `expires`: the last day on which it may be used.
    """

    basis: str = Field(min_length=3)
    by: str = Field(min_length=1)
    date: datetime.date
    scope: tuple[Use, ...] | None = None
    expires: datetime.date | None = None
    document: Document | None = None

    @field_validator("scope", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Character(_Strict):
    """Somebody of the story whose voice is wanted. `aliases`: how else subtitles and cast lists name them."""

    name: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    rights: Rights | None = None

    @field_validator("references", "aliases", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value or ()


class Targets(_Strict):
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
            raise _Wrong("needs 0.3 <= shortest < longest <= 30, such as [1, 15]", "clip_seconds")
        return self


class CastSize(_Strict):
    """How many people speak in an episode, as far as it is known."""

    exactly: int | None = Field(default=None, ge=1, le=100)
    at_least: int | None = Field(default=None, ge=1, le=100)
    at_most: int | None = Field(default=None, ge=1, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> CastSize:
        if self.at_least and self.at_most and self.at_least > self.at_most:
            raise _Wrong("is above at_most", "at_least")
        return self


class Questions(_Strict):
    """Who is worth a question: whose speech, times the chance that it is the character's, is `min_seconds`, and
    `min_share` of what the character has by then. While somebody is looked for whom no reference tells, at most
    `at_once`, the longest, are asked about: the next are easier to tell by their answers."""

    min_seconds: float = Field(default=5, ge=0)
    min_share: float = Field(default=0.05, ge=0, le=1)
    at_once: int = Field(default=12, ge=1)


class Quality(_Strict):
    """What a clip must be to be kept: a preset, and single thresholds in its place (`quality: balanced` for short)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    preset: Preset = "balanced"

    @model_validator(mode="after")
    def _known(self) -> Quality:
        for name, value in (self.model_extra or {}).items():
            if name not in THRESHOLDS:
                raise _Wrong(f"is no threshold; there are {', '.join(THRESHOLDS)}", name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
                raise _Wrong(f"must be a number, not {value!r}", name)
        return self

    @property
    def overrides(self) -> dict[str, float]:
        return {name: float(value) for name, value in (self.model_extra or {}).items()}

    def thresholds(self, clip_seconds: tuple[float, float]) -> Thresholds:
        shortest, longest = clip_seconds
        return replace(PRESETS[self.preset], min_seconds=shortest, max_seconds=longest, **self.overrides)


class Separate(_Strict):
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


class Keep(_Strict):
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


class Dereverb(_Strict):
    """The engine that takes the reverberation off kept clips, and its options; those of stage separate do not count."""

    engine: str
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _able(self) -> Dereverb:
        able = [each.name for each in engines().values() if each.dereverbs]
        if self.engine not in able:
            raise _Wrong(f"cannot be {self.engine!r}: engines that can are {', '.join(able)}", "engine")
        for name in engines()[self.engine].weights:
            if not self.options.get(name):
                raise _Wrong(f"must give `{name}`: weights that take reverberation off", "options")
        return self


class Series(_Strict):
    """A series file. Paths are relative to the file. `disk_budget_gb`: 10^9 bytes that the store may hold."""

    series: Slug
    title: str | None = None
    episodes: tuple[str, ...] = Field(min_length=1)
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    characters: dict[Slug, Character] = Field(min_length=1)
    engines: dict[str, str] = {}
    options: dict[str, dict[str, Any]] = {}
    runners: dict[str, str] = {}
    cast_size: CastSize = CastSize()
    targets: Targets = Targets()
    casts: dict[str, tuple[str, ...]] | str = {}
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
            raise _Wrong("is the label of people who are no character; choose another name", NOBODY)
        return value

    @model_validator(mode="after")
    def _readable(self) -> Series:
        for index, each in enumerate(self.dictionary):
            if isinstance(each, Word):
                given = WordReading(word=each.surface, reading=each.reading, accent=each.accent)
                try:
                    checked(given, japanese=self.japanese)
                except ValueError as error:
                    raise _Wrong(f"cannot be said: {error}", "dictionary", str(index), "reading") from error
        return self

    @model_validator(mode="after")
    def _known_engines(self) -> Series:
        for stage, engine in self.engines.items():
            if stage not in STAGES:
                raise _Wrong(f"is no stage; stages are {', '.join(STAGES)}", "engines", stage)
            try:
                engine_for(engine, stage)
            except UnknownEngine as error:
                raise _Wrong(f"cannot be {engine!r}: {error}", "engines", stage) from error
        for field, said in (("options", self.options), ("runners", self.runners)):
            for engine in said:
                if engine not in engines():
                    raise _Wrong(f"is no engine; engines are {', '.join(engines())}", field, engine)
        for engine, runner in self.runners.items():
            if runner not in NAMES:
                raise _Wrong(f"cannot run by {runner!r}; runners are {', '.join(NAMES)}", "runners", engine)
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


def read_series(path: Path) -> Series:
    """The series of a file; SeriesError names the line and the fix."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        folder = shlex.quote(str(path.parent))
        raise SeriesError(
            f"{path} is not there; name yours with --config FILE (or VOICECAST_CONFIG), "
            f"or write one with: voicecast init {folder}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SeriesError(f"{path} cannot be read as UTF-8 text: {error}") from error
    try:
        data = yaml.load(text, Loader=_Loader)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        said = str(getattr(error, "problem", error))
        hint = "; YAML is indented by spaces, and never by tabs" if r"'\t'" in said else ""
        raise SeriesError(f"{path}: {line}this is not YAML ({said}){hint}") from error
    if not isinstance(data, dict):
        raise SeriesError(f"{path} must hold fields such as `series:` and `episodes:`; see voicecast init")
    try:
        if "folder" in data:  # a field of the value, but none of the file
            data = {**data, "folder:": data["folder"]}
        return Series.model_validate({**data, "folder": path.parent.resolve()})
    except ValidationError as error:
        found = [_complaint(each, node, text) for each in error.errors()]
        raise SeriesError(f"{path} has {len(found)} mistake(s):\n" + "\n".join(found)) from error


def _complaint(error: Any, node: yaml.Node | None, text: str) -> str:
    wrong = error.get("ctx", {}).get("error")
    path = [str(part).rstrip(":") for part in error["loc"] if part not in ("[key]", *KINDS)]
    path += wrong.path if isinstance(wrong, _Wrong) else ()
    line = _line_of(node, path)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = f"is no field here (a typing mistake? fields are: {', '.join(_fields_beside(path))})"
    elif error["type"].startswith("date"):
        message = f"{message.removeprefix('Input ')}; write it as 2026-11-22"
    elif error["type"] == "missing":
        message = "is missing; add it"
    elif error["type"] == "string_pattern_mismatch" and path[:1] in (["series"], ["characters"]):
        message = "may hold only a-z, 0-9, _ and - (the name people see goes into `name:` or `title:`)"
    elif error["type"] == "string_pattern_mismatch" and path == ["language"]:
        message = "must be two or three small letters (ISO 639), such as ja or en"
    elif error["type"] in ("model_type", "dict_type", "dataclass_type") and path[-1:] == ["rights"]:
        message = 'must say whose word it is: {basis: "licence from ...", by: "who granted it", date: 2026-11-22}'
    shown = text.splitlines()[line - 1].strip() if 0 < line <= len(text.splitlines()) else ""
    return f"  line {line}: {'.'.join(path) or 'the file'} {message}" + (f"   [{shown}]" if shown else "")


def _fields_beside(path: list[str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "targets": Targets,
        "cast_size": CastSize,
        "rights": Rights,
        "document": Document,
        "questions": Questions,
        "quality": Quality,
        "dereverb": Dereverb,
        "separate": Separate,
        "keep": Keep,
    }
    if len(path) == 1:
        return [name for name in Series.model_fields if name != "folder"]
    if path[0] == "characters" and len(path) == 3:
        return list(Character.model_fields)
    if path[0] == "dictionary":
        return list(Word.model_fields)
    return list(models.get(path[-2], Series).model_fields)


def _line_of(node: yaml.Node | None, path: list[str]) -> int:
    """The line (from 1) of a field, or of the nearest one above it that is there."""
    line = node.start_mark.line + 1 if node else 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line
