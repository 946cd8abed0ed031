"""Validate a stage while it trains: the loss on held-out rows, by task, every few steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from visionflan.errors import TrainingError
from visionflan.train.batch_sampler import local_micro_batches
from visionflan.train.best_weights import SavedWeights, step_of
from visionflan.train.collator import BatchTensors, Collator
from visionflan.train.config import RuntimeConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.loss_history import LossHistory
from visionflan.train.prefetch import prefetch
from visionflan.train.step_lines import (
    VALIDATIONS,
    append_line,
    lines_until,
    remove_lines_after,
)
from visionflan.train.task_losses import TaskLossSums, mean_losses
from visionflan.train.tokenized_dataset import TokenizedDataset
from visionflan.train.training_model import TrainingModel
from visionflan.train.training_state import latest_state
from visionflan.train.validation_config import ValidationConfig

CHECKPOINT = "checkpoint"

Losses = Callable[[BatchTensors], Tensor]


@dataclass
class Validation:
    """Computes the held-out loss, and keeps the weights with the lowest one.

    Attributes:
        directory: of the stage.
        data: what run.json says of the rows.
    """

    config: ValidationConfig
    runtime: RuntimeConfig
    directory: Path
    dataset: TokenizedDataset
    collate: Collator
    model: TrainingModel
    distributed: DistributedContext
    data: dict[str, Any]
    history: LossHistory = field(init=False)
    stopped_early: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Split the rows of this rank into micro-batches, the longest row first."""
        self.history, self.file = LossHistory(self.config), self.directory / VALIDATIONS
        self.weights = SavedWeights(
            self.directory / "resume" / "best", self.model, self.distributed
        )
        lengths = self.dataset.lengths
        self.micro_batches = local_micro_batches(
            np.argsort(-lengths, kind="stable"),
            lengths,
            self.runtime.micro_batch_tokens,
            self.distributed.rank,
            self.distributed.world_size,
        )
        self.target_tokens = np.bincount(
            self.dataset.task_ids, self.dataset.num_target_tokens, len(self.dataset.tasks)
        ).astype(np.int64)

    def resume(self, step: int) -> None:
        """Continue after a step: remove what came later."""
        for line in lines_until(self.file, step):
            self.history.add(line["step"], line["loss"])
        self.distributed.barrier()
        if self.distributed.is_main_process:
            remove_lines_after(self.file, step)
        self.weights.keep(range(step + 1))
        self.distributed.barrier()

    def is_due(self, step: int, steps: int) -> bool:
        """Return whether to validate after a step of a stage."""
        return step % self.config.every_steps == 0 or step == steps

    def run(self, step: int, losses: Losses) -> dict[str, Any]:
        """Validate after a step, save the weights if they are the best; return the line about it.

        Every rank must call this.
        """
        sums = self.loss_sums(losses)
        loss = sum(sums) / int(self.target_tokens.sum())
        if not isfinite(loss):
            raise TrainingError(
                f"the held-out loss is {loss} at step {step}: lower the learning rate or check the "
                "data"
            )
        tasks = mean_losses(self.dataset.tasks, sums, self.target_tokens)
        line = {"step": step, "loss": loss, "tasks": tasks}
        if self.history.add(step, loss):
            self.weights.save(step)
            self.delete_old_weights(step)
        if self.distributed.is_main_process:
            append_line(self.file, line)
        return line

    def loss_sums(self, losses: Losses) -> list[float]:
        """Return the sum of the losses of each task, without dropout and without gradients."""
        sums = TaskLossSums(len(self.dataset.tasks), self.distributed)
        batches = prefetch(self.collate, self.micro_batches, num_workers=self.runtime.num_workers)
        with torch.no_grad(), evaluation_mode(self.model):
            for batch in batches:
                moved = batch.to(self.distributed.device)
                sums.add(moved, losses(moved))
        return sums.total()

    def delete_old_weights(self, step: int) -> None:
        """Delete weights that no stage resumed from its last complete state can need."""
        resumed = LossHistory(self.config)
        state = latest_state(self.directory / "resume")
        for line in lines_until(self.file, 0 if state is None else step_of(state)):
            resumed.add(line["step"], line["loss"])
        self.weights.keep(range(resumed.best_step, step + 1))

    def checkpoints(self) -> Iterator[tuple[str, int]]:
        """Yield the directory of each checkpoint and its step, while the model has its weights.

        The stage's own checkpoint comes last.
        """
        best, last = self.history.best_step, self.history.last_step
        if best == last:
            yield CHECKPOINT, last
        elif self.config.save == "best":
            yield f"{CHECKPOINT}_last", last
            self.weights.load(best)
            yield CHECKPOINT, best
        else:
            self.weights.save(last)
            self.weights.load(best)
            yield f"{CHECKPOINT}_best", best
            self.weights.load(last)
            yield CHECKPOINT, last

    def summary(self, step: int) -> dict[str, Any]:
        """Return what the run.json of a checkpoint after a step says of validation."""
        return {
            "data": self.data,
            "best_step": self.history.best_step,
            "best_loss": self.history.best_loss,
            "last_step": self.history.last_step,
            "last_loss": self.history.last_loss,
            "saved_step": step,
            "stopped_early": self.history.reason if self.stopped_early else None,
        }


@contextmanager
def evaluation_mode(model: TrainingModel) -> Iterator[None]:
    """Turn dropout off, and then set each module to the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        # FSDP gathers the weights of the outermost module, and would keep them to the next step.
        if (reshard := getattr(model, "reshard", None)) is not None:
            reshard()
