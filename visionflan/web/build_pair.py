"""Two builds side by side: what differs is computed once, while pages show what is known so far."""

from collections.abc import Sequence
from concurrent.futures import Future, wait
from threading import Lock
from typing import Any, NamedTuple

from visionflan.diff.causes import ComparedBuild, open_compared
from visionflan.diff.columns import FIELDS, PART_OF, differing_fields
from visionflan.diff.run import ComparedTask, compare_task
from visionflan.errors import BuildError
from visionflan.storage.instance import Instance
from visionflan.storage.schema import instance_table
from visionflan.web.background import BackgroundCalls
from visionflan.web.open_build import OpenBuild

LABELS = ("A", "B")
SHOWN = ("turns", "target", "options", "images", "split")  # with each instance


class RowPair(NamedTuple):
    """A row in two builds.

    Attributes:
        id: the id of its instance.
        numbers: the index of the instance in each build; None where there is none.
        instances: the instances.
        fields: the names of the fields that differ, as `visionflan diff` has them.
    """

    id: str
    numbers: Sequence[int | None]
    instances: Sequence[Instance | None]
    fields: Sequence[str]

    @property
    def other_values(self) -> dict[str, list[Any]]:
        """Return both values of each field that differs and that the page shows nowhere else."""
        names = [name for name in self.fields if PART_OF.get(name, name) not in SHOWN]
        return {name: [getattr(instance, name) for instance in self.instances] for name in names}


class BuildPair:
    """Two open builds with their differences, which are computed task by task."""

    def __init__(self, builds: Sequence[OpenBuild], background: BackgroundCalls) -> None:
        self.builds, self.background = builds, background
        self.a, self.b = map(open_side, LABELS, builds)
        self.tasks = sorted(self.a.tasks.keys() | self.b.tasks.keys())
        self.futures: dict[str, Future[ComparedTask]] = {}
        self.lock = Lock()

    def compare(self, tasks: Sequence[str], seconds: float) -> dict[str, ComparedTask]:
        """Return the differences of some tasks, or of those that are known after some time.

        Raises what a comparison raised; it is tried again at the next call.
        """
        with self.lock:
            for task in tasks:
                if task not in self.futures:
                    self.futures[task] = self.background.submit(compare_task, task, self.a, self.b)
            futures = {task: self.futures[task] for task in tasks}
        wait(futures.values(), timeout=seconds)
        known = {task: future for task, future in futures.items() if future.done()}
        for task, future in known.items():
            if future.exception():
                self.futures.pop(task, None)
        return {task: future.result() for task, future in known.items()}

    def rows(self, ids: Sequence[str]) -> list[RowPair]:
        """Return some rows with their instances in both builds."""
        positions = [build.find(ids) for build in self.builds]
        rows = []
        for name in ids:
            numbers = [known.get(name) for known in positions]
            instances = [
                None if number is None else build.instance(number)
                for build, number in zip(self.builds, numbers, strict=True)
            ]
            rows.append(RowPair(name, numbers, instances, differing_names(*instances)))
        return rows


def open_side(label: str, build: OpenBuild) -> ComparedBuild:
    """Return a build as one side; raise BuildError if it was written again since it was opened."""
    side = open_compared(label, build.path)
    if side.manifest["digest"] != build.manifest["digest"]:
        raise BuildError(f"{build.path} was built again: restart the server to see it as it is")
    return side


def differing_names(a: Instance | None, b: Instance | None) -> list[str]:
    """Return the names of the fields that differ; none if one of the instances is missing."""
    if a is None or b is None:
        return []
    batches = [instance_table([instance]).combine_chunks().to_batches()[0] for instance in (a, b)]
    masks = differing_fields(*batches)
    return [name for name in FIELDS if masks[name][0]]
