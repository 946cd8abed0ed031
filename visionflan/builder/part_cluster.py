"""Build the parts of several datasets on the machines of a Ray cluster."""

import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import NamedTuple

from visionflan import catalog
from visionflan.builder.part_job import PartJob
from visionflan.builder.part_processes import FailedPart, PartOutcome, largest_first, run_job
from visionflan.errors import BuildError
from visionflan.executors import open_executor
from visionflan.executors.base import ProcessDiedError
from visionflan.progress import ProgressBar
from visionflan.stores.patience import StoreError


class UnwrittenPart(NamedTuple):
    """A dataset whose part could not be written, or its release not read, on some machine."""

    name: str
    machine: str
    problem: str


def run_jobs_on_ray(jobs: Sequence[PartJob], address: str) -> Iterator[PartOutcome]:
    """Yield the outcome of each job; one whose machine is lost is run again on another.

    Raises BuildError, after all other jobs, if a machine could not write what it built.
    """
    files = tuple(catalog.loose_files.values())
    executor = open_executor(1, address)
    bar = ProgressBar("building", len(jobs), unit="datasets")
    unwritten: list[UnwrittenPart] = []
    try:
        futures = {executor.submit(run_remotely, job, files): job for job in largest_first(jobs)}
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except ProcessDiedError as error:
                job = futures[future]
                outcome = PartOutcome(job, FailedPart(job.name, str(error)), 0.0)
            bar.update()
            bar.clear()  # for the line that the caller logs
            if isinstance(outcome, UnwrittenPart):
                unwritten.append(outcome)
            else:
                yield outcome
    except BaseException:
        executor.shutdown(cancel_futures=True)
        raise
    finally:
        bar.close()
    executor.shutdown()
    if unwritten:
        raise unwritten_error(unwritten)


def unwritten_error(parts: Sequence[UnwrittenPart]) -> BuildError:
    """Return the error for parts that could not be written; it describes the first."""
    (name, machine, problem), *others = parts
    names = ", ".join(part.name for part in others)
    return BuildError(
        f"{name} was not built on the machine {machine}: {problem}"
        + (f" (nor were {names}, on this or other machines)" if others else "")
    )


def run_remotely(job: PartJob, files: tuple[Path, ...]) -> PartOutcome | UnwrittenPart:
    """Build a part on another machine, which must see the same directories."""
    urls = (job.staging.data_url, job.staging.out_url)
    for directory, url in zip((job.data_root, job.out), urls, strict=True):
        if not (url or directory.is_dir()):
            raise BuildError(
                f"a machine of the Ray cluster has no {directory}: the data root and the build "
                "must be in a store, or on a file system that all machines share"
            )
    for file in files:
        if file not in catalog.loose_files.values():
            catalog.load(catalog.add_file(file))
    start = time.monotonic()
    try:
        return PartOutcome(job, run_job(job, id), time.monotonic() - start)
    except StoreError as error:
        problem = str(error)
    except OSError as error:
        problem = (
            f"{error.strerror or error}: {error.filename}; free some space there or name another "
            "--scratch, and run the same command again, which reuses what was finished"
        )
    return UnwrittenPart(job.name, socket.gethostname(), problem)
