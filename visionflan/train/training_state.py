"""Resumable training state: trainable weights, optimizer and step, written atomically.

Written with torch.distributed.checkpoint; only the latest state is kept.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from visionflan.atomic_write import fsync_path, write_json
from visionflan.train.distributed import DistributedContext
from visionflan.train.training_model import TrainingModel

# Frozen weights are loaded from the initial model again.
TRAINABLE_ONLY = StateDictOptions(ignore_frozen_params=True, strict=False)


class Progress(NamedTuple):
    """The progress of a stage. Row order, learning rate and random numbers follow from the step.

    The number of threads is kept because another number rounds differently.
    """

    step: int = 0
    num_threads: int = 0


def latest_state(directory: Path) -> Path | None:
    """Return the latest complete state in a directory, or None."""
    return max(directory.glob("step-*"), default=None)


def load_progress(directory: Path) -> Progress:
    """Return the progress of the latest state; step 0 if there is none."""
    state = latest_state(directory)
    return Progress(**json.loads((state / "progress.json").read_bytes())) if state else Progress()


def save_state(
    directory: Path,
    model: TrainingModel,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    distributed: DistributedContext,
) -> None:
    """Write a state under a temporary name, rename it, and delete the previous one."""
    final = directory / f"step-{progress.step:08d}"
    temporary = directory / f".{final.name}"
    if distributed.is_main_process:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    distributed.barrier()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(state_dict(model, optimizer), checkpoint_id=temporary)
    if distributed.is_main_process:
        write_json(temporary / "progress.json", progress._asdict())
        previous = list(directory.glob("step-*"))
        temporary.rename(final)
        fsync_path(directory)
        for path in previous:
            if path != final:
                shutil.rmtree(path)
    distributed.barrier()


def load_state(directory: Path, model: TrainingModel, optimizer: torch.optim.Optimizer) -> None:
    """Load the latest state into the model and the optimizer."""
    state = state_dict(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(state, checkpoint_id=latest_state(directory))
    set_state_dict(
        model,
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optimizer"],
        options=TRAINABLE_ONLY,
    )


def state_dict(model: TrainingModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return trainable weights and optimizer state by name; each rank holds its shards."""
    weights, optimizer_state = get_state_dict(model, optimizer, options=TRAINABLE_ONLY)
    return {"model": weights, "optimizer": optimizer_state}
