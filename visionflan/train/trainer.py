"""The training loop of a stage."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from visionflan.hashing import stable_hash
from visionflan.train.alarms import TaskAlarms
from visionflan.train.batch_sampler import BatchSampler, MicroBatch, RowIndices, local_micro_batches
from visionflan.train.collator import BatchTensors, Collator
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.loggers import StageLog, StageLoggers
from visionflan.train.metrics import MetricsLogger
from visionflan.train.optimizer import build_optimizer, lr_factor, set_learning_rates
from visionflan.train.precision import compute_dtype
from visionflan.train.prefetch import prefetch
from visionflan.train.threads import fastest_num_threads
from visionflan.train.tokenized_dataset import TokenizedDataset
from visionflan.train.training_model import TrainingModel
from visionflan.train.training_state import Progress, StateWriter, load_progress, load_state
from visionflan.train.validation import CHECKPOINT, Validation

# Of the time of a run; states are saved less often where they would take more.
MAX_SAVING_FRACTION = 0.02


def ignore_line(_: str) -> None:
    """Ignore a line of the log."""


class TrainingInterrupted(KeyboardInterrupt):
    """Training stopped on request, after its state was saved; the argument is the signal."""


class PreparedStep(NamedTuple):
    """The rows of a step, and this rank's micro-batches of them."""

    rows: RowIndices
    micro_batches: list[MicroBatch]
    batches: list[BatchTensors]


