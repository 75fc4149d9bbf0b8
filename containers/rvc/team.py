"""Processes that train one voice together, a GPU each: torch.distributed, with gradients averaged by DDP.

All of them stand on one machine, and each step's batch is shared out among them, so that a team comes to what one
process would, but for the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, nn

_PATIENCE = timedelta(minutes=30)
"""How long the others wait, such as for the first to judge a save."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """This process's number among `size`; 0 leads: it judges, writes and speaks."""

    rank: int = 0
    size: int = 1

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network with gradients that are the team's mean."""
        if self.size == 1:
            return network
        on = next(network.parameters()).device
        return nn.parallel.DistributedDataParallel(network, device_ids=[on.index] if on.type == "cuda" else None)

    def mean(self, values: Tensor) -> Tensor:
        """Of all processes, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
            values /= self.size
        return values

    def agreed(self, yes: bool, device: torch.device) -> bool:
        """What the leading process says."""
        if self.size == 1:
            return yes
        said = torch.tensor([int(yes)], device=device)
        torch.distributed.broadcast(said, 0)
        return bool(said.item())


ALONE = Team()


@contextmanager
def joined(folder: Path, team: Team, device: torch.device) -> Iterator[None]:
    """Within, the team's processes hear of each other; they meet at a file in `folder`."""
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(name, "lo")  # a container has no other way to itself
    torch.distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        init_method=f"file://{folder}/meeting",
        rank=team.rank,
        world_size=team.size,
        timeout=_PATIENCE,
    )
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()
