"""A word and how it is read, as people write it into the dictionary of a series."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from containers.contract.readings import accent_of
from containers.contract.stages import WordReading


class Word(BaseModel):
    """`surface` as texts write it, `reading` in kana (other languages: respelled), `accent` the mora after which the
    pitch falls, 0 for none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    surface: str = Field(min_length=1)
    reading: str = Field(min_length=1)
    accent: int | None = Field(default=None, ge=0)


def _kind(value: Any) -> str:
    return "(file)" if isinstance(value, str) else "(word)"


KINDS = ("(file)", "(word)")
"""What pydantic calls the two in the place of an error."""
WordOrFile = Annotated[Annotated[Word, Tag("(word)")] | Annotated[str, Tag("(file)")], Discriminator(_kind)]
"""A word, or the name of a CSV file of them."""


def checked(given: WordReading, *, japanese: bool) -> WordReading:
    """The same; ValueError for a reading that cannot be said."""
    if japanese:
        accent_of(given)
    elif given.accent is not None:
        raise ValueError(f"{given.word}: an accent is for Japanese; respell the word instead")
    return given
