"""Whether there is a Prefect server that people look at, or only a command's temporary one."""

from __future__ import annotations

from prefect.settings import PREFECT_API_URL

TEMPORARY: set[str] = set()
"""Addresses of temporary servers of this process (flows.temporary_server)."""


def server_set_up() -> bool:
    """Whether runs go to a Prefect server of the user's."""
    address = PREFECT_API_URL.value()
    return bool(address) and address not in TEMPORARY
