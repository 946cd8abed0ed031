"""Build the parts of several datasets on the machines of a Ray cluster."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from visionflan import catalog
from visionflan.builder.dataset_builder import PartJob
from visionflan.builder.part_processes import FailedPart, PartOutcome, largest_first, run_job
from visionflan.errors import BuildError
from visionflan.executors import open_executor
from visionflan.executors.base import ProcessDiedError
from visionflan.progress import ProgressBar


def run_jobs_on_ray(jobs: Sequence[PartJob], address: str) -> Iterator[PartOutcome]:
    """Yield the outcome of each job; one whose machine is lost is run again on another.

    Raises OSError if the build cannot be written.
    """
    files = tuple(catalog.loose_files.values())
    executor = open_executor(1, address)
    bar = ProgressBar("building", len(jobs), unit="datasets")
    try:
        futures = {executor.submit(run_remotely, job, files): job for job in largest_first(jobs)}
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except ProcessDiedError as error:
                job = futures[future]
                outcome = PartOutcome(job, FailedPart(job.name, str(error)), 0.0)
            if isinstance(outcome, OSError):
                raise outcome
            bar.update()
            bar.clear()  # for the line that the caller logs
            yield outcome
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    finally:
        bar.close()
    executor.shutdown()


def run_remotely(job: PartJob, files: tuple[Path, ...]) -> PartOutcome | OSError:
    """Build a part on another machine, which must see the same directories."""
    if not (job.data_root.is_dir() and job.out.is_dir()):
        missing = job.out if job.data_root.is_dir() else job.data_root
        raise BuildError(
            f"a machine of the Ray cluster has no {missing}: the data root and the build must be "
            "on a file system that all machines share"
        )
    for file in files:
        if file not in catalog.loose_files.values():
            catalog.load(catalog.add_file(file))
    start = time.monotonic()
    try:
        return PartOutcome(job, run_job(job, id), time.monotonic() - start)
    except OSError as error:
        return error
