"""The processes that train together: one by default, several under torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch import distributed as dist

from visionflan.model.generate import resolve_device

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

    from visionflan.train.training_model import TrainingModel

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
    dist.init_process_group("nccl" if resolved.type == "cuda" else "gloo", timeout=BARRIER_TIMEOUT)
    try:
        yield DistributedContext(dist.get_rank(), world_size, resolved)
    finally:
        dist.destroy_process_group()


def shard_model(model: "TrainingModel", distributed: DistributedContext) -> None:
    """Move the model to its device; with several processes, shard it with FSDP2.

    The vision tower is never wrapped on its own: wrapping renames its class, and `transformers`
    then no longer finds the hidden states from which the image features are taken.
    """
    model.to(distributed.device)
    if distributed.world_size == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh

    mesh = init_device_mesh(distributed.device.type, (distributed.world_size,))
    shard_layers(model, mesh, torch.bfloat16 if distributed.device.type == "cuda" else None)


def shard_layers(model: "TrainingModel", mesh: "DeviceMesh", dtype: torch.dtype | None) -> None:
    """Shard each layer of the language model, then the rest; compute in a dtype if one is given."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
    for layer in getattr(model.vlm.language_model, "layers", ()):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
