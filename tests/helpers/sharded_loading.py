"""Load and shard a checkpoint in one of several processes, and record the memory of all of them."""

import gc
import json
import os
import threading
import weakref
from pathlib import Path

import torch
from torch import distributed as dist
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

from visionflan.model.families import load_model
from visionflan.train.checkpoint import InitialModel
from visionflan.train.distributed import DistributedContext, init_distributed
from visionflan.train.model_broadcast import open_on_all
from visionflan.train.sharding import place_model
from visionflan.train.training_model import TrainingModel

SAMPLE_S = 0.002


class MemorySampler:
    """Samples the memory of some processes in a thread.

    Attributes:
        peak: the largest sum of their resident bytes, without pages of files
    """

    def __init__(self, process_ids: list[int]) -> None:
        self.process_ids, self.stopped = process_ids, threading.Event()
        self.peak = self.first = self.total()
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()

    def total(self) -> int:
        """Return the sum of their resident bytes."""
        return sum(anonymous_bytes(process_id) for process_id in self.process_ids)

    def sample(self) -> None:
        """Sample until it is stopped."""
        while not self.stopped.wait(SAMPLE_S):
            self.peak = max(self.peak, self.total())

    def stop(self) -> int:
        """Stop; return by how much the sum has grown at most."""
        self.stopped.set()
        self.thread.join()
        return self.peak - self.first


def anonymous_bytes(process_id: int) -> int:
    """Return the resident bytes of a process that are not those of a file."""
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def load_sharded(
    checkpoint: Path, distributed: DistributedContext, shard_size: int
) -> TrainingModel:
    """Load a checkpoint and shard it, as a stage does."""
    initial = open_on_all(lambda: InitialModel(load_model(checkpoint), {}), distributed)
    model = TrainingModel(initial.vlm, ("connector", "language_model"))
    place_model(
        model,
        distributed,
        compute_dtype=torch.float32,
        frozen_dtype=torch.float32,
        shard_size=shard_size,
    )
    return model


def load_and_record(checkpoint: Path, out: Path, shard_size: int = 0) -> None:
    """Load, gather and save the weights; write what was measured."""
    with init_distributed("cpu") as distributed:
        process_ids = [0] * distributed.world_size
        dist.all_gather_object(process_ids, os.getpid())
        load_model(checkpoint)  # imports what it needs
        gc.collect()
        distributed.barrier()
        sampler = MemorySampler(process_ids) if distributed.is_main_process else None
        model = load_sharded(checkpoint, distributed, shard_size)
        distributed.barrier()
        grown = sampler.stop() if sampler else 0
        sizes = {name: weight.to_local().numel() for name, weight in sharded_weights(model)}
        buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        weights = get_model_state_dict(model, options=options)
        reference = weakref.ref(model)
        del model
        gc.collect()
        torch.save(buffers, out / f"buffers-{distributed.rank}.pt")
        measured = {"grown": grown, "sizes": sizes, "is_freed": reference() is None}
        (out / f"rank-{distributed.rank}.json").write_text(json.dumps(measured))
        if distributed.is_main_process:
            torch.save(dict(weights), out / "weights.pt")


def sharded_weights(model: TrainingModel) -> "list[tuple[str, torch.distributed.tensor.DTensor]]":
    """Return the weights of a sharded model."""
    from torch.distributed.tensor import DTensor

    weights = list(model.named_parameters())
    return [(name, weight) for name, weight in weights if isinstance(weight, DTensor)]
