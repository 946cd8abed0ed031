"""Build: from the releases under a data root to a build directory; resumes a killed build."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from visionflan import catalog
from visionflan.builder.assemble import assemble
from visionflan.builder.build_output import BuildOutput, RunJobs
from visionflan.builder.build_request import check_request, usable_workers
from visionflan.builder.decontamination.references import Decontamination
from visionflan.builder.image_store import has_complete_shards
from visionflan.builder.locations import BuildLocations, open_locations
from visionflan.builder.output_dir import find_finished, remove_stale_files
from visionflan.builder.part_job import PartJob
from visionflan.builder.part_processes import FailedPart, PartOutcome, run_jobs
from visionflan.builder.parts import DatasetPart
from visionflan.builder.plan import BuildPlan, BuildSettings, plan, provenance
from visionflan.builder.repeated_images import parts_without_images, remove_repeated_images
from visionflan.builder.source_fingerprint import BuildFingerprint, build_fingerprint
from visionflan.builder.split import HoldOutConfig
from visionflan.plural import counted


def build(  # noqa: PLR0913
    data_root: Path | str,
    out: Path | str,
    settings: BuildSettings,
    *,
    workers: int | None = None,
    start_method: str | None = None,
    log: Callable[[str], object] = str,
    decontamination: Decontamination | None = None,
    update: bool = False,
    ray_address: str | None = None,
    scratch: Path | None = None,
) -> dict[str, Any]:
    """Build the datasets under a data root and return the manifest.

    With `update` a complete build is changed: only what is new or changed is built again. A dataset
    that cannot be read has the status `failed` in the manifest. `start_method` is that of
    `multiprocessing`; `log` receives a line per dataset. With `ray_address` the datasets are built
    on a Ray cluster (see `executors`). Data root and output may be URLs of stores; then `scratch`
    is the directory for temporary copies on each machine.
    """
    with open_locations(data_root, out, scratch, log) as opened:
        # Another machine may not have the directory that was opened on this one.
        locations = opened if ray_address is None else opened._replace(scratch=scratch)
        releases, output = locations.releases, locations.output
        build_plan = plan(releases.path, settings)
        check_request(releases.path, output.path, build_plan)
        inputs = settings.as_json()
        if decontamination is not None:
            inputs["decontamination"] = decontamination.as_json()
        fingerprint = build_fingerprint(inputs, build_plan.tasks, releases.digest)
        with output.lock():
            if (manifest := find_finished(output.path, fingerprint, update=update)) is None:
                output.begin()
                jobs = plan_jobs(locations, settings, build_plan, fingerprint, start_method)
                run = BuildRun(output, jobs, settings, build_plan, log)
                run.build_parts(job_runner(workers, ray_address, log))
                manifest = run.finish(decontamination)
            else:
                log(f"{out} is complete: nothing had to be built")
            output.finish()
            return manifest


def plan_jobs(
    locations: BuildLocations,
    settings: BuildSettings,
    build_plan: BuildPlan,
    fingerprint: BuildFingerprint,
    start_method: str | None,
) -> dict[str, PartJob]:
    """Return the jobs of all datasets of a plan, by their names."""
    data_root, out = locations.releases.path, locations.output.path
    jobs: dict[str, PartJob] = {}
    for name in build_plan.tasks:
        limits = build_plan.limits(name, settings)
        job = PartJob(name, limits, settings, data_root, out, fingerprint.part_digest(name, limits))
        jobs[name] = job._replace(start_method=start_method, staging=locations.staging(name))
    return jobs


def job_runner(
    workers: int | None, ray_address: str | None, log: Callable[[str], object]
) -> RunJobs:
    """Return a function that runs jobs in processes of this machine, or on a Ray cluster."""
    if ray_address is None:
        return partial(run_jobs, workers=usable_workers(workers, log))
    from visionflan.builder.part_cluster import run_jobs_on_ray

    return partial(run_jobs_on_ray, address=ray_address)


class BuildRun:
    """One run of a build: the jobs of all datasets, and their parts so far."""

    def __init__(
        self,
        output: BuildOutput,
        jobs: dict[str, PartJob],
        settings: BuildSettings,
        build_plan: BuildPlan,
        log: Callable[[str], object],
    ) -> None:
        self.output, self.jobs, self.settings = output, jobs, settings
        self.plan, self.log = build_plan, log
        self.parts: dict[str, DatasetPart] = {}
        self.failures: dict[str, FailedPart] = {}

    def build_parts(self, run_jobs: RunJobs) -> None:
        """Build the parts that no earlier run completed."""
        for name, job in self.jobs.items():
            if (part := earlier_part(job)) is not None:
                self.parts[name] = part
                self.log(f"{name}: reused from the previous run")
        waiting = [job for name, job in self.jobs.items() if name not in self.parts]
        while waiting:
            for outcome in self.output.run(run_jobs, waiting):
                self.add(outcome)
            waiting = self.discard_parts_without_images()

    def add(self, outcome: PartOutcome) -> None:
        """Add the outcome of a job, and log it."""
        name, part = outcome.job.name, outcome.part
        if isinstance(part, FailedPart):
            self.failures[name] = part
            self.log(f"{name}: failed: {part.message}")
            return
        self.parts[name] = part
        self.log(f"{name}: {part_summary(part)} ({outcome.seconds:.1f} s)")
        for unread, files in part.info["unread_directories"].items():
            self.log(f"{name}: not read: {unread} ({counted(files, 'file')})")

    def discard_parts_without_images(self) -> list[PartJob]:
        """Discard the parts whose images were stored by a part that has changed; return their jobs.

        An image of several datasets is stored by one of them.
        """
        jobs = [self.jobs[path.name] for path in parts_without_images(self.directories())]
        for job in jobs:
            del self.parts[job.name]
            shutil.rmtree(job.directory)
        return jobs

    def directories(self) -> list[Path]:
        """Return the directories of the parts, in the order of the plan."""
        return [job.directory for name, job in self.jobs.items() if name in self.parts]

    def datasets(self) -> dict[str, Any]:
        """Return the entries of all datasets in the manifest."""
        failed = {
            name: {"status": "failed", "message": failure.message, **provenance(catalog.load(name))}
            for name, failure in self.failures.items()
        }
        built = {name: part.info for name, part in self.parts.items()}
        return dict(sorted((self.plan.not_built | built | failed).items()))

    def finish(self, decontamination: Decontamination | None) -> dict[str, Any]:
        """Assemble the parts, remove stale files, and return the manifest."""
        parts = [self.parts[name] for name in self.jobs if name in self.parts]
        settings, built = self.settings, {task for part in parts for task in part.tasks}
        hold_out = HoldOutConfig(
            image_fraction=settings.hold_out_images,
            tasks=tuple(task for task in self.plan.held_out if task in built),
            seed=settings.seed,
            official=settings.hold_out_official,
        )
        about = {
            "settings": settings.as_json(),
            "excluded_tasks": self.plan.excluded_tasks,
            "unknown_directories": self.plan.unknown_directories,
        }
        out = self.output.path
        remove_repeated_images(out / "images", self.directories(), self.output.editing)
        manifest = assemble(
            out,
            parts,
            hold_out=hold_out,
            about=about,
            datasets=self.datasets(),
            decontamination=decontamination,
            read_shard=self.output.read_shard,
        )
        remove_stale_files(out, manifest)
        return manifest


def earlier_part(job: PartJob) -> DatasetPart | None:
    """Return the complete part of an earlier run; None if there is none of the same inputs."""
    part = DatasetPart.load(job.directory)
    if part is None or part.source != job.source:
        return None
    if not has_complete_shards(job.out / "images", job.directory, job.name):
        # A shard was being written again: the part begins anew, and so ends as in another run.
        shutil.rmtree(job.directory)
        return None
    return part


def part_summary(part: DatasetPart) -> str:
    """Return a one-line summary of a part."""
    counts = part.counts.values()
    written = sum(task.written for task in counts)
    dropped = sum(sum(task.dropped.values()) for task in counts)
    dropped += sum(part.info["broken"].values())
    rows = counted(part.info["rows_read"], "row")
    return f"{rows} read, {counted(written, 'instance')}, {dropped:,} dropped"
