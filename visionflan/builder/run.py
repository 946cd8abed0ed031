"""Build: from the releases under a data root to a build directory, going on where it was killed."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visionflan import catalog
from visionflan.builder.assemble import assemble
from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_store import ImageStore, load_image_metadata
from visionflan.builder.image_workers import ImageCheckPool
from visionflan.builder.instance_builder import InstanceBuilder
from visionflan.builder.output_dir import find_finished, lock_output_dir, remove_stale_files
from visionflan.builder.parts import FOLDER, DatasetPart, instance_writer, ledger_writer
from visionflan.builder.plan import BuildPlan, BuildSettings, plan, provenance, task_info
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.builder.source_fingerprint import source_digest
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError, VisionflanError

SPARE_FRACTION = (
    5  # one row in so many is kept beyond the cap, in place of rows whose pictures are bad
)


def build(
    data_root: Path,
    out: Path,
    settings: BuildSettings,
    *,
    workers: int | None = None,
    start_method: str | None = None,
    log: Callable[[str], object] = str,
) -> dict[str, Any]:
    """Build what is there and give the manifest; `tell` is given a line at each dataset's end.

    `start_method` is how Python starts the worker processes, where it matters. A dataset that
    cannot be read is told in the manifest with the status `failed`.
    """
    data_root, out = Path(os.path.abspath(data_root)), Path(os.path.abspath(out))  # noqa: PTH100
    if not data_root.is_dir():
        raise BuildError(f"{data_root} is not a folder: --data-root holds a folder a dataset")
    made = plan(data_root, settings)
    if not made.tasks:
        raise BuildError(
            f"{data_root} holds none of the wanted datasets ({', '.join(made.not_built)}): "
            "`visionflan datasets NAME` tells how to obtain one"
        )
    sources, before = {}, json.dumps(settings.as_json(), sort_keys=True)
    for name in made.tasks:
        before = sources[name] = source_digest(name, data_root, before, made.tasks[name])
    with lock_output_dir(out):
        if (whole := find_finished(out, settings, before)) is not None:
            return whole
        with ImageCheckPool(workers or os.cpu_count() or 1, start_method) as checker:
            run = BuildRun(data_root, out, settings, made, ImageCheckCache(checker))
            parts = [run.part(name, sources[name], log) for name in made.tasks]
        return run.finish([part for part in parts if part is not None])


class BuildRun:
    """One run of a build: its settings, and what it has learnt so far."""

    def __init__(
        self,
        data_root: Path,
        out: Path,
        settings: BuildSettings,
        made: BuildPlan,
        pictures: ImageCheckCache,
    ) -> None:
        self.data_root, self.out, self.settings = data_root, out, settings
        self.plan, self.pictures = made, pictures
        self.stored_ids: set[str] = set()
        self.told = dict(made.not_built)

    def part(self, name: str, source: str, log: Callable[[str], object]) -> DatasetPart | None:
        """Give the part of a dataset: that of an earlier run, or one that is made now."""
        folder = self.out / FOLDER / name
        if (earlier := DatasetPart.load(folder)) is not None and earlier.source == source:
            self.stored_ids.update(load_image_metadata([folder])["id"].to_pylist())
            self.told[name] = earlier.info
            log(f"{name}: kept from the run before")
            return earlier
        begun = folder / "source.txt"
        if not begun.is_file() or begun.read_text() != source:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            begun.write_text(source)
        (folder / "part.json").unlink(missing_ok=True)
        began = time.monotonic()
        try:
            part = self.make(name, folder)
        except VisionflanError as fault:
            why = str(fault).replace(f"{self.data_root}{os.sep}", "")
            self.told[name] = {"status": "failed", "message": why, **provenance(catalog.load(name))}
            log(f"{name}: failed: {why}")
            return None
        part.source = source
        part.save(folder)
        self.told[name] = part.info
        log(f"{name}: {part_summary(part)} ({time.monotonic() - began:.1f} s)")
        return part

    def make(self, name: str, folder: Path) -> DatasetPart:
        """Read a dataset, choose, check and store."""
        dataset = catalog.load(name)
        ledger, instances = ledger_writer(folder), instance_writer(folder)
        reading = ReleasePass(name, dataset, self.data_root, ledger.add)
        choices = [self.choice(name, task) for task in self.plan.tasks[name]]
        with tqdm(desc=f"{name}: reading", unit=" rows", disable=None, leave=False) as bar:
            for _ in reading.run(choices):
                bar.update()
        stored = ImageStore(self.out / "images", folder, name, self.stored_ids)
        self.pictures.remember(stored)
        wanted = sum(min(self.cap(choice.id), choice.usable) for choice in choices)
        with tqdm(
            desc=f"{name}: checking", total=wanted, unit=" rows", disable=None, leave=False
        ) as bar:
            filler = InstanceBuilder(reading, self.pictures, stored, instances, bar.update)
            for choice in choices:
                filler.fill(choice, self.cap(choice.id))
        for written in (stored, instances, ledger):
            written.close()
        self.stored_ids = stored.ids
        return DatasetPart(
            name,
            {
                "status": "built",
                "rows_read": reading.rows_read,
                "broken": reading.broken,
                **provenance(dataset),
            },
            {choice.id: task_info(name, dataset, choice.task.name) for choice in choices},
            {choice.id: choice.counts for choice in choices},
        )

    def choice(self, name: str, task: str) -> TaskSampler:
        """Begin the choice of rows for a task."""
        task_id = f"{name}/{task}"
        cap = self.cap(task_id)
        limit = cap + cap // SPARE_FRACTION + 1
        return TaskSampler(task_id, catalog.load(name).tasks[task], self.settings.seed, limit)

    def cap(self, task_id: str) -> int:
        """Give how many instances a task has at most."""
        if task_id in self.plan.held_out:
            return min(self.settings.max_per_task, self.settings.max_per_held_out_task)
        return self.settings.max_per_task

    def finish(self, parts: list[DatasetPart]) -> dict[str, Any]:
        """Put the parts together; they are kept while a dataset is still to be mended."""
        settings = self.settings
        hold_out = HoldOutConfig(
            image_fraction=settings.hold_out_images, tasks=self.plan.held_out, seed=settings.seed
        )
        about = {
            "settings": settings.as_json(),
            "excluded_tasks": self.plan.excluded_tasks,
            "unknown_directories": self.plan.unknown_directories,
        }
        manifest = assemble(
            self.out,
            parts,
            hold_out=hold_out,
            about=about,
            datasets=dict(sorted(self.told.items())),
        )
        remove_stale_files(self.out, manifest)
        return manifest


def part_summary(part: DatasetPart) -> str:
    """Sum up a part in a line."""
    counts = part.counts.values()
    kept, lost = (
        sum(task.kept for task in counts),
        sum(sum(task.dropped.values()) for task in counts),
    )
    lost += sum(part.info["broken"].values())
    return f"{part.info['rows_read']:,} rows read, {kept:,} instances, {lost:,} lost"
