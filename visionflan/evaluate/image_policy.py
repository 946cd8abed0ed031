"""Decide whether images may be sent to a server, by their licenses and their tasks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from visionflan import catalog
from visionflan.errors import EvaluationError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.requests import EvalSet
from visionflan.llm.server_url import host_of, is_loopback
from visionflan.storage.schema import TaskInfo

# The metadata of a task, of which its dataset counts here and whether it is sensitive.
Header = TypeVar("Header", TaskHeader, TaskInfo)
Log = Callable[[str], None]


def check_images(url: str, eval_sets: Iterable[EvalSet], log: Log, *, send_images: bool) -> None:
    """Raise EvaluationError if images must not be sent to the server at `url`.

    Images stay on this machine unless `send_images`; then their licenses are logged first, and
    those of sensitive tasks are refused.
    """
    if is_loopback(url):
        return
    with_images = [part for part in map(tasks_with_images, eval_sets) if part]
    if with_images:
        check_tasks(url, with_images, log, send_images=send_images)


def check_tasks(
    url: str, with_images: Sequence[Mapping[str, Header]], log: Log, *, send_images: bool
) -> None:
    """Raise EvaluationError if images of these tasks must not be sent to the server at `url`."""
    if is_loopback(url):
        return
    host = host_of(url)
    if not send_images:
        raise EvaluationError(
            f"{host} is another machine: images are sent there only with `--send-images`, which "
            "first lists the licenses of their datasets"
        )
    if sensitive := sorted({task for part in with_images for task in part if part[task].sensitive}):
        raise EvaluationError(
            f"{', '.join(sensitive)} ask who or what a person is (docs/sensitive-tasks.md): their "
            f"images are not sent to {host}; select other tasks with `--tasks`"
        )
    log(f"images of these datasets are sent to {host}:")
    for line in dict.fromkeys(line for part in with_images for line in license_lines(part)):
        log(f"  {line}")


def tasks_with_images(eval_set: EvalSet) -> dict[str, TaskHeader]:
    """Return the tasks that show images; those that the catalog marks sensitive are so, too."""
    return {
        task: mark_sensitive(task, eval_set.tasks[task])
        for task, items in eval_set.items.items()
        if any(item.images for item in items)
    }


def mark_sensitive(task: str, header: Header) -> Header:
    """Return the header of a task, sensitive if its build or the catalog says so."""
    dataset, _, name = task.partition("/")
    if dataset not in catalog.names():
        return header
    declared = catalog.load(dataset).tasks.get(name)
    return replace(header, sensitive=True) if declared and declared.sensitive else header


def license_lines(tasks: Mapping[str, Header]) -> Iterator[str]:
    """Yield the license of each dataset or benchmark of some tasks, and its owners' terms."""
    for name in dict.fromkeys(header.dataset for header in tasks.values()):
        if name in catalog.names():
            dataset = catalog.load(name)
            terms = f"; {dataset.terms}" if dataset.terms else ""
            yield f"{dataset.title}: {dataset.license}{terms}"
        elif name in benchmarks.names():
            benchmark = benchmarks.load(name)
            yield f"{benchmark.title}: {benchmark.license}"
        else:
            yield f"{name}: its license is not known, since it is not in the catalog"
