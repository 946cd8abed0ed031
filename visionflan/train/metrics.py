"""Measure a stage as it goes: a line of JSON and TensorBoard scalars every few steps."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from visionflan.atomic_write import write_text
from visionflan.errors import TrainingError
from visionflan.train.batch_sampler import MicroBatch, RowIndices
from visionflan.train.distributed import DistributedContext
from visionflan.train.tokenized_dataset import TokenizedDataset
from visionflan.train.training_model import Batch


class MetricsLogger:
    """Adds up what happens between two lines, and writes the line."""

    def __init__(
        self,
        folder: Path,
        rows: TokenizedDataset,
        world: DistributedContext,
        steps: int,
        begun: int,
    ) -> None:
        self.rows, self.world, self.steps = rows, world, steps
        self.file, self.board = folder / "metrics.jsonl", None
        self.seconds = self.forget_after(begun) if world.first else 0.0
        if world.first:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=begun + 1)
        self.bar = tqdm(
            total=steps,
            initial=begun,
            desc=folder.name,
            unit="step",
            disable=None if world.first else True,
        )
        self.begin()

    def forget_after(self, step: int) -> float:
        """Drop the lines of steps that are done again; give the seconds spent until then."""
        if not self.file.is_file():
            return 0.0
        # A line that was being written when the run was killed has no end.
        whole = self.file.read_text().rpartition("\n")[0].splitlines()
        kept = [line for line in map(json.loads, whole) if line["step"] <= step]
        write_text(self.file, "".join(f"{json.dumps(line)}\n" for line in kept))
        return float(kept[-1]["seconds"]) if kept else 0.0

    def begin(self) -> None:
        """Begin the next line."""
        count = len(self.rows.tasks)
        self.losses = torch.zeros(count, dtype=torch.float64, device=self.world.device)
        self.taught = np.zeros(count, dtype=np.int64)
        self.samples = self.tokens = self.padded = 0
        self.clock = time.monotonic()

    def step(self, rows: RowIndices, shares: list[MicroBatch]) -> None:
        """Count a step of all processes, and what this one pads it to."""
        np.add.at(self.taught, self.rows.task[rows], self.rows.taught[rows])
        self.samples += len(rows)
        self.tokens += int(self.rows.lengths[rows].sum())
        self.padded += sum(len(share.rows) * share.longest for share in shares)
        self.bar.update()

    def losses_of(self, batch: Batch, losses: Tensor) -> None:
        """Add the losses of tokens to those of their tasks."""
        tasks = batch.row_tasks_b[batch.learned_bl.nonzero()[:, 0]]
        self.losses.index_add_(0, tasks, losses.detach().double())

    def write(self, step: int, **told: float) -> None:
        """Write a line on the steps since the last one."""
        padded = torch.tensor([float(self.padded)], dtype=torch.float64, device=self.world.device)
        sums = self.world.total(torch.cat([padded, self.losses])).tolist()
        spent = time.monotonic() - self.clock
        self.seconds += spent
        loss = sum(sums[1:]) / int(self.taught.sum())
        if not np.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {step}: lower the learning rate or look at the data."
            )
        if self.world.first:
            line = {
                "step": step,
                "loss": loss,
                **told,
                "samples_per_second": self.samples / spent,
                "tokens_per_second": self.tokens / spent,
                "padding": 1 - self.tokens / sums[0],
                "seconds": self.seconds,
                "tasks": self.per_task(sums[1:]),
            }
            self.keep(line)
        self.begin()

    def per_task(self, sums: list[float]) -> dict[str, float]:
        """Give the loss per token of every task that was met."""
        met = np.flatnonzero(self.taught).tolist()
        return {self.rows.tasks[task]: sums[task] / int(self.taught[task]) for task in met}

    def keep(self, line: dict[str, Any]) -> None:
        """Append a line to the file, and its numbers to TensorBoard."""
        with self.file.open("a") as opened:
            opened.write(f"{json.dumps(line)}\n")
        assert self.board is not None
        for name, value in line.items():
            if isinstance(value, float):
                self.board.add_scalar(name, value, line["step"])
        for task, value in line["tasks"].items():
            self.board.add_scalar(f"loss/{task}", value, line["step"])
        self.bar.set_postfix_str(
            f"loss {line['loss']:.3f}, {line['samples_per_second']:.1f} samples/s, "
            f"{line['tokens_per_second']:.0f} tokens/s, {line['padding']:.1%} padding",
            refresh=False,
        )

    def close(self) -> None:
        """Let go of the bar and the board."""
        self.bar.close()
        if self.board is not None:
            self.board.close()
