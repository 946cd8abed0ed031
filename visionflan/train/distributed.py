"""The processes that train together: one by default, several under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from visionflan.model.generate import resolve_device

if TYPE_CHECKING:
    from visionflan.train.training_model import TrainingModel

# While the first process encodes a large build, the others wait.
BARRIER_TIMEOUT = timedelta(hours=6)


class DistributedContext(NamedTuple):
    """One process among several, and where it computes."""

    process: int
    processes: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.process == 0

    def wait(self) -> None:
        """Wait for all processes."""
        if self.processes > 1:
            dist.barrier()

    def total(self, values: Tensor) -> Tensor:
        """Add up what all processes have."""
        if self.processes > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Say whether the flag is up in any process."""
        if self.processes == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)).item() > 0)


@contextmanager
def init_distributed(device: str) -> Iterator[DistributedContext]:
    """Join the processes that torchrun started, or be the only one."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = resolve_device(device)
    if processes == 1:
        yield DistributedContext(0, 1, chosen)
        return
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=BARRIER_TIMEOUT)
    try:
        yield DistributedContext(dist.get_rank(), processes, chosen)
    finally:
        dist.destroy_process_group()


def shard_model(learner: "TrainingModel", world: DistributedContext) -> None:
    """Put the learner where it computes; several processes hold a share of each layer.

    The tower is never wrapped by itself: that renames its class, and the library then no longer
    finds the hidden states by which its features are taken.
    """
    learner.to(world.device)
    if world.processes == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(world.device.type, (world.processes,))
    half = torch.bfloat16 if world.device.type == "cuda" else None
    policy = MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32)
    for layer in getattr(learner.vlm.language_model, "layers", ()):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(learner, mesh=mesh, mp_policy=policy)
