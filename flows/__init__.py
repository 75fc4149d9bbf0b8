"""Order: what happens after what. Prefect flows, and the command line.

From Python: `from flows import speak, speak_script, dub` (flows.api; loaded when first asked for).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.prefect_home import prefect_home

if TYPE_CHECKING:
    from flows.api import DubbedEpisode, Speech, dub, speak, speak_script

__all__ = ["DubbedEpisode", "Speech", "dub", "speak", "speak_script"]

DEFAULTS = {
    # An ephemeral server needs up to half a minute on a busy machine; Prefect's own limit is 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    # Nobody is told that voicecast is used: not by the server, nor by Prefect's client, which has a word of its own.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # By its silence a server sees that a run's process was killed (flows.automations).
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
"""Prefect's settings that suit us, where the user's environment says nothing; set before Prefect is imported."""

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)
if home := prefect_home(os.environ, Path(tempfile.gettempdir())):
    os.environ["PREFECT_HOME"] = str(home)


def __getattr__(name: str) -> Any:
    if name in __all__:
        from flows import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
