"""Build the part of one dataset: a function of the dataset, its release and the settings alone.

    release -> rows -> sampled candidates -> checked images -> instances -> stored part

A process reads the release, processes check the images and store them in shards of their own, and
this one writes the instances.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.chunk_processes import ChunkProcesses
from visionflan.builder.instance_builder import InstanceBuilder
from visionflan.builder.official_images import write_official_images
from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.part_checks import (
    PartChecks,
    PhaseProgress,
    ShowProgress,
    count_units,
)
from visionflan.builder.part_job import PartJob
from visionflan.builder.parts import (
    DatasetPart,
    TableWriter,
    UnwrittenRow,
    instance_writer,
    ledger_writer,
)
from visionflan.builder.plan import provenance, task_info
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.repeated_images import remove_unused_images
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.dataset import Dataset

SPARE_FRACTION = 5  # 1 / 5 more rows than the maximum are sampled, to replace unusable ones


def build_part(
    job: PartJob, progress: ShowProgress, image_workers: Callable[[], int] | None = None
) -> DatasetPart:
    """Build the part of a dataset, or what an interrupted run left of it, and store it.

    `image_workers` returns how many processes may check images now, if not as many as at first.
    """
    prepare_part(job.directory, job.source)
    count = image_workers or (lambda: job.image_workers)
    with ChunkProcesses(job.images, count, job.start_method) as processes:
        part = PartBuilder(job, PartChecks(processes, progress), progress).build()
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

    def __init__(self, job: PartJob, checks: PartChecks, progress: ShowProgress) -> None:
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
        builder = self.write_instances(release, instances)
        unwritten = builder.unwritten
        if official is not None:
            unwritten.update(UnwrittenRow((), "test", group) for group in official.groups)
        images = official.images if official is not None else {}
        phase = f"{job.name}: checking official"
        checking = count_units(self.progress, phase, "images", len(images))
        write_official_images(job.directory, images, self.checks, builder.used_images, checking)
        for writer in (instances, ledger):
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

    def write_instances(self, release: ReleasePass, instances: TableWriter) -> InstanceBuilder:
        """Check the images of all tasks, and write the instances; return what made them."""
        limits = list(self.job.tasks.values())
        candidates = [sampler.candidates() for sampler in self.samplers]
        self.checks.check(
            image
            for own, limit in zip(candidates, limits, strict=True)
            for candidate in own[:limit]
            for image in candidate.example.images
        )
        expected = sum(map(min, limits, (sampler.usable for sampler in self.samplers)))
        writing = count_units(self.progress, f"{self.job.name}: writing", "rows", expected)
        builder = InstanceBuilder(
            release, self.reader, self.checks, instances, self.job.settings, writing
        )
        for sampler, limit in zip(self.samplers, limits, strict=True):
            builder.build_task(sampler, candidates.pop(0), limit)
        self.checks.close()
        remove_unused_images(self.job.images, builder.used_images)
        return builder

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
