"""Sum the losses of target tokens by task, on the device and over all processes."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visionflan.train.collator import BatchTensors
from visionflan.train.distributed import DistributedContext


class TaskLossSums:
    """The sums of the losses of each task; they stay on the device until they are read."""

    def __init__(self, num_tasks: int, distributed: DistributedContext) -> None:
        self.distributed, self.dtype = distributed, sum_dtype(distributed.device)
        self.sums_t = torch.zeros(num_tasks, dtype=self.dtype, device=distributed.device)

    def add(self, batch: BatchTensors, losses_a: Tensor) -> None:
        """Add the losses of a batch's target tokens to the sums of their tasks."""
        self.sums_t.index_add_(0, batch.task_ids_a, losses_a.detach().to(self.dtype))

    def total(self, *counts: float) -> list[float]:
        """Return numbers of this rank and the sums of the tasks, each summed over all ranks.

        Every rank must call this.
        """
        counts_n = torch.tensor(counts, dtype=self.dtype).to(self.distributed.device)
        totals: list[float] = self.distributed.all_reduce_sum(
            torch.cat([counts_n, self.sums_t])
        ).tolist()
        return totals


def sum_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype in which losses are summed: float64, which MPS does not have."""
    return torch.float32 if device.type == "mps" else torch.float64


def mean_losses(
    tasks: Sequence[str], sums: Sequence[float], target_tokens: NDArray[np.int64]
) -> dict[str, float]:
    """Return the mean loss per token of every task that had target tokens."""
    present = np.flatnonzero(target_tokens).tolist()
    return {tasks[task]: sums[task] / int(target_tokens[task]) for task in present}
