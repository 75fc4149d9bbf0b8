"""Who puts inaudible watermarks in: an engine that plays `watermark`, or a plug-in found by its entry point.

VOICECAST_WATERMARK names the one to use. A package offers a plug-in under the group `voicecast.watermarks`; what is
asked of it is `Watermark`. With neither no watermark is put in, and every manifest says so: "watermark": "off".
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol, cast

from infra.engines import Engine, engines
from infra.settings import SettingsError, settings

GROUP = "voicecast.watermarks"
OFF = "off"


class Watermark(Protocol):
    """Puts a mark into sound and finds it again. An entry point gives the object, or a class without arguments."""

    name: str
    """What manifests call it, with a version: audioseal 0.2."""

    def embed(self, wav: bytes) -> bytes:
        """The WAV with the mark in its samples: same rate, channels and number of samples."""

    def detect(self, sound: bytes) -> float | None:
        """How sure it is (0 to 1) that a sound file holds its mark; None for a file it cannot read."""


def watermark_engine() -> Engine | None:
    """The chosen engine; None where none, or a plug-in, is chosen."""
    found = engines().get(settings().watermark)
    return found if found and "watermark" in found.stages else None


def watermark_plug_in() -> Watermark | None:
    """The chosen plug-in; None where none, or an engine, is chosen; SettingsError if it is not installed or does not
    load."""
    chosen = settings().watermark
    if chosen == OFF or watermark_engine():
        return None
    found = {each.name: each for each in entry_points(group=GROUP)}
    if chosen not in found:
        there = ", ".join([*sorted(found), *(each.name for each in engines().values() if "watermark" in each.stages)])
        raise SettingsError(f"VOICECAST_WATERMARK: {chosen} is not installed; there are: {there}; or say off")
    try:
        loaded = found[chosen].load()
        return cast(Watermark, loaded() if isinstance(loaded, type) else loaded)
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise SettingsError(f"VOICECAST_WATERMARK: {chosen} does not load: {error}") from error
