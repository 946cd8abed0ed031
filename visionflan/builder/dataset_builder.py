"""Build the part of one dataset: read and sample its rows, check its images, write its instances.

A process reads the release, processes check the images, and this one writes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from visionflan import catalog
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_store import ImageStore
from visionflan.builder.instance_builder import InstanceBuilder
from visionflan.builder.official_images import write_official_images
from visionflan.builder.official_rows import OfficialRows
from visionflan.builder.parts import DatasetPart, UnwrittenRow, instance_writer, ledger_writer
from visionflan.builder.plan import BuildPlan, BuildSettings, provenance, task_info
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.progress import ProgressBar
from visionflan.storage.schema import LedgerEntry

SPARE_FRACTION = 5  # 1 / 5 more rows than the maximum are sampled, to replace unusable ones


@dataclass
class DatasetBuilder:
    """Builds parts one after another; `stored_ids` are the images of the parts so far."""

    data_root: Path
    out: Path
    settings: BuildSettings
    plan: BuildPlan
    checks: ImageCheckCache
    reader: ReleaseReader
    stored_ids: set[str] = field(default_factory=set)

    def start_reading(self, name: str) -> None:
        """Start to read a release, if that has not been done, while other work goes on."""
        if name not in self.reader.started:
            self.reader.start(self.release_pass(name), self.samplers(name))

    def release_pass(self, name: str, write: Callable[[LedgerEntry], object] = id) -> ReleasePass:
        """Return a pass over a release that collects official rows if they are held out."""
        official = OfficialRows() if self.settings.hold_out_official else None
        return ReleasePass(name, catalog.load(name), self.data_root, write, official=official)

    def build(self, name: str, directory: Path) -> DatasetPart:
        """Build the part of a dataset in a directory."""
        dataset = catalog.load(name)
        ledger, instances = ledger_writer(directory), instance_writer(directory)
        release = self.release_pass(name, ledger.add)
        samplers = self.samplers(name)
        with ProgressBar(f"{name}: reading", unit="rows") as progress:
            self.reader.read(release, samplers, progress.advance_to)
        store = ImageStore(self.out / "images", directory, name, self.stored_ids)
        self.checks.load_previous(store)
        expected = sum(min(self.max_instances(s.id), s.usable) for s in samplers)
        with ProgressBar(f"{name}: checking", expected, unit="rows") as progress:
            builder = InstanceBuilder(
                release, self.reader, self.checks, store, instances, self.settings, progress.update
            )
            for sampler in samplers:
                builder.build_task(sampler, self.max_instances(sampler.id))
        official = release.official or OfficialRows()
        builder.unwritten.update(UnwrittenRow((), "test", group) for group in official.groups)
        total = len(official.images) or None
        with ProgressBar(f"{name}: checking official", total, unit="images") as progress:
            write_official_images(
                directory, official.images, self.checks, store.ids, progress.update
            )
        for writer in (store, instances, ledger):
            writer.close()
        self.stored_ids = store.ids
        return DatasetPart(
            name,
            {
                "status": "built",
                "rows_read": release.rows_read,
                "broken": release.broken,
                # Where no row is sound, no image was read, which says nothing about the images.
                "unread_directories": {} if release.all_broken else release.unread,
                **provenance(dataset),
            },
            {sampler.id: task_info(name, dataset, sampler.task.name) for sampler in samplers},
            {sampler.id: sampler.counts for sampler in samplers},
            sorted(builder.unwritten),
        )

    def samplers(self, name: str) -> list[TaskSampler]:
        """Return a sampler for each task of a dataset, which keeps some spare rows."""
        samplers = []
        for task in self.plan.tasks[name]:
            limit = self.max_instances(f"{name}/{task}")
            limit += limit // SPARE_FRACTION + 1
            declared = catalog.load(name).tasks[task]
            samplers.append(TaskSampler(f"{name}/{task}", declared, self.settings.seed, limit))
        return samplers

    def max_instances(self, task_id: str) -> int:
        """Return the maximum number of instances of a task."""
        if task_id in self.plan.held_out:
            return min(self.settings.max_per_task, self.settings.max_per_held_out_task)
        return self.settings.max_per_task
