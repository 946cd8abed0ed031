"""What a process that reads one release does: sample its rows, and send them to the parent."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from visionflan import catalog
from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.parts import TaskCounts
from visionflan.builder.release_watch import ReleaseWatch
from visionflan.builder.sampling import ReleasePass, TaskSampler, find_file_fault
from visionflan.errors import VisionflanError
from visionflan.image_sources import ImageSource, containing_file
from visionflan.storage.schema import LedgerEntry

Item = TypeVar("Item")

ITEMS_AT_ONCE = 1_000  # rows or ledger entries in a message


class ReadJob(NamedTuple):
    """What is read: a dataset, and how many rows are kept for each of its tasks."""

    name: str
    data_root: Path
    seed: int
    limits: dict[str, int]
    with_official: bool  # whether to collect what official validation and test rows name
    seconds: float = math.inf  # after which reading stops


class Monitor(NamedTuple):
    """Memory shared with the parent: the number of rows read, and the last file opened."""

    rows: Any
    file: Any


class SampledRows(NamedTuple):
    """A message: entries of the heap of a task's sampler."""

    task: str
    heap: Sequence[Any]


class OfficialImages(NamedTuple):
    """A message: images of rows of official validation and test splits."""

    images: Sequence[ImageSource]


class ReadReport(NamedTuple):
    """The last message: the counts of a complete pass, or the sentence about its failure.

    Attributes:
        error: the sentence; empty if the pass did not fail.
        stopped: whether reading stopped after the seconds of the job.
        rows_read: the number of rows, including broken ones.
        broken: the number of broken rows by reason.
        unread: directories with data in which nothing was read, with their numbers of files.
        counts: the counts and the number of usable rows, by task.
        official_groups: the groups of rows of official validation and test splits.
    """

    error: str
    stopped: bool
    rows_read: int
    broken: dict[str, int]
    unread: dict[str, int]
    counts: dict[str, tuple[TaskCounts, int]]
    official_groups: set[str]


def read_release(connection: Connection, job: ReadJob, monitor: Monitor) -> None:
    """Read the release of a job: send ledger entries, sampled rows, and a report."""
    dataset = catalog.load(job.name)
    outbox = Outbox(connection)
    official = OfficialRows() if job.with_official else None
    release = ReleasePass(job.name, dataset, job.data_root, outbox.add, official=official)
    samplers = {
        task: TaskSampler(f"{job.name}/{task}", dataset.tasks[task], job.seed, limit)
        for task, limit in job.limits.items()
    }
    watch = ReleaseWatch(release.root, monitor.file)
    watch.install()
    error, stopped, unread = "", False, {}
    end = time.monotonic() + job.seconds
    try:
        for _ in release.run(list(samplers.values())):
            monitor.rows.value = release.rows_read
            if time.monotonic() > end:
                stopped = True
                break
        for broken in watch.unreadable():
            release.record_broken(broken)
        outbox.flush()
        send_sample(connection, samplers, release)
        unread = watch.unread(release.image_directories)
    except (BrokenPipeError, ConnectionResetError):  # the parent is gone
        raise
    except VisionflanError as failure:
        error = str(failure)
    # Whatever a dataset file does, such as calling sys.exit, must be told to the parent.
    except BaseException as failure:
        error = f"{job.name}: reading it failed with {type(failure).__name__}: {failure}"
    counts = {task: (sampler.counts, sampler.usable) for task, sampler in samplers.items()}
    groups = official.groups if official is not None else set()
    report = ReadReport(error, stopped, release.rows_read, release.broken, unread, counts, groups)
    connection.send(report)


def send_sample(
    connection: Connection, samplers: Mapping[str, TaskSampler], release: ReleasePass
) -> None:
    """Send the sampled rows of each task, and the images of official rows."""
    for task, sampler in samplers.items():
        for entries in batched(sampler.heap):
            connection.send(SampledRows(task, entries))
    for images in batched(readable_images(release.official, release.data_root)):
        connection.send(OfficialImages(images))


def batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield what is sent together."""
    for start in range(0, len(items), ITEMS_AT_ONCE):
        yield items[start : start + ITEMS_AT_ONCE]


def readable_images(official: OfficialRows | None, data_root: Path) -> list[ImageSource]:
    """Return the images of official rows whose files are there, inside the data root."""
    images = official.images.values() if official is not None else ()
    root = str(data_root)
    return [image for image in images if find_file_fault(str(containing_file(image)), root) is None]


class Outbox:
    """Ledger entries that wait to be sent together."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.entries: list[LedgerEntry] = []

    def add(self, entry: LedgerEntry) -> None:
        """Add an entry."""
        self.entries.append(entry)
        if len(self.entries) >= ITEMS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Send the entries that wait."""
        self.connection.send(self.entries)
        self.entries = []
