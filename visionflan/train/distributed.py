"""The processes that train together: one by default, several under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist

from visionflan.model.generate import resolve_device

# The other ranks wait while the main process tokenizes a large build.
BARRIER_TIMEOUT = timedelta(hours=6)


class DistributedContext(NamedTuple):
    """The rank of this process among those that train together, and its device."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and logs."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all ranks."""
        if self.world_size > 1:
            dist.barrier()

    def from_main_process(self, value: Any) -> Any:
        """Return the main process's value on all ranks; the others' own are ignored."""
        if self.world_size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over all ranks; `values` itself is overwritten."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def any_rank(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank.

        A collective operation: all ranks must call it at the same step, or they wait forever.
        """
        if self.world_size == 1:
            return flag
        return bool(self.all_reduce_sum(torch.tensor(float(flag), device=self.device)).item() > 0)


@contextmanager
def init_distributed(device: str) -> Iterator[DistributedContext]:
    """Join the process group that torchrun started, or run as the only process."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    resolved = resolve_device(device)
    if world_size == 1:
        yield DistributedContext(0, 1, resolved)
        return
    if resolved.type == "cuda":
        resolved = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(resolved)
    # States are written in the background by gloo, beside what NCCL sends.
    backend = "cpu:gloo,cuda:nccl" if resolved.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=BARRIER_TIMEOUT)
    try:
        yield DistributedContext(dist.get_rank(), world_size, resolved)
    finally:
        dist.destroy_process_group()
