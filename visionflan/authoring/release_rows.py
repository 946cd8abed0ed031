"""Check the rows of a real release: which are broken, and which no task can use."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from visionflan.authoring.findings import Finding
from visionflan.dataset import BrokenRow, Dataset, Example, Task
from visionflan.dataset_code import declared_at, make_example, read_rows, source_file
from visionflan.errors import UnusableError
from visionflan.plugins import locate
from visionflan.plural import counted


def release_problems(name: str, dataset: Dataset[Any], root: Path) -> Iterator[Finding]:
    """Check that the rows of a real release are read, and that tasks make examples of them."""
    broken: list[BrokenRow] = []
    splits = UnusableRows(name)
    unusable = [UnusableRows(f"{name}/{task}") for task in dataset.tasks]
    counts = dict.fromkeys(dataset.tasks, 0)
    for row in read_rows(name, dataset, root):
        if isinstance(row, BrokenRow):
            broken.append(row)
            continue
        splits.check_split(dataset, row)
        for task, rows in zip(dataset.tasks.values(), unusable, strict=True):
            counts[task.name] += len(list(rows.examples(task, [row])))
    yield from broken_rows(name, broken)
    for rows in (splits, *unusable):
        yield from rows.findings()
    for rows, (task_name, count) in zip(unusable, counts.items(), strict=True):
        if not count and not rows.counts:
            function = declared_at(dataset.tasks[task_name].to_example)
            yield Finding(rows.location, "no_example", f"{function}: no row of {root} is used")


def broken_rows(name: str, rows: Iterable[Any]) -> Iterator[Finding]:
    """Yield a finding for each reason for which rows are broken, with their number."""
    broken = [row for row in rows if isinstance(row, BrokenRow)]
    for reason, count in Counter(row.reason for row in broken).items():
        first = next(row for row in broken if row.reason == reason)
        rows_are = f"{counted(count, 'row')} {'is' if count == 1 else 'are'}"
        message = f"{rows_are} broken, first {first.key!r}: {first.detail}"
        yield Finding(name, reason, message)


def unknown_splits(name: str, dataset: Dataset[Any], rows: Iterable[Any]) -> Iterator[Finding]:
    """Yield a finding if the official split of rows is none of the known words."""
    splits = UnusableRows(name)
    for row in rows:
        if not isinstance(row, BrokenRow):
            splits.check_split(dataset, row)
    yield from splits.findings()


class UnusableRows:
    """The rows that a dataset or a task cannot use, by reason: how many, and the first one."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def examples(self, task: Task[Any], rows: Iterable[Any]) -> Iterator[Example]:
        """Yield the examples of rows, recording those that cannot be used."""
        for row in rows:
            if isinstance(row, BrokenRow):
                continue
            try:
                example = make_example(task, row)
            except UnusableError as error:
                where = error.detail
                if error.reason != "task_error":  # its detail names the line already
                    where = locate(error, source_file(task.to_example))
                self.record(row, error, where)
            else:
                if example is not None:
                    yield example

    def check_split(self, dataset: Dataset[Any], row: Any) -> None:
        """Record a row whose official split is none of the known words."""
        try:
            dataset.official_split(row)
        except UnusableError as error:
            self.record(row, error, f"{declared_at(dataset.read)}: {error.detail}")

    def record(self, row: Any, error: UnusableError, where: str) -> None:
        """Count a row, and keep the first of its reason."""
        self.counts[error.reason] += 1
        self.first.setdefault(error.reason, f"first {row.key!r}: {where}")

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each reason."""
        for reason, count in self.counts.items():
            message = f"{counted(count, 'row')}, {self.first[reason]}"
            yield Finding(self.location, reason, message)