@dataclass
class Trainer:
    """Trains one stage in its directory, resuming from its last state if there is one."""

    directory: Path
    config: TrainConfig
    stage: StageConfig
    dataset: TokenizedDataset
    model: TrainingModel
    collate: Collator
    distributed: DistributedContext
    validation: Validation | None = None
    log: Callable[[str], None] = ignore_line
    steps_taken: int = field(default=0, init=False)
    stop_requested: bool = field(default=False, init=False)
    stop_signal: int = field(default=signal.SIGINT, init=False)

    def __post_init__(self) -> None:
        """Create the batch sampler and the optimizer."""
        self.runtime, self.seed = self.config.runtime, self.config.seed
        self.sampler = BatchSampler(self.dataset.lengths, self.stage, self.seed)
        self.optimizer = build_optimizer(self.model, self.stage)
        self.state_directory = self.directory / "resume"
        epoch_steps = len(self.sampler.epoch(0))
        self.alarms = TaskAlarms(self.directory, self.sampler.steps, epoch_steps, self.log)
        self.states = StateWriter(
            self.state_directory, self.model, self.optimizer, self.distributed
        )

    def run(self) -> float:
        """Train to the last step; return the seconds of all steps, earlier sessions included."""
        progress = load_progress(self.state_directory)
        self.set_num_threads(progress)
        if self.validation is not None:
            self.validation.resume(progress.step)
        if progress.step:
            load_state(self.state_directory, self.model, self.optimizer)
        log = StageLog(self.config, self.directory, progress.step)
        loggers = StageLoggers(log, is_main_process=self.distributed.is_main_process)
        metrics = MetricsLogger(
            loggers, self.dataset, self.distributed, self.sampler.steps, progress.step
        )
        if self.distributed.is_main_process:
            self.alarms.resume(progress.step, self.dataset)
        try:
            with self.handle_signals():
                self.train_steps(progress.step, metrics)
        finally:
            metrics.close()
            loggers.close()
            self.states.wait()
        return metrics.elapsed_seconds

    def train_steps(self, step: int, metrics: MetricsLogger) -> None:
        """Train from a step to the last one, writing metrics and states on the way."""
        last_save, steps = time.monotonic(), self.sampler.steps
        remaining = self.sampler.from_step(step)
        for prepared in prefetch(self.prepare, remaining, num_workers=self.runtime.num_workers):
            grad_norm = self.optimizer_step(step, prepared, metrics)
            step += 1
            is_last = self.validate(step, metrics) or step == steps
            is_log_step = step % self.runtime.log_every_steps == 0 or is_last
            stopping = (
                self.distributed.any_rank(self.stop_requested)
                if is_log_step
                else self.can_stop_now()
            )
            if not (is_log_step or stopping):
                continue
            rate = float(self.optimizer.param_groups[0]["initial_lr"])
            learning_rate = rate * lr_factor(self.stage, step - 1, steps)
            line = metrics.write(step, learning_rate=learning_rate, grad_norm=float(grad_norm))
            if line is not None:
                metrics.bar.clear()
                self.alarms.add(line)
            is_save_due = self.distributed.any_rank(self.is_save_due(last_save))
            if is_last:
                break
            if is_save_due or stopping:
                self.states.start(Progress(step, torch.get_num_threads()))
                last_save = metrics.clock = time.monotonic()
            if stopping:
                self.states.wait()
                raise TrainingInterrupted(self.stop_signal)
        self.steps_taken = step

    def validate(self, step: int, metrics: MetricsLogger) -> bool:
        """Validate after a step if that is due; return whether to stop before the last step."""
        validation, steps = self.validation, self.sampler.steps
        if validation is None or not validation.is_due(step, steps):
            return False
        start = time.monotonic()
        line = validation.run(step, self.losses)
        metrics.add_validation(line, time.monotonic() - start)
        validation.stopped_early = validation.history.is_exhausted and step < steps
        return validation.stopped_early

    def checkpoints(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the directory of each checkpoint and what its run.json says of validation.

        The model then has the weights; the stage's own checkpoint comes last.
        """
        if self.validation is None:
            yield CHECKPOINT, {}
            return
        for name, step in self.validation.checkpoints():
            yield name, {"validation": self.validation.summary(step)}

    def can_stop_now(self) -> bool:
        """Return whether to stop between log steps, which only a single process can do."""
        return self.distributed.world_size == 1 and self.stop_requested

    def is_save_due(self, last_save: float) -> bool:
        """Return whether the last state is old enough for a new one to cost less than 2 %."""
        interval = self.runtime.checkpoint_every_seconds
        if interval > 0:
            interval = max(interval, self.states.blocked_seconds / MAX_SAVING_FRACTION)
        return time.monotonic() - last_save >= interval

    def prepare(self, rows: RowIndices) -> PreparedStep:
        """Split the rows of a step and collate this rank's micro-batches."""
        micro_batches = local_micro_batches(
            rows,
            self.dataset.lengths,
            self.runtime.micro_batch_tokens,
            self.distributed.rank,
            self.distributed.world_size,
        )
        return PreparedStep(rows, micro_batches, [self.collate(micro) for micro in micro_batches])

    def optimizer_step(self, step: int, prepared: PreparedStep, metrics: MetricsLogger) -> Tensor:
        """Run one optimizer step; return the gradient norm.

        Every target token has the same weight, whichever rank and micro-batch it is in. Random
        numbers follow from the step, so that no generator state has to be saved.
        """
        rank, world_size = self.distributed.rank, self.distributed.world_size
        torch.manual_seed(stable_hash(self.seed, self.stage.name, step, rank) % 2**63)
        num_target_tokens = int(self.dataset.num_target_tokens[prepared.rows].sum())
        for batch in prepared.batches:
            moved = batch.to(self.distributed.device)
            losses_a = self.losses(moved)
            # FSDP averages gradients over the ranks; the world size makes that a sum.
            (losses_a.sum() * (world_size / num_target_tokens)).backward()
            metrics.add_losses(moved, losses_a)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.stage.max_grad_norm)
        set_learning_rates(self.optimizer, lr_factor(self.stage, step, self.sampler.steps))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        metrics.count_step(prepared.rows, prepared.micro_batches)
        grad_norm: Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        return grad_norm

    def losses(self, batch: BatchTensors) -> Tensor:
        """Return the losses of a batch's target tokens; FSDP casts where autocast does not."""
        device = self.distributed.device
        is_mixed = compute_dtype(self.runtime, device) == torch.bfloat16
        use_autocast = is_mixed and self.distributed.world_size == 1
        with torch.autocast(device.type, torch.bfloat16, enabled=use_autocast):
            losses_a: Tensor = self.model(batch)
        return losses_a

    def set_num_threads(self, progress: Progress) -> None:
        """Set the number of threads: as configured, as in the saved state, or found by a probe."""
        num_threads = self.runtime.num_threads or progress.num_threads
        is_cpu, world_size = self.distributed.device.type == "cpu", self.distributed.world_size
        if not num_threads and is_cpu and world_size == 1:
            num_threads = self.probe(self.prepare(next(self.sampler.from_step(0))).batches[0])
        if num_threads:
            torch.set_num_threads(num_threads)

    def probe(self, batch: BatchTensors) -> int:
        """Return the number of threads with the fastest forward and backward pass."""

        def run_pass() -> None:
            self.losses(batch).sum().backward()
            self.optimizer.zero_grad(set_to_none=True)

        return fastest_num_threads(run_pass)

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """On SIGINT or SIGTERM, stop after the step; on a second signal, stop immediately.

        A signal that is ignored stays ignored: SIGINT is where a shell runs a command in the
        background, and in the processes of a study, which its main process ends.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous: dict[signal.Signals, Callable[..., object] | int | None] = {}

        def request_stop(number: int, frame: FrameType | None) -> None:
            if self.stop_requested:
                raise KeyboardInterrupt(number)
            self.stop_requested, self.stop_signal = True, number

        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, request_stop)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
