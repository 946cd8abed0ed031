"""Training metrics: a line of JSON every few steps, whose numbers go to the loggers too."""

import time
from typing import Any

import numpy as np
from torch import Tensor

from visionflan.errors import TrainingError
from visionflan.progress import ProgressBar
from visionflan.train.batch_sampler import MicroBatch, RowIndices
from visionflan.train.collator import BatchTensors
from visionflan.train.distributed import DistributedContext
from visionflan.train.loggers import StageLoggers, task_scalars
from visionflan.train.step_lines import METRICS, append_line, lines_until, remove_lines_after
from visionflan.train.task_losses import TaskLossSums, mean_losses
from visionflan.train.tokenized_dataset import TokenizedDataset


class MetricsLogger:
    """Accumulates losses and counts between two log steps, and writes them as a line."""

    def __init__(
        self,
        loggers: StageLoggers,
        dataset: TokenizedDataset,
        distributed: DistributedContext,
        steps: int,
        first_step: int,
    ) -> None:
        is_main = distributed.is_main_process
        self.dataset, self.distributed, self.steps = dataset, distributed, steps
        self.file, self.loggers = loggers.directory / METRICS, loggers
        self.elapsed_seconds = self.truncate_after(first_step) if is_main else 0.0
        self.held_out_note = ""
        title = loggers.directory.name
        self.bar = ProgressBar(
            title, steps, unit="steps", initial=first_step, leave=True, silent=not is_main
        )
        self.reset()

    def truncate_after(self, step: int) -> float:
        """Remove the lines of later steps; return the seconds that the remaining steps took."""
        remove_lines_after(self.file, step)
        lines = lines_until(self.file, step)
        return float(lines[-1]["elapsed_seconds"]) if lines else 0.0

    def reset(self) -> None:
        """Set all sums to zero and restart the clock."""
        count = len(self.dataset.tasks)
        self.loss_sums = TaskLossSums(count, self.distributed)
        self.target_tokens = np.zeros(count, dtype=np.int64)
        self.samples = self.tokens = self.padded_tokens = 0
        self.clock = time.monotonic()

    def count_step(self, rows: RowIndices, micro_batches: list[MicroBatch]) -> None:
        """Count the rows of a step over all ranks, and the padded tokens of this rank."""
        dataset = self.dataset
        np.add.at(self.target_tokens, dataset.task_ids[rows], dataset.num_target_tokens[rows])
        self.samples += len(rows)
        self.tokens += int(dataset.lengths[rows].sum())
        self.padded_tokens += sum(len(micro.rows) * micro.max_len for micro in micro_batches)
        self.bar.update()

    def add_losses(self, batch: BatchTensors, losses_a: Tensor) -> None:
        """Add the losses of tokens to the sums of their tasks."""
        self.loss_sums.add(batch, losses_a)

    def write(self, step: int, *, learning_rate: float, grad_norm: float) -> dict[str, Any] | None:
        """Write a line about the steps since the last one, and return it in the main process.

        Every rank must call this.
        """
        padded_tokens, *sums = self.loss_sums.total(self.padded_tokens)
        seconds = time.monotonic() - self.clock
        self.elapsed_seconds += seconds
        loss = sum(sums) / int(self.target_tokens.sum())
        if not np.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {step}: lower the learning rate or check the data"
            )
        line: dict[str, Any] | None = None
        if self.distributed.is_main_process:
            line = {
                "step": step,
                "loss": loss,
                "learning_rate": learning_rate,
                "grad_norm": grad_norm,
                "samples_per_second": self.samples / seconds,
                "tokens_per_second": self.tokens / seconds,
                "padding_fraction": 1 - self.tokens / padded_tokens,
                "elapsed_seconds": self.elapsed_seconds,
                "tasks": mean_losses(self.dataset.tasks, sums, self.target_tokens),
            }
            self.write_line(line)
        self.reset()
        return line

    def write_line(self, line: dict[str, Any]) -> None:
        """Append a line to the file, and log its numbers."""
        append_line(self.file, line)
        numbers = {name: value for name, value in line.items() if isinstance(value, float)}
        self.loggers.log(line["step"], numbers | task_scalars("loss", line["tasks"]))
        self.bar.update(
            0,
            f"loss {line['loss']:.3f}, {line['samples_per_second']:.1f} samples/s, "
            f"{line['tokens_per_second']:.0f} tokens/s, {line['padding_fraction']:.1%} padding"
            f"{self.held_out_note}",
        )

    def add_validation(self, line: dict[str, Any], seconds: float) -> None:
        """Log a line about held-out rows, whose seconds do not count as those of training."""
        self.clock += seconds
        scalars = {"validation_loss": line["loss"]}
        self.loggers.log(line["step"], scalars | task_scalars("validation_loss", line["tasks"]))
        self.held_out_note = f", held-out loss {line['loss']:.3f}"

    def close(self) -> None:
        """Close the progress bar."""
        self.bar.close()
