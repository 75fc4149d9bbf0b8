"""What all fields of a series file stand on: none that nobody knows, and errors that lead to the field to change."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG)]
"""A name that is safe in keys, file names and commands: a-z, 0-9, _ and -."""


class SeriesError(ValueError):
    """The series file cannot be used; the message names the file, the line and the way out."""


class Wrong(ValueError):
    """A rule over several fields that is broken; `path` leads to the field to change."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


class Strict(BaseModel):
    """A value of a series file: fields that it does not know are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
