"""Build the part of one dataset: a function of the dataset, its release and the settings alone.

    release -> rows -> sampled candidates -> checked images -> instances -> stored part

A process reads the release, processes check the images, and this one writes.
"""

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from visionflan import catalog
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_store import ImageStore
from visionflan.builder.instance_builder import InstanceBuilder
from visionflan.builder.official_images import write_official_images
from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.parts import (
    PARTS_DIR,
    DatasetPart,
    TableWriter,
    UnwrittenRow,
    instance_writer,
    ledger_writer,
)
from visionflan.builder.plan import BuildSettings, provenance, task_info
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.builder.staging import Staging
from visionflan.dataset import Dataset

SPARE_FRACTION = 5  # 1 / 5 more rows than the maximum are sampled, to replace unusable ones


class PhaseProgress(NamedTuple):
    """How much of a phase of the work is done."""

    phase: str
    unit: str
    done: int
    total: int | None


ShowProgress = Callable[[PhaseProgress], object]


class PartJob(NamedTuple):
    """All that the part of a dataset depends on, and where it is written.

    Attributes:
        name: the dataset's name.
        tasks: the maximum number of instances of each task, by the task's name.
        settings: the settings of the build.
        data_root: the directory that contains the release.
        out: the build directory.
        source: the digest of all that the part depends on.
        image_workers: the number of processes that check images.
        start_method: that of `multiprocessing`, or None for the platform's.
        staging: which of the directories are in a store.
    """

    name: str
    tasks: dict[str, int]
    settings: BuildSettings
    data_root: Path
    out: Path
    source: str
    image_workers: int = 1
    start_method: str | None = None
    staging: Staging = Staging()

    @property
    def directory(self) -> Path:
        """Return the directory of the part."""
        return self.out / PARTS_DIR / self.name


def build_part(job: PartJob, progress: ShowProgress) -> DatasetPart:
    """Build the part of a dataset, or what an interrupted run left of it, and store it."""
    prepare_part(job.directory, job.source)
    with ImageCheckPool(job.image_workers, job.start_method) as pool:
        part = PartBuilder(job, ImageCheckCache(pool), progress).build()
    part.save(job.directory)
    return part


def prepare_part(directory: Path, source: str) -> None:
    """Prepare the directory of a part; what an interrupted run made of the same source is kept."""
    started = directory / "source.txt"
    if not started.is_file() or started.read_bytes() != source.encode():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        started.write_text(source)
    (directory / "part.json").unlink(missing_ok=True)


class PartBuilder:
    """The steps from a release to the tables of a part."""

    def __init__(self, job: PartJob, checks: ImageCheckCache, progress: ShowProgress) -> None:
        self.job, self.checks, self.progress = job, checks, progress
        self.dataset: Dataset[Any] = catalog.load(job.name)
        self.reader = ReleaseReader(job.start_method)
        self.samplers = [self.sampler(task, limit) for task, limit in job.tasks.items()]

    def sampler(self, task: str, limit: int) -> TaskSampler:
        """Return a sampler of a task's rows, with some spare ones."""
        job, limit = self.job, limit + limit // SPARE_FRACTION + 1
        declared = self.dataset.tasks[task]
        return TaskSampler(f"{job.name}/{task}", declared, job.settings.seed, limit)

    def build(self) -> DatasetPart:
        """Write ledger, instances and images of the part."""
        job = self.job
        ledger, instances = ledger_writer(job.directory), instance_writer(job.directory)
        official = OfficialRows() if job.settings.hold_out_official else None
        release = ReleasePass(job.name, self.dataset, job.data_root, ledger.add, official=official)
        self.reader.read(release, self.samplers, self.show_read_rows)
        store = ImageStore(job.out / "images", job.directory, job.name)
        unwritten = self.write_instances(release, store, instances)
        if official is not None:
            unwritten.update(UnwrittenRow((), "test", group) for group in official.groups)
        images = official.images if official is not None else {}
        checking = self.counter(f"{job.name}: checking official", "images", len(images))
        write_official_images(job.directory, images, self.checks, store.ids, checking)
        for writer in (store, instances, ledger):
            writer.close()
        names = [task_info(job.name, self.dataset, sampler.task.name) for sampler in self.samplers]
        return DatasetPart(
            job.name,
            self.info(release),
            {sampler.id: info for sampler, info in zip(self.samplers, names, strict=True)},
            {sampler.id: sampler.counts for sampler in self.samplers},
            sorted(unwritten),
            job.source,
        )

    def write_instances(
        self, release: ReleasePass, store: ImageStore, instances: TableWriter
    ) -> set[UnwrittenRow]:
        """Write the instances of all tasks; return the dropped rows that count for the split."""
        self.checks.load_previous(store)
        limits = list(self.job.tasks.values())
        expected = sum(map(min, limits, (sampler.usable for sampler in self.samplers)))
        checking = self.counter(f"{self.job.name}: checking", "rows", expected)
        builder = InstanceBuilder(
            release, self.reader, self.checks, store, instances, self.job.settings, checking
        )
        for sampler, limit in zip(self.samplers, limits, strict=True):
            builder.build_task(sampler, limit)
        return builder.unwritten

    def counter(self, phase: str, unit: str, total: int) -> Callable[[], object]:
        """Return a function that counts one unit of a phase as done."""
        done = count(1)
        return lambda: self.progress(PhaseProgress(phase, unit, next(done), total))

    def show_read_rows(self, done: int) -> None:
        """Show how many rows have been read."""
        self.progress(PhaseProgress(f"{self.job.name}: reading", "rows", done, None))

    def info(self, release: ReleasePass) -> dict[str, Any]:
        """Return the entry of the dataset in the manifest."""
        return {
            "status": "built",
            "rows_read": release.rows_read,
            "broken": release.broken,
            # Where no row is sound, no image was read, which says nothing about the images.
            "unread_directories": {} if release.all_broken else release.unread,
            **provenance(self.dataset),
        }
