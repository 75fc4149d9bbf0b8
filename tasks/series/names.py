"""What people call the characters of a series: ids, names and aliases."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from tasks.series.characters import Character


def ids_by_name(characters: Mapping[str, Character]) -> dict[str, str]:
    """Every name that people write for a character, folded -> its id."""
    found: dict[str, str] = {}
    for slug, about in characters.items():
        for name in (*about.aliases, about.name, slug):
            found[folded(name)] = slug
    return found


def folded(name: str) -> str:
    """A name as it is compared: width and case do not count."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
