"""Compare two builds task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from visionflan.catalog import match_tasks
from visionflan.diff.causes import (
    CHANGING,
    MOVING,
    ComparedBuild,
    absence_reasons,
    change_causes,
    input_differences,
    open_compared,
    setting_differences,
    task_absence,
)
from visionflan.diff.task_rows import RowDiff, RowExample, diff_rows, id_examples, read_ids
from visionflan.progress import ProgressBar
from visionflan.storage.schema import instances_path

KINDS = ("added", "lost", "changed", "moved")
MOVED_BY_OTHERS = "other images of the build, which decide what is held out together"


@dataclass(kw_only=True)
class TaskDiff:
    """The rows of a task that are the same, added, lost, changed or moved in the second build.

    Attributes:
        same: rows that are equal in both builds.
        added: rows that only the second build has.
        lost: rows that only the first build has.
        changed: rows of which a field differs, and not only the split.
        moved: rows that are held out in one build and for training in the other.
        is_reordered: whether the common rows are in another order.
        fields: the number of changed rows by field that differs.
        reasons: for each kind of row, why, with the number of rows; None where it is not known
            which rows a cause concerns.
        examples: some rows of each kind.
    """

    same: int = 0
    added: int = 0
    lost: int = 0
    changed: int = 0
    moved: int = 0
    is_reordered: bool = False
    fields: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, int | None]] = field(default_factory=dict)
    examples: list[RowExample] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Return whether any row differs."""
        return bool(self.added or self.lost or self.changed or self.moved)

    def describe_reasons(self) -> dict[str, str]:
        """Return why rows differ in words, by kind."""
        described = {}
        for kind, reasons in self.reasons.items():
            texts = [name if n is None else f"{n:,} {name}" for name, n in reasons.items()]
            if kind == "changed":
                fields = ", ".join(f"{name} {number:,}" for name, number in self.fields.items())
                texts = [fields, *([f"because of {' and '.join(texts)}"] if texts else [])]
            elif kind == "moved":
                texts = [f"because of {' and '.join(texts)}"]
            described[kind] = "; ".join(texts)
        return described


class ComparedTask(NamedTuple):
    """The difference of a task, and the ids of the rows that differ by kind, in their order."""

    diff: TaskDiff
    ids: Mapping[str, pa.StringArray]


@dataclass(frozen=True)
class BuildDiff:
    """What differs between two builds.

    Attributes:
        a: the first build.
        b: the second build.
        tasks: the difference of each task.
    """

    a: ComparedBuild
    b: ComparedBuild
    tasks: dict[str, TaskDiff]

    @property
    def differs(self) -> bool:
        """Return whether any row of the compared tasks differs, or the order of the rows."""
        return any(task.differs or task.is_reordered for task in self.tasks.values())

    def as_json(self) -> dict[str, Any]:
        """Return the difference as JSON values."""
        builds = {
            name: {"path": str(build.path), "digest": build.manifest["digest"]}
            for name, build in (("a", self.a), ("b", self.b))
        }
        tasks = {}
        for task, entry in self.tasks.items():
            examples = [example._asdict() for example in entry.examples]
            tasks[task] = asdict(entry) | {"examples": examples}
        return {
            **builds,
            "differs": self.differs,
            "settings": setting_differences(self.a, self.b),
            "inputs": input_differences(self.a, self.b),
            "tasks": tasks,
        }


def diff_builds(
    path_a: Path, path_b: Path, patterns: Sequence[str] = (), num_examples: int = 0
) -> BuildDiff:
    """Compare two builds, or those of their tasks that match a pattern.

    Tasks with equal digests are not read. Raises BuildError if a build is damaged.
    """
    a, b = open_compared("A", path_a), open_compared("B", path_b)
    known = sorted(a.tasks.keys() | b.tasks.keys())
    selected = match_tasks(patterns, known) if patterns else known
    diffs = {}
    with ProgressBar("comparing", len(selected), unit="tasks") as progress:
        for task in progress.iterate(selected):
            diffs[task] = compare_task(task, a, b, num_examples).diff
    return BuildDiff(a, b, diffs)


def compare_task(
    task: str, a: ComparedBuild, b: ComparedBuild, num_examples: int = 0
) -> ComparedTask:
    """Compare a task of two builds."""
    if kind := one_sided_kind(task, a, b):
        there, missing = (b, a) if kind == "added" else (a, b)
        return one_sided(kind, task, there, missing, num_examples)
    if has_equal_rows(task, a, b):
        return ComparedTask(TaskDiff(same=row_count(a.tasks[task])), {})
    rows = diff_rows(instances_path(a.path, task), instances_path(b.path, task), num_examples)
    ids = dict(zip(KINDS, rows.ids, strict=True))
    diff = TaskDiff(
        same=rows.same,
        **{kind: len(members) for kind, members in ids.items()},
        is_reordered=rows.is_reordered,
        fields=rows.fields,
        reasons=row_reasons(task, rows, a, b),
        examples=rows.examples,
    )
    return ComparedTask(diff, ids)


def one_sided_kind(task: str, a: ComparedBuild, b: ComparedBuild) -> str:
    """Return what all rows of a task are if only one build has some, `added` or `lost`."""
    if task not in a.tasks:
        return "added"
    if task not in b.tasks:
        return "lost"
    if has_equal_rows(task, a, b):
        return ""
    if not row_count(a.tasks[task]):
        return "added"
    return "" if row_count(b.tasks[task]) else "lost"


def has_equal_rows(task: str, a: ComparedBuild, b: ComparedBuild) -> bool:
    """Return whether the digest of a task is the same in both builds, which have it."""
    return bool(a.tasks[task]["digest"] == b.tasks[task]["digest"])


def row_count(entry: dict[str, Any]) -> int:
    """Return the number of instances of a task."""
    return int(entry["train"] + entry["held_out"])


def one_sided(
    kind: str, task: str, there: ComparedBuild, missing: ComparedBuild, num_examples: int
) -> ComparedTask:
    """Return the difference of a task of which only one build has rows."""
    number = row_count(there.tasks[task])
    diff = TaskDiff(added=number) if kind == "added" else TaskDiff(lost=number)
    if not number:
        return ComparedTask(diff, {})
    ids = read_ids(instances_path(there.path, task))
    diff.examples = id_examples(kind, ids, num_examples)
    if task in missing.tasks:
        diff.reasons[kind] = {**absence_reasons(task, ids, there, missing)}
    else:
        diff.reasons[kind] = {task_absence(task, missing): number}
    return ComparedTask(diff, {kind: ids})


def row_reasons(
    task: str, rows: RowDiff, a: ComparedBuild, b: ComparedBuild
) -> dict[str, dict[str, int | None]]:
    """Return why rows of a task differ, by kind."""
    dataset = task.partition("/")[0]
    reasons: dict[str, dict[str, int | None]] = {}
    if len(rows.added_ids):
        reasons["added"] = {**absence_reasons(task, rows.added_ids, b, a)}
    if len(rows.lost_ids):
        reasons["lost"] = {**absence_reasons(task, rows.lost_ids, a, b)}
    if len(rows.changed_ids):
        reasons["changed"] = dict.fromkeys(change_causes(dataset, CHANGING, a, b))
    if len(rows.moved_ids):
        causes = dict.fromkeys(change_causes(dataset, MOVING, a, b))
        reasons["moved"] = causes or {MOVED_BY_OTHERS: None}
    return reasons
