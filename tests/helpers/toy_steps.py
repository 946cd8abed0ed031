"""Steps that train nothing, for tests of the executor."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch

from visionflan.analysis.execute import StepFailure, execute
from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.store import Store
from visionflan.atomic_write import write_text
from visionflan.errors import AnalysisError
from visionflan.executors.processes import ProcessExecutor
from visionflan.train.config import RuntimeConfig

RUNTIME = RuntimeConfig(num_threads=1)
ERRORS = {
    "raise": ZeroDivisionError("a fault"),
    "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "weights"),
}


class NumberError(AnalysisError):
    """An error that cannot be read back from bytes: its constructor wants more than a message."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(f"{message}: {number}")


@dataclass(frozen=True, kw_only=True)
class SumStep(Step):
    """Write the sum of a number and the outcomes of the parents, and count each run."""

    kind: ClassVar[str] = "sum"
    number: int
    inputs: tuple[Step, ...] = ()
    behavior: str = ""  # `fail`, `full`, `die`, `slow`, `raise`, `refuse`, `wait`, `threads`

    @property
    def label(self) -> str:
        return f"sum {self.number}"

    @property
    def parents(self) -> tuple[Step, ...]:
        return self.inputs

    def settings(self) -> dict[str, Any]:
        return {"number": self.number, "behavior": self.behavior}

    def run(self, context: StepContext) -> None:
        with (context.directory / "runs").open("a") as file:
            file.write("run\n")
        if self.behavior == "fail":
            raise AnalysisError("there is no such number: use another")
        if self.behavior in ERRORS:
            raise ERRORS[self.behavior]
        if self.behavior == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behavior == "refuse":
            raise NumberError("no such number", self.number)
        if self.behavior == "slow":
            time.sleep(0.3)
        if self.behavior == "wait" and len((context.directory / "runs").read_text().split()) == 1:
            wait_to_be_stopped(context.directory)
        if self.behavior == "threads":
            (context.directory / "threads").write_text(str(torch.get_num_threads()))
        values = [int((context.output(step) / "sum").read_text()) for step in self.inputs]
        (context.directory / "sum").write_text(str(self.number + sum(values)))
        context.log("written")


def wait_to_be_stopped(directory: Path) -> None:
    """Write the id of this process, and wait; when interrupted, save a state first."""
    write_text(directory / "pid", str(os.getpid()))
    try:
        for _ in range(1200):  # Ray interrupts between two sleeps, not in one
            time.sleep(0.1)
    except KeyboardInterrupt:
        (directory / "state").touch()
        raise


def run(
    store: Store, *targets: Step, jobs: int = 2, runtime: RuntimeConfig = RUNTIME
) -> dict[str, StepFailure]:
    """Run steps in processes of their own; return the failures."""
    return execute(targets, store, ProcessExecutor(jobs), runtime, lambda _: None)


def result(store: Store, step: Step) -> int:
    """Return the sum that a finished step has written."""
    return int((store.output(step) / "sum").read_text())
