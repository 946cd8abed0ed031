"""Two builds side by side: what differs, computed when it is first needed and then in memory."""

from collections.abc import Sequence
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

import pyarrow as pa

from visionflan.diff.causes import ComparedBuild, open_compared
from visionflan.diff.columns import FIELDS, PART_OF, differing_fields
from visionflan.diff.run import TaskDiff, diff_task, differing_ids
from visionflan.errors import BuildError
from visionflan.storage.instance import Instance
from visionflan.storage.schema import instance_table
from visionflan.web.open_build import OpenBuild
from visionflan.web.recent_values import RecentValues

MAX_TASKS = 4  # whose differing rows are in memory
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
    """Two open builds with their differences."""

    def __init__(self, builds: Sequence[OpenBuild]) -> None:
        self.builds = builds
        self.a, self.b = map(open_side, LABELS, builds)
        self.tasks = sorted(self.a.tasks.keys() | self.b.tasks.keys())
        self.diffs: dict[str, TaskDiff] = {}
        self.lock = Lock()
        self.ids = RecentValues(self.find_ids, MAX_TASKS)

    def find_ids(self, task: str) -> dict[str, pa.StringArray]:
        """Return the ids of the rows of a task that differ, by kind."""
        return differing_ids(task, self.a, self.b)

    def diff(self, task: str) -> TaskDiff:
        """Return the difference of a task."""
        with self.lock:
            if task not in self.diffs:
                self.diffs[task] = diff_task(task, self.a, self.b, 0)
            return self.diffs[task]

    def diff_for(self, seconds: float) -> dict[str, TaskDiff]:
        """Return the differences of all tasks, or of those that are computed in this time."""
        end = monotonic() + seconds
        known = {}
        for task in self.tasks:
            if task in self.diffs or monotonic() < end:
                known[task] = self.diff(task)
        return known

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
