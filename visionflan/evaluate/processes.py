"""The processes that evaluate together: one by default, several under torchrun.

Each takes whole batches, the same that one process would make, so that the answers are the same; it
writes them to a journal of its own. The main process writes everything else.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from visionflan.evaluate.inference import in_batch_order
from visionflan.evaluate.requests import EvalRequest

# One process may have answered its share long before another.
BARRIER_TIMEOUT = timedelta(days=30)


class EvalProcesses(NamedTuple):
    """The rank of this process among those that evaluate together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes the evaluation and logs."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            from torch import distributed

            distributed.barrier()

    def share(self, requests: Sequence[EvalRequest], batch_size: int) -> list[EvalRequest]:
        """Return the requests of this process: every `size`-th batch of all in their order."""
        ordered = in_batch_order(requests)
        stride = batch_size * self.size
        begins = range(self.rank * batch_size, len(ordered), stride)
        return [request for begin in begins for request in ordered[begin : begin + batch_size]]


ONE_PROCESS = EvalProcesses()


def is_main_process() -> bool:
    """Return whether this is the only process, or the first of those that torchrun started."""
    return num_processes() == 1 or os.environ["RANK"] == "0"


def num_processes() -> int:
    """Return how many processes torchrun started, 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if {"WORLD_SIZE", "RANK"} <= os.environ.keys() else 1


@contextmanager
def join_processes() -> Iterator[EvalProcesses]:
    """Join the process group that torchrun started, or run as the only process.

    Each process uses a GPU of its own, if there are any.
    """
    if num_processes() == 1:
        yield ONE_PROCESS
        return
    import torch
    from torch import distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("gloo", timeout=BARRIER_TIMEOUT)
    try:
        yield EvalProcesses(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
