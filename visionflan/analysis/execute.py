"""Run a graph of steps: each as soon as its parents are done, several side by side."""

import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import redirect_stderr, redirect_stdout
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from visionflan.analysis.step import Log, Step
from visionflan.analysis.store import Store
from visionflan.errors import AnalysisError, VisionflanError
from visionflan.executors.base import CallExecutor, RemoteError, Resources
from visionflan.train.config import RuntimeConfig


class StepFailure(NamedTuple):
    """Why a step has no outcome."""

    label: str
    reason: str


def steps_to_run(
    targets: Iterable[Step], store: Store, done: Collection[str] = ()
) -> dict[str, Step]:
    """Return the steps that are missing for the targets, by digest; finished ones need nothing.

    `done` has the digests of steps that are taken for finished although the store has none.
    """
    missing: dict[str, Step] = {}
    waiting = list(targets)
    while waiting:
        step = waiting.pop()
        if step.digest not in missing and not (step.digest in done or store.is_done(step)):
            missing[step.digest] = step
            waiting += step.parents
    return missing


def execute(
    targets: Iterable[Step],
    store: Store,
    executor: CallExecutor,
    runtime: RuntimeConfig,
    log: Log,
) -> dict[str, StepFailure]:
    """Run what is missing for the targets; return the steps without an outcome, by digest.

    A step that fails costs only what depends on it. On an interrupt the running steps save their
    state and end.
    """
    missing = steps_to_run(targets, store)
    interrupted = True
    try:
        failures = GraphRun(missing, store, executor, runtime, log).run()
        interrupted = False
    finally:
        executor.shutdown(cancel_futures=interrupted)
    return failures


class GraphRun:
    """One run of a graph of steps."""

    def __init__(
        self,
        steps: Mapping[str, Step],
        store: Store,
        executor: CallExecutor,
        runtime: RuntimeConfig,
        log: Log,
    ) -> None:
        self.steps, self.store, self.executor = steps, store, executor
        self.runtime, self.log = runtime, log
        self.failures: dict[str, StepFailure] = {}
        self.finished = 0

    def run(self) -> dict[str, StepFailure]:
        """Run all steps and return the failures."""
        graph = {
            digest: [parent.digest for parent in step.parents if parent.digest in self.steps]
            for digest, step in self.steps.items()
        }
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        running: dict[Future[None], str] = {}
        while sorter.is_active():
            for digest in sorter.get_ready():
                if self.start(digest, running):
                    continue
                sorter.done(digest)
            if running:
                for digest in self.collect(running):
                    sorter.done(digest)
        return self.failures

    def start(self, digest: str, running: dict["Future[None]", str]) -> bool:
        """Start a step, unless a parent has failed; return whether it was started."""
        step = self.steps[digest]
        failed = next((p for p in step.parents if p.digest in self.failures), None)
        if failed is not None:
            reason = self.failures[failed.digest].reason
            self.failures[digest] = StepFailure(step.label, f"{failed.label} failed: {reason}")
            return False
        needs = resources(step, self.runtime)
        try:
            future = self.executor.submit_with(needs, run_step, self.store.path, step, self.runtime)
        except RemoteError as error:  # the step cannot be sent to another process
            self.failures[digest] = StepFailure(step.label, describe(error))
            return False
        running[future] = digest
        return True

    def collect(self, running: dict["Future[None]", str]) -> Iterator[str]:
        """Wait until a step ends; yield the digests of those that have."""
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            digest = running.pop(future)
            self.finished += 1
            label = self.steps[digest].label
            # Steps of several arms may have the same label.
            directory = self.store.directory(self.steps[digest])
            progress = f"{self.finished} of {len(self.steps)}: steps/{directory.name}"
            error = future.exception() or self.store.missing_outcome(self.steps[digest])
            if error is None:
                seconds = self.store.record(self.steps[digest])["seconds"] or 0  # none of a run
                self.log(f"{progress}: {label}: {seconds:.0f} s")
            else:
                self.failures[digest] = StepFailure(label, describe(error))
                self.log(f"{progress}: {label} failed: {describe(error)}")
            yield digest


def resources(step: Step, runtime: RuntimeConfig) -> Resources:
    """Return what a step needs; accelerators are waited for only if the device is `cuda`."""
    num_devices = 0 if runtime.device == "cpu" else step.num_devices(runtime)
    num_processes = max(1, step.num_devices(runtime))
    return Resources(
        cpus=max(1, runtime.num_threads) * num_processes,
        gpus=num_devices,
        gpus_required=runtime.device == "cuda",
    )


def describe(error: BaseException) -> str:
    """Return the sentence of an error; of one that is not ours, its last line too."""
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, VisionflanError) else f"{type(error).__name__}: {text}"


def run_step(path: Path, step: Step, runtime: RuntimeConfig) -> None:
    """Run one step in this process; what it prints goes to `log.txt` in its directory."""
    if runtime.num_threads:  # more than its share would only wait for those of other steps
        import torch

        torch.set_num_threads(runtime.num_threads)
    store = Store(path)
    store.check_visible()
    directory = store.directory(step)
    directory.mkdir(parents=True, exist_ok=True)
    with (
        (directory / "log.txt").open("a", buffering=1) as file,
        redirect_stdout(file),
        redirect_stderr(file),
    ):
        try:
            store.run(step, runtime, write_line)
        except OSError as error:  # such as that of a full disk
            traceback.print_exc()
            raise AnalysisError(f"{error}; see {directory / 'log.txt'}") from error


def write_line(line: str) -> None:
    """Write a line to the log of a step."""
    sys.stdout.write(f"{line}\n")
