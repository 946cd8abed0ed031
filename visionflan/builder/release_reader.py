"""Read releases in processes of their own: whatever a release does costs that dataset alone.

A process that crashes, allocates without end or waits for ever is ended, and the sentence about it
names the last file that it opened.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import BaseContext
from pathlib import Path

from visionflan.builder.child_process import ChildProcess, process_context
from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.release_process import (
    Monitor,
    OfficialImages,
    ReadJob,
    ReadReport,
    SampledRows,
    read_release,
)
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.errors import ReleaseError
from visionflan.plural import counted
from visionflan.storage.schema import LedgerEntry

STALL_S = 600  # without a row, a file or a byte, after which a process is ended
POLL_S = 0.5  # how often the parent looks at a process that sends nothing
MEMORY_SHARE = 0.9  # of the machine's memory, that one process may use
PATH_BYTES = 4_096
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")

Message = list[LedgerEntry] | SampledRows | OfficialImages | ReadReport


class ReleaseReader:
    """Read releases, each in a process of its own."""

    def __init__(self, start_method: str | None = None) -> None:
        self.context = process_context(start_method)

    def read(
        self,
        release: ReleasePass,
        samplers: Sequence[TaskSampler],
        progress: Callable[[int], object] = id,
        *,
        seconds: float = math.inf,
    ) -> bool:
        """Fill the samplers, and the counts of the pass, by reading the release for some seconds.

        Return whether all rows were read. `progress` receives the number of rows, again and again.
        Raises ReleaseError if the release cannot be read.
        """
        limits = {sampler.task.name: sampler.limit for sampler in samplers}
        with_official = release.official is not None
        job = ReadJob(
            release.name, release.data_root, samplers[0].seed, limits, with_official, seconds
        )
        process = ReadProcess(self.context, job)
        by_task = {sampler.task.name: sampler for sampler in samplers}
        official = release.official or OfficialRows()
        try:
            for message in process.messages(progress):
                match message:
                    case SampledRows(task, heap):
                        by_task[task].heap.extend(heap)
                    case OfficialImages(images):
                        official.add_images(images)
                    case ReadReport():
                        fill_counts(message, release, by_task)
                        return not message.stopped
                    case entries:
                        for entry in entries:
                            release.write(entry)
        finally:
            process.child.close()
        raise AssertionError("a process ends with a report")


def fill_counts(
    report: ReadReport, release: ReleasePass, samplers: Mapping[str, TaskSampler]
) -> None:
    """Copy the counts of a report; raise ReleaseError if the pass failed."""
    if report.error:
        raise ReleaseError(report.error)
    release.rows_read, release.broken = report.rows_read, report.broken
    release.unread = report.unread
    if release.official is not None:
        release.official.groups.update(report.official_groups)
    for task, sampler in samplers.items():
        sampler.counts, sampler.usable = report.counts[task]


class ReadProcess:
    """A process that reads one release, seen from its parent."""

    def __init__(self, context: BaseContext, job: ReadJob) -> None:
        self.job = job
        self.monitor = Monitor(context.RawValue("Q", 0), context.RawArray("c", PATH_BYTES))
        memory = int(MEMORY_SHARE * machine_memory())
        self.child = ChildProcess(context, read_release, job, self.monitor, memory=memory)

    def messages(self, progress: Callable[[int], object]) -> Iterator[Message]:
        """Yield what the process sends; raise ReleaseError if it ends or stalls."""
        while True:
            self.wait(progress)
            try:
                message: Message = self.child.connection.recv()
            except (EOFError, OSError) as error:
                raise ReleaseError(
                    f"{self.job.name}: the process that reads it {self.child.describe_end()} "
                    f"{self.position()}"
                ) from error
            yield message

    def wait(self, progress: Callable[[int], object]) -> None:
        """Wait until the process sends something; end it if nothing happens for too long."""
        state, since = self.state(), time.monotonic()
        while not self.child.connection.poll(POLL_S):
            progress(self.monitor.rows.value)
            if (now := self.state()) != state:
                state, since = now, time.monotonic()
            elif time.monotonic() - since > STALL_S:
                self.child.kill()
                raise ReleaseError(
                    f"{self.job.name}: reading it stopped, with no row, file or byte for "
                    f"{STALL_S:,} seconds {self.position()}"
                )

    def state(self) -> tuple[int, bytes, str]:
        """Return what changes while the process gets on."""
        transferred = ""
        with suppress(OSError):  # there is no such file outside Linux
            transferred = Path(f"/proc/{self.child.process.pid}/io").read_text()
        return self.monitor.rows.value, self.monitor.file.value, transferred

    def position(self) -> str:
        """Return where the process is in the release."""
        rows, file = self.monitor.rows.value, os.fsdecode(self.monitor.file.value)
        where = f"after {counted(rows, 'row')}" if rows else "before the first row"
        return f"{where}; the last file that it opened is {file}" if file else where


def machine_memory() -> int:
    """Return the memory of this machine, or of this container, in bytes."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):
        memory = min(memory, int(CGROUP_LIMIT.read_text()))
    return memory
