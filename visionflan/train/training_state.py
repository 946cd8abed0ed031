"""States to continue from: written whole or not at all, only the latest kept."""

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

# Parts that do not learn come from the parent again.
TRAINABLE_ONLY = StateDictOptions(ignore_frozen_params=True, strict=False)


class Progress(NamedTuple):
    """How far a stage has come, and with how many threads: another number rounds otherwise.

    Order of rows, learning rate and random numbers all follow from the step.
    """

    step: int = 0
    threads: int = 0


def latest_state(folder: Path) -> Path | None:
    """Give the latest whole state in a folder."""
    return max(folder.glob("step-*"), default=None)


def load_progress(folder: Path) -> Progress:
    """Tell how far the latest state has come."""
    state = latest_state(folder)
    return Progress(**json.loads((state / "progress.json").read_bytes())) if state else Progress()


def save_state(
    folder: Path,
    learner: TrainingModel,
    optimizer: torch.optim.Optimizer,
    reached: Progress,
    world: DistributedContext,
) -> None:
    """Write a state beside the last one, then let it take its place."""
    final = folder / f"step-{reached.step:08d}"
    temporary = folder / f".{final.name}"
    if world.first:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    world.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(state_dict(learner, optimizer), checkpoint_id=temporary)
    if world.first:
        write_json(temporary / "progress.json", reached._asdict())
        older = list(folder.glob("step-*"))
        temporary.rename(final)
        fsync_path(folder)
        for path in older:
            if path != final:
                shutil.rmtree(path)
    world.wait()


def load_state(folder: Path, learner: TrainingModel, optimizer: torch.optim.Optimizer) -> None:
    """Take up the latest state."""
    state = state_dict(learner, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load(state, checkpoint_id=latest_state(folder))
    set_state_dict(
        learner,
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optimizer"],
        options=TRAINABLE_ONLY,
    )


def state_dict(learner: TrainingModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Give weights and optimizer state by name, each process its share."""
    model, optimizers = get_state_dict(learner, optimizer, options=TRAINABLE_ONLY)
    return {"model": model, "optimizer": optimizers}
