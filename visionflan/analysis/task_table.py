"""The tasks that a study can train on and ask, with their sizes: of a build, or of the catalog."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from visionflan import catalog
from visionflan.analysis.answer_kinds import (
    AnswerKind,
    build_answer_kinds,
)
from visionflan.analysis.steps.build_input import BuildInput, CatalogInput
from visionflan.catalog import match_tasks
from visionflan.errors import AnalysisError
from visionflan.hashing import stable_hash
from visionflan.plural import counted

MIN_QUESTIONS = 50  # of a task that is held out completely
HELD_OUT_SHARE = 0.2  # of the tasks of each group
# The sizes of a task that is planned with and not built; the paper has up to 10,000 rows of each.
PAPER_ROWS = 10_000
PLANNED_QUESTIONS = 100


class TaskSize(NamedTuple):
    """A task that can be trained on.

    Attributes:
        group: the primary group that averages are made over.
        train: the number of its training instances.
        held_out: the number of its held-out instances.
        category: one of the paper's categories.
    """

    group: str
    train: int
    held_out: int
    category: str = ""


@dataclass(frozen=True)
class TaskTable:
    """The tasks of a build, or of the catalog, by name.

    Attributes:
        build: where they are from.
        sizes: the tasks.
        set_apart: those to leave out of all training unless others are named; empty: some by hash.
    """

    build: BuildInput | CatalogInput
    sizes: Mapping[str, TaskSize]
    set_apart: tuple[str, ...] = ()

    @classmethod
    def of_build(cls, path: Path) -> "TaskTable":
        """Return the tasks of a build that have training instances."""
        build = BuildInput(path)
        entries = build.directory.manifest["tasks"]
        sizes = {
            task: TaskSize(
                info.group, entries[task]["train"], entries[task]["held_out"], info.category
            )
            for task, info in build.directory.tasks.items()
            if entries[task]["train"]
        }
        if not any(size.held_out for size in sizes.values()):
            raise AnalysisError(
                f"{path} has no held-out instances of its training tasks: build again with "
                "`--hold-out-images 0.1`"
            )
        return cls(build, sizes)

    @classmethod
    def of_catalog(cls) -> "TaskTable":
        """Return all tasks of the catalog, to plan with; the paper trains on those that it lists.

        Each has as many rows as the paper takes of a task at most.
        """
        listed = catalog.paper_tasks()
        tasks = {
            f"{name}/{task.name}": (task, (name, task.title) in listed)
            for name, dataset in catalog.load_all()
            for task in dataset.tasks.values()
        }
        sizes = {
            name: TaskSize(task.group, PAPER_ROWS, PLANNED_QUESTIONS, task.category)
            for name, (task, _) in tasks.items()
        }
        others = tuple(sorted(name for name, (_, in_paper) in tasks.items() if not in_paper))
        return cls(CatalogInput(), sizes, others)

    @cached_property
    def answer_kinds(self) -> Mapping[str, AnswerKind]:
        """What most answers of each task are; tasks of which it is not known are left out."""
        if isinstance(self.build, CatalogInput):
            return {}
        return build_answer_kinds(self.build.directory)

    def select_held_out(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """Return the tasks to leave out of all training: those that match, or some by hash.

        By default a fifth of each group, at least one, of the tasks with 50 held-out questions.
        """
        if patterns:
            return tuple(match_tasks(patterns, sorted(self.sizes)))
        if self.set_apart:
            return self.set_apart
        by_group = defaultdict[str, list[str]](list)
        for task, size in self.sizes.items():
            if size.held_out >= MIN_QUESTIONS:
                by_group[size.group].append(task)
        held_out = [
            task
            for group, tasks in sorted(by_group.items())
            for task in by_hash(tasks)[: max(1, round(HELD_OUT_SHARE * len(tasks)))]
            if len(tasks) > 1
        ]
        if not held_out:
            raise AnalysisError(
                f"{self.build.path} has no group of two tasks with at least {MIN_QUESTIONS} "
                "held-out questions each, so none can be left out of training: build more tasks, "
                "or name some with --held-out-tasks"
            )
        return tuple(sorted(held_out))

    def neighbors(self, tasks: Iterable[str], of: Iterable[str]) -> tuple[str, ...]:
        """Return the tasks that share a dataset with one of the tasks `of`."""
        datasets = {task.partition("/")[0] for task in of}
        return tuple(task for task in tasks if task.partition("/")[0] in datasets)

    def draw(
        self, tasks: Iterable[str], count: int, seed: int, min_rows: int = 0
    ) -> tuple[str, ...]:
        """Return `count` tasks by hash; a larger draw of the same seed has all of a smaller one.

        Tasks with fewer than `min_rows` training rows come last.
        """
        hashed = by_hash(tasks, seed)
        candidates = sorted(hashed, key=lambda task: self.sizes[task].train < min_rows)
        if count > len(candidates):
            raise AnalysisError(
                f"the study draws {counted(count, 'task')}, but {self.build.path} has "
                f"{len(candidates)} to choose from: set fewer, or build more"
            )
        return tuple(candidates[:count])

    def check_rows(self, tasks: Collection[str], rows: int) -> None:
        """Raise AnalysisError unless some tasks have a number of training rows together."""
        if (available := sum(self.sizes[task].train for task in tasks)) < rows:
            raise AnalysisError(
                f"{counted(len(tasks), 'task')} of {self.build.path}, such as {min(tasks)}, have "
                f"{counted(available, 'training row')}, but the study uses {rows:,}: set fewer rows"
            )

    def of_group(self, tasks: Collection[str], group: str) -> tuple[str, ...]:
        """Return the tasks of a group."""
        return tuple(task for task in tasks if self.sizes[task].group == group)


def by_hash(tasks: Iterable[str], seed: int = 0) -> list[str]:
    """Return tasks in the order of the hash of a seed and their names."""
    return sorted(tasks, key=lambda task: stable_hash("draw of tasks", seed, task))
