"""Resumable training state: trainable weights, optimizer and step, written atomically.

Written with torch.distributed.checkpoint, in a thread; only the latest state stays.
"""

import json
import shutil
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save

from visionflan.atomic_write import fsync_path, write_json
from visionflan.errors import TrainingError
from visionflan.escaping import one_line
from visionflan.train.distributed import DistributedContext
from visionflan.train.training_model import TrainingModel

# The digests of the weights that the stage started from.
SOURCE = "initialized_from.json"
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


def bind_source(directory: Path, source: dict[str, str]) -> None:
    """Record the digests of the weights that a stage starts from, beside its states.

    Raises TrainingError if there is a state already that belongs to others: it has trained weights
    alone, and those that are not trained must stay the same.
    """
    file = directory / SOURCE
    digests = {name: value for name, value in source.items() if name.endswith("sha256")}
    if latest_state(directory) is not None and file.is_file():
        if json.loads(file.read_bytes()) != digests:
            raise TrainingError(
                f"the weights in {source['path']} are not those that the state in {directory} "
                "belongs to: restore them, or choose a new --out"
            )
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_json(file, digests)


def load_progress(directory: Path) -> Progress:
    """Return the progress of the latest state; step 0 if there is none.

    Raises TrainingError if the state is damaged.
    """
    state = latest_state(directory)
    if state is None:
        return Progress()
    with naming_damage(state):
        return Progress(**json.loads((state / "progress.json").read_bytes()))


@contextmanager
def naming_damage(state: Path) -> Iterator[None]:
    """Raise TrainingError for any error in reading a state."""
    try:
        yield
    except (CheckpointException, Exception) as error:
        reason: BaseException = error
        if isinstance(error, CheckpointException):
            reason = next(iter(error.failures.values()))[0]
        raise TrainingError(
            f"the state {state} cannot be read ({type(reason).__name__}: {one_line(str(reason))}): "
            "restore it, or delete it to train the stage from its first step"
        ) from error


class StateWriter:
    """Writes states in the background, one at a time, while training goes on.

    Attributes:
        blocked_seconds: how long training waited for the last state
    """

    def __init__(
        self,
        directory: Path,
        model: TrainingModel,
        optimizer: torch.optim.Optimizer,
        distributed: DistributedContext,
    ) -> None:
        self.directory, self.model, self.optimizer = directory, model, optimizer
        self.distributed, self.blocked_seconds = distributed, 0.0
        self.pending: Future[object] | None = None
        # Training sends other messages at the same time, so a write needs a group of its own.
        self.group = dist.new_group(backend="gloo") if distributed.world_size > 1 else None
        # One process is no mistake; in the thread that warns, no context can hide the warning.
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")

    def start(self, progress: Progress) -> None:
        """Copy the state to memory and begin to write it; first wait for the state before it.

        All ranks must call this.
        """
        begin = time.monotonic()
        self.wait()
        final = self.directory / f"step-{progress.step:08d}"
        temporary = self.directory / f".{final.name}"
        if self.distributed.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        self.distributed.barrier()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = state_dict(self.model, self.optimizer)
            written = async_save(state, checkpoint_id=temporary, process_group=self.group)
        assert isinstance(written, Future)
        self.pending = written
        if self.distributed.is_main_process:
            self.pending = self.commit_after(written, temporary, final, progress)
        self.blocked_seconds = time.monotonic() - begin

    def commit_after(
        self, written: "Future[object]", temporary: Path, final: Path, progress: Progress
    ) -> "Future[object]":
        """Commit a state in the thread that has written it; return a future of that."""
        committed: Future[object] = Future()

        def commit(_: "Future[object]") -> None:
            try:
                written.result()
                commit_state(temporary, final, progress)
            except BaseException as error:
                committed.set_exception(error)
            else:
                committed.set_result(None)

        written.add_done_callback(commit)
        return committed

    def wait(self) -> None:
        """Wait until the last state is complete. Raises TrainingError if it was not written."""
        pending, self.pending = self.pending, None
        if pending is None:
            return
        try:
            pending.result()
        except CheckpointException as error:
            reason = next(iter(error.failures.values()))[0]
            raise self.write_error(reason) from error
        except OSError as error:
            raise self.write_error(error) from error

    def write_error(self, reason: BaseException) -> TrainingError:
        """Return the error for a state that was not written."""
        # PyTorch writes by C++, whose errors name a line of its source and no reason.
        why = str(reason) if isinstance(reason, OSError) else "the disk may be full"
        return TrainingError(
            f"the state of the run could not be written to {self.directory} ({why}): free some "
            "disk space and train again, which resumes from the state before it"
        )


def commit_state(temporary: Path, final: Path, progress: Progress) -> None:
    """Rename a complete state, and delete those before it."""
    write_json(temporary / "progress.json", progress._asdict())
    previous = [path for path in final.parent.glob("step-*") if path != final]
    temporary.rename(final)
    fsync_path(final.parent)
    for path in previous:
        shutil.rmtree(path)


def load_state(directory: Path, model: TrainingModel, optimizer: torch.optim.Optimizer) -> None:
    """Load the latest state into the model and the optimizer.

    A weight that had no gradient so far, as in layers whose output is not used, has no state.
    """
    latest = latest_state(directory)
    assert latest is not None
    state = state_dict(model, optimizer)
    with naming_damage(latest):
        stored = FileSystemReader(latest).read_metadata().state_dict_metadata
    by_weight = state["optimizer"]["state"]
    stateless = {
        name
        for name in by_weight
        if not any(key.startswith(f"optimizer.state.{name}.") for key in stored)
    }
    for name in stateless:
        del by_weight[name]
    with warnings.catch_warnings(), naming_damage(latest):
        warnings.simplefilter("ignore")
        load(state, checkpoint_id=latest)
    set_state_dict(
        model,
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optimizer"],
        options=TRAINABLE_ONLY,
    )
    for name, weight in model.named_parameters():
        if name in stateless:
            optimizer.state.pop(weight, None)


def state_dict(model: TrainingModel, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return trainable weights and optimizer state by name; each rank holds its shards."""
    weights, optimizer_state = get_state_dict(model, optimizer, options=TRAINABLE_ONLY)
    return {"model": weights, "optimizer": optimizer_state}
