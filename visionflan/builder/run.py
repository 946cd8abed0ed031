"""Build: from the releases under a data root to a build directory; resumes a killed build."""

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
from visionflan.builder.parts import PARTS_DIR, DatasetPart, instance_writer, ledger_writer
from visionflan.builder.plan import BuildPlan, BuildSettings, plan, provenance, task_info
from visionflan.builder.sampling import ReleasePass, TaskSampler
from visionflan.builder.source_fingerprint import build_fingerprint
from visionflan.builder.split import HoldOutConfig
from visionflan.errors import BuildError, VisionflanError

SPARE_FRACTION = 5  # 1 / 5 more rows than the maximum are sampled, to replace unusable ones


def build(
    data_root: Path,
    out: Path,
    settings: BuildSettings,
    *,
    workers: int | None = None,
    start_method: str | None = None,
    log: Callable[[str], object] = str,
) -> dict[str, Any]:
    """Build the datasets under a data root and return the manifest.

    A dataset that cannot be read has the status `failed` in the manifest. `start_method` is that
    of `multiprocessing`; `log` receives a line per dataset.
    """
    data_root, out = Path(os.path.abspath(data_root)), Path(os.path.abspath(out))  # noqa: PTH100
    if not data_root.is_dir():
        raise BuildError(
            f"{data_root} is not a directory: --data-root must contain one subdirectory per dataset"
        )
    build_plan = plan(data_root, settings)
    if not build_plan.tasks:
        raise BuildError(
            f"{data_root} contains none of the requested datasets "
            f"({', '.join(build_plan.not_built)}): see `visionflan datasets NAME` for how to "
            "obtain one"
        )
    fingerprint = build_fingerprint(data_root, settings.as_json(), build_plan.tasks)
    with lock_output_dir(out):
        if (manifest := find_finished(out, fingerprint)) is not None:
            return manifest
        with ImageCheckPool(workers or os.cpu_count() or 1, start_method) as pool:
            run = BuildRun(data_root, out, settings, build_plan, ImageCheckCache(pool))
            sources = fingerprint.part_digests()
            parts = [run.build_or_reuse(name, sources[name], log) for name in build_plan.tasks]
        return run.finish([part for part in parts if part is not None])


class BuildRun:
    """One run of a build, with the images stored and the datasets finished so far."""

    def __init__(
        self,
        data_root: Path,
        out: Path,
        settings: BuildSettings,
        build_plan: BuildPlan,
        checks: ImageCheckCache,
    ) -> None:
        self.data_root, self.out, self.settings = data_root, out, settings
        self.plan, self.checks = build_plan, checks
        self.stored_ids: set[str] = set()
        self.datasets = dict(build_plan.not_built)

    def build_or_reuse(
        self, name: str, source: str, log: Callable[[str], object]
    ) -> DatasetPart | None:
        """Return the part of a dataset, from an earlier run or built now; None if it fails."""
        directory = self.out / PARTS_DIR / name
        if (earlier := DatasetPart.load(directory)) is not None and earlier.source == source:
            self.stored_ids.update(load_image_metadata([directory])["id"].to_pylist())
            self.datasets[name] = earlier.info
            log(f"{name}: reused from the previous run")
            return earlier
        started = directory / "source.txt"
        if not started.is_file() or started.read_text() != source:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            started.write_text(source)
        (directory / "part.json").unlink(missing_ok=True)
        start_time = time.monotonic()
        try:
            part = self.build_dataset(name, directory)
        except VisionflanError as error:
            message = str(error).replace(f"{self.data_root}{os.sep}", "")
            dataset = provenance(catalog.load(name))
            self.datasets[name] = {"status": "failed", "message": message, **dataset}
            log(f"{name}: failed: {message}")
            return None
        part.source = source
        part.save(directory)
        self.datasets[name] = part.info
        log(f"{name}: {part_summary(part)} ({time.monotonic() - start_time:.1f} s)")
        return part

    def build_dataset(self, name: str, directory: Path) -> DatasetPart:
        """Read a dataset, sample its rows, check and store its images, and write its instances."""
        dataset = catalog.load(name)
        ledger, instances = ledger_writer(directory), instance_writer(directory)
        release = ReleasePass(name, dataset, self.data_root, ledger.add)
        samplers = [self.make_sampler(name, task) for task in self.plan.tasks[name]]
        with tqdm(desc=f"{name}: reading", unit=" rows", disable=None, leave=False) as bar:
            for _ in release.run(samplers):
                bar.update()
        store = ImageStore(self.out / "images", directory, name, self.stored_ids)
        self.checks.load_previous(store)
        expected = sum(min(self.max_instances(s.id), s.usable) for s in samplers)
        with tqdm(
            desc=f"{name}: checking", total=expected, unit=" rows", disable=None, leave=False
        ) as bar:
            builder = InstanceBuilder(
                release, self.checks, store, instances, self.settings, bar.update
            )
            for sampler in samplers:
                builder.build_task(sampler, self.max_instances(sampler.id))
        for writer in (store, instances, ledger):
            writer.close()
        self.stored_ids = store.ids
        return DatasetPart(
            name,
            {
                "status": "built",
                "rows_read": release.rows_read,
                "broken": release.broken,
                **provenance(dataset),
            },
            {sampler.id: task_info(name, dataset, sampler.task.name) for sampler in samplers},
            {sampler.id: sampler.counts for sampler in samplers},
        )

    def make_sampler(self, name: str, task: str) -> TaskSampler:
        """Return a sampler for a task, which keeps some spare rows."""
        task_id = f"{name}/{task}"
        max_instances = self.max_instances(task_id)
        limit = max_instances + max_instances // SPARE_FRACTION + 1
        return TaskSampler(task_id, catalog.load(name).tasks[task], self.settings.seed, limit)

    def max_instances(self, task_id: str) -> int:
        """Return the maximum number of instances of a task."""
        if task_id in self.plan.held_out:
            return min(self.settings.max_per_task, self.settings.max_per_held_out_task)
        return self.settings.max_per_task

    def finish(self, parts: list[DatasetPart]) -> dict[str, Any]:
        """Assemble the parts, remove stale files, and return the manifest."""
        settings = self.settings
        hold_out = HoldOutConfig(
            image_fraction=settings.hold_out_images,
            tasks=self.plan.held_out,
            seed=settings.seed,
            official=settings.hold_out_official,
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
            datasets=dict(sorted(self.datasets.items())),
        )
        remove_stale_files(self.out, manifest)
        return manifest


def part_summary(part: DatasetPart) -> str:
    """Return a one-line summary of a part."""
    counts = part.counts.values()
    written = sum(task.written for task in counts)
    dropped = sum(sum(task.dropped.values()) for task in counts)
    dropped += sum(part.info["broken"].values())
    return f"{part.info['rows_read']:,} rows read, {written:,} instances, {dropped:,} dropped"
