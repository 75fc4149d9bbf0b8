"""The port for inaudible watermarks: a plug-in that voicecast finds by its entry point. None comes with voicecast.

A package offers one under the group `voicecast.watermarks`; VOICECAST_WATERMARK names the one to use. What is asked
of it is `Watermark`. Without one no watermark is put in, and every manifest says so: "watermark": "off".
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol, cast

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


def watermark() -> Watermark | None:
    """The chosen plug-in, None where none is chosen; SettingsError if it is not installed or does not load."""
    chosen = settings().watermark
    if chosen == OFF:
        return None
    found = {each.name: each for each in entry_points(group=GROUP)}
    if chosen not in found:
        there = ", ".join(sorted(found)) or "none"
        raise SettingsError(f"VOICECAST_WATERMARK: {chosen} is not installed; installed are: {there}; or say off")
    try:
        loaded = found[chosen].load()
        return cast(Watermark, loaded() if isinstance(loaded, type) else loaded)
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        raise SettingsError(f"VOICECAST_WATERMARK: {chosen} does not load: {error}") from error
