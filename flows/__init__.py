"""Order: what happens after what. Prefect flows, and the command line."""

import os

DEFAULTS = {
    # An ephemeral server needs up to half a minute on a busy machine; Prefect's own limit is 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    # By its silence a server sees that a run's process was killed (flows.automations).
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
"""Prefect's settings that suit us, where the user's environment says nothing; set before Prefect is imported."""

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)
