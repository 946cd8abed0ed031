"""The training loop: the same for every stage."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import torch
from torch import Tensor

from visionflan.hashing import stable_hash
from visionflan.train.batch_sampler import BatchSampler, MicroBatch, RowIndices, local_micro_batches
from visionflan.train.config import RuntimeConfig, StageConfig
from visionflan.train.distributed import DistributedContext
from visionflan.train.image_loader import prefetch
from visionflan.train.metrics import MetricsLogger
from visionflan.train.threads import fastest
from visionflan.train.tokenized_dataset import TokenizedDataset
from visionflan.train.training_model import Batch, Collator, TrainingModel
from visionflan.train.training_state import Progress, load_progress, load_state, save_state


class PreparedStep(NamedTuple):
    """A step that is ready to be computed by this process."""

    rows: RowIndices
    shares: list[MicroBatch]
    batches: list[Batch]


@dataclass
class Trainer:
    """Trains one stage in its folder, from its last state if there is one."""

    folder: Path
    stage: StageConfig
    runtime: RuntimeConfig
    seed: int
    rows: TokenizedDataset
    learner: TrainingModel
    collate: Collator
    world: DistributedContext
    stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        self.plan = BatchSampler(self.rows.lengths, self.stage, self.seed)
        self.optimizer = build_optimizer(self.learner, self.stage)
        self.states = self.folder / "resume"

    def run(self) -> float:
        """Train to the end; give the seconds that the steps took, over all sittings."""
        reached = load_progress(self.states)
        self.use_threads(reached)
        if reached.step:
            load_state(self.states, self.learner, self.optimizer)
        meter = MetricsLogger(self.folder, self.rows, self.world, self.plan.steps, reached.step)
        try:
            with self.listening():
                self.steps(reached.step, meter)
        finally:
            meter.close()
        return meter.seconds

    def steps(self, step: int, meter: MetricsLogger) -> None:
        """Go from a step to the end, writing lines and states on the way."""
        saved = time.monotonic()
        plan = self.plan.from_step(step)
        for prepared in prefetch(self.prepare, plan, num_workers=self.runtime.num_workers):
            norm = self.step(step, prepared, meter)
            step += 1
            due = step % self.runtime.log_every_steps == 0 or step == self.plan.steps
            # Several processes agree only where all of them come by.
            stopping = self.world.any(self.stopping) if due else self.alone_and_stopping()
            if not (due or stopping):
                continue
            rate = self.stage.learning_rate * lr_factor(self.stage, step - 1, self.plan.steps)
            meter.write(step, learning_rate=rate, gradient_norm=float(norm))
            late = self.world.any(time.monotonic() - saved >= self.runtime.checkpoint_every_seconds)
            if (late or stopping) and step < self.plan.steps:
                reached = Progress(step, torch.get_num_threads())
                save_state(self.states, self.learner, self.optimizer, reached, self.world)
                saved = time.monotonic()
                meter.clock = saved
            if stopping and step < self.plan.steps:
                raise KeyboardInterrupt

    def alone_and_stopping(self) -> bool:
        """Say whether to stop at once, which several processes could not do together."""
        return self.world.processes == 1 and self.stopping

    def prepare(self, rows: RowIndices) -> PreparedStep:
        """Share out a step and make this process's batches."""
        shares = local_micro_batches(
            rows,
            self.rows.lengths,
            self.runtime.micro_batch_tokens,
            self.world.process,
            self.world.processes,
        )
        return PreparedStep(rows, shares, [self.collate(share) for share in shares])

    def step(self, step: int, prepared: PreparedStep, meter: MetricsLogger) -> Tensor:
        """Take one step of the optimizer; give the norm of the gradient.

        Every token to be learnt weighs the same, whichever process and pass it falls to. Random
        numbers follow from the step, so that there is no generator to be saved.
        """
        torch.manual_seed(stable_hash(self.seed, self.stage.name, step, self.world.process) % 2**63)
        taught = int(self.rows.taught[prepared.rows].sum())
        for batch in prepared.batches:
            there = batch.to(self.world.device)
            losses_a = self.losses(there)
            (losses_a.sum() * (self.world.processes / taught)).backward()
            meter.losses_of(there, losses_a)
        norm = torch.nn.utils.clip_grad_norm_(self.learner.parameters(), self.stage.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.stage.learning_rate * lr_factor(self.stage, step, self.plan.steps)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        meter.step(prepared.rows, prepared.shares)
        whole: Tensor = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        return whole

    def losses(self, batch: Batch) -> Tensor:
        """Pass a batch forward, in half precision on an accelerator."""
        half = self.world.device.type == "cuda" and self.world.processes == 1
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=half):
            losses_a: Tensor = self.learner(batch)
        return losses_a

    def use_threads(self, reached: Progress) -> None:
        """Use as many threads as told, as the run used before, or as a probe finds fastest."""
        threads = self.runtime.num_threads or reached.threads
        if not threads and self.world.device.type == "cpu" and self.world.processes == 1:
            threads = self.probe(self.prepare(next(self.plan.from_step(0))).batches[0])
        if threads:
            torch.set_num_threads(threads)

    def probe(self, batch: Batch) -> int:
        """Choose the number of threads by passing a batch forward and back."""

        def passed() -> None:
            self.losses(batch).sum().backward()
            self.optimizer.zero_grad(set_to_none=True)

        return fastest(passed)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop in good order when asked to; a second time at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[signal.Signals, Callable[..., object] | int | None] = {}

        def hear(number: int, frame: FrameType | None) -> None:
            if self.stopping:
                raise KeyboardInterrupt
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def build_optimizer(learner: TrainingModel, stage: StageConfig) -> torch.optim.Optimizer:
    """Make AdamW over what learns; weights decay where the stage says so, biases never."""
    learning = [weight for weight in learner.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in learning if w.ndim > 1], "weight_decay": stage.weight_decay},
        {"params": [w for w in learning if w.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=stage.learning_rate, betas=stage.betas, fused=True)


def lr_factor(stage: StageConfig, step: int, steps: int) -> float:
    """Give the share of the learning rate that a step takes: it rises, then falls as told."""
    rising = math.ceil(stage.warmup_fraction * steps)
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if stage.lr_schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    return 1 - done if stage.lr_schedule == "linear" else 1.0
