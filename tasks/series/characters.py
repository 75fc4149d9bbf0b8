"""Characters as a series file says them: names, references, and the rights to their voices."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from tasks.series.fields import Strict

Use = Literal["train", "speak", "export"]
"""What rights may be for: learning a voice, speaking with it, handing its recordings on."""


class Document(Strict):
    """A paper that says so: `file` beside the series file (it need not be there), and what it is by its hash."""

    file: str = Field(min_length=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Rights(Strict):
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


class Character(Strict):
    """Somebody of the story whose voice is wanted. `aliases`: how else subtitles and cast lists name them."""

    name: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    rights: Rights | None = None

    @field_validator("references", "aliases", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value or ()
