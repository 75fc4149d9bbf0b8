"""demo: the main job on a small series that the program makes itself."""

from __future__ import annotations

import typer


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """placeholder"""
