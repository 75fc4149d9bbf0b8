"""Where the results of a run lie, as artifacts of its page in Prefect: addresses in the store."""

from __future__ import annotations

from typing import Any

from prefect.artifacts import create_link_artifact, create_table_artifact

from tasks.episodes.episodes import slug
from tasks.studio import Studio


def address_of(studio: Studio, key: str) -> str:
    return f"{studio.store.address}/{key}"


def link_result(studio: Studio, key: str, name: str, text: str, description: str) -> None:
    """A link to one file; `name`: of the artifact, of any letters."""
    create_link_artifact(address_of(studio, key), link_text=text, key=slug(name), description=description)


def table_results(rows: list[dict[str, Any]], name: str, description: str) -> None:
    create_table_artifact(rows, key=slug(name), description=description)
