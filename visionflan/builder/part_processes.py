"""Build the parts of several datasets side by side, each in a process of its own.

Whatever a process does, such as dying, costs its dataset alone; one that is killed from outside is
replaced, once. If a single one would run, its work is done in this process.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from signal import SIGKILL
from typing import NamedTuple

from visionflan.builder.child_process import ChildProcess, process_context, share_imports
from visionflan.builder.dataset_builder import build_part
from visionflan.builder.part_checks import PhaseProgress, ShowProgress
from visionflan.builder.part_job import PartJob
from visionflan.builder.parts import DatasetPart
from visionflan.builder.staging import open_stage, stage_releases, upload_part
from visionflan.errors import VisionflanError
from visionflan.escaping import one_line
from visionflan.progress import ProgressBar

SHOW_EVERY_S = 0.2  # how often a process sends how far it is


class FailedPart(NamedTuple):
    """A dataset whose part cannot be built, and why."""

    name: str
    message: str


class PartOutcome(NamedTuple):
    """What came of a job, and how long it took."""

    job: PartJob
    part: DatasetPart | FailedPart
    seconds: float


Message = PhaseProgress | DatasetPart | FailedPart | OSError


def run_jobs(jobs: Sequence[PartJob], workers: int) -> Iterator[PartOutcome]:
    """Yield the outcome of each job, at most `workers` of which run at the same time.

    Raises OSError if the build cannot be written: no other dataset would fare better.
    """
    share_imports()
    count = min(workers, len(jobs))
    if count <= 1:
        yield from (run_here(job._replace(image_workers=workers)) for job in jobs)
    else:
        processes = PartProcesses(process_context(jobs[0].start_method), workers)
        yield from processes.run([job._replace(image_workers=workers // count) for job in jobs])


def largest_first(jobs: Sequence[PartJob]) -> list[PartJob]:
    """Return the jobs, those with most tasks first, so that none of them is left for the end."""
    return sorted(jobs, key=lambda job: -len(job.tasks))


def run_here(job: PartJob) -> PartOutcome:
    """Run a job in this process, with a progress bar for each phase."""
    start = time.monotonic()
    phase_bar = PhaseBar()
    try:
        part = run_job(job, phase_bar.show)
    finally:
        phase_bar.close()
    return PartOutcome(job, part, time.monotonic() - start)


def run_job(
    job: PartJob, progress: ShowProgress, image_workers: Callable[[], int] | None = None
) -> DatasetPart | FailedPart:
    """Build a part; whatever the values of a release lead to, it costs that dataset alone.

    Raises OSError if a disk or a store cannot be read or written.
    """
    with open_stage(job) as local_job:
        try:
            stage_releases(local_job, files_counter(job.name, "downloading", progress))
            part = build_part(local_job, progress, image_workers)
            upload_part(local_job, files_counter(job.name, "uploading", progress))
            return part
        except OSError:
            raise
        except VisionflanError as error:
            message = str(error)
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
        message = message.replace(f"{local_job.data_root}{os.sep}", "")
        return FailedPart(job.name, one_line(message).removeprefix(f"{job.name}: "))


def files_counter(name: str, verb: str, progress: ShowProgress) -> Callable[[int, int], object]:
    """Return a function that shows how many files of a dataset are copied."""
    return lambda done, total: progress(PhaseProgress(f"{name}: {verb}", "files", done, total))


class PhaseBar:
    """The progress bar of the current phase."""

    def __init__(self) -> None:
        self.bar: ProgressBar | None = None

    def show(self, phase: PhaseProgress) -> None:
        """Show how far a phase is, in a new bar if it is another one."""
        if self.bar is None or self.bar.title != phase.phase:
            self.close()
            self.bar = ProgressBar(phase.phase, phase.total, unit=phase.unit)
        self.bar.advance_to(phase.done)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()


@dataclass
class RunningPart:
    """A job that runs in a process.

    Attributes:
        job: the job.
        child: its process.
        start: when it started.
        image_workers: how many processes may check its images.
    """

    job: PartJob
    child: ChildProcess
    start: float
    image_workers: int

    def add_image_worker(self) -> None:
        """Allow one more process that checks images; a job whose process died needs none."""
        self.image_workers += 1
        with suppress(OSError):
            self.child.connection.send(self.image_workers)


class PartProcesses:
    """Run jobs in processes, with at most `workers` that check images at the same time."""

    def __init__(self, context: BaseContext, workers: int) -> None:
        self.context, self.workers = context, workers
        self.waiting: deque[PartJob] = deque()
        self.running: dict[Connection, RunningPart] = {}
        self.killed: set[str] = set()
        self.phases: dict[str, PhaseProgress] = {}

    def run(self, jobs: Sequence[PartJob]) -> Iterator[PartOutcome]:
        """Yield the outcome of each job as soon as it is known."""
        self.waiting.extend(largest_first(jobs))
        bar = ProgressBar("building", len(jobs), unit="datasets")
        try:
            while self.waiting or self.running:
                while self.waiting and len(self.running) < self.workers:
                    self.start(self.waiting.popleft())
                self.share_idle_workers()
                for connection in wait(list(self.running)):
                    assert isinstance(connection, Connection)
                    outcome = self.receive(connection)
                    bar.update(0 if outcome is None else 1, self.note())
                    if outcome is not None:
                        bar.clear()  # for the line that the caller logs
                        yield outcome
        finally:
            bar.close()
            for running in self.running.values():
                running.child.close()

    def start(self, job: PartJob) -> None:
        """Start a process for a job."""
        child = ChildProcess(self.context, serve_job, job, parent=True)
        running = RunningPart(job, child, time.monotonic(), job.image_workers)
        self.running[child.connection] = running

    def share_idle_workers(self) -> None:
        """Allow more processes for the jobs with most images left, if fewer run than there are."""
        idle = self.workers - sum(running.image_workers for running in self.running.values())
        for _ in range(0 if self.waiting else idle):
            running = max(self.running.values(), key=self.images_left, default=None)
            if running is None or not self.images_left(running):
                return
            running.add_image_worker()

    def images_left(self, running: RunningPart) -> float:
        """Return how many images of a job are not checked yet, for each process that does it."""
        phase = self.phases.get(running.job.name)
        if phase is None or phase.unit != "images" or phase.total is None:
            return 0
        return (phase.total - phase.done) / running.image_workers

    def receive(self, connection: Connection) -> PartOutcome | None:
        """Receive what a process sends; return the outcome of its job if that is it."""
        running = self.running[connection]
        job, child = running.job, running.child
        try:
            message: Message | None = connection.recv()
        except (EOFError, OSError):
            message = self.outcome_of_death(job, child)
        if isinstance(message, PhaseProgress):
            self.phases[job.name] = message
            return None
        del self.running[connection]
        child.close()
        self.phases.pop(job.name, None)
        if isinstance(message, OSError):
            raise message
        seconds = time.monotonic() - running.start
        return None if message is None else PartOutcome(job, message, seconds)

    def outcome_of_death(self, job: PartJob, child: ChildProcess) -> FailedPart | None:
        """Return what came of a job whose process died; None if the job waits again."""
        end = child.describe_end()
        if child.process.exitcode == -SIGKILL and job.name not in self.killed:
            self.killed.add(job.name)  # from outside: what the process has stored is reused
            self.waiting.append(job)
            return None
        return FailedPart(job.name, f"the process that builds it {end}")

    def note(self) -> str:
        """Return how far each running job is."""
        return "; ".join(describe_phase(phase) for phase in self.phases.values())


def describe_phase(phase: PhaseProgress) -> str:
    """Return a phase in words."""
    of_total = "" if phase.total is None else f" of {phase.total:,}"
    return f"{phase.phase} {phase.done:,}{of_total}"


def serve_job(connection: Connection, job: PartJob) -> None:
    """Build the part of a job; send how far it is, now and then, and the outcome.

    What is received is how many processes may check images from now on.
    """
    last, count = 0.0, job.image_workers

    def image_workers() -> int:
        nonlocal count
        while connection.poll():
            count = connection.recv()
        return count

    def send(phase: PhaseProgress) -> None:
        nonlocal last
        if (now := time.monotonic()) - last > SHOW_EVERY_S:
            last = now
            connection.send(phase)

    try:
        connection.send(run_job(job, send, image_workers))
    except OSError as error:
        connection.send(error)
