"""Plan what a checkpoint is asked: the held-out questions of builds, or benchmarks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from visionflan.catalog import match_tasks
from visionflan.errors import EvaluationError
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.held_out import held_out
from visionflan.evaluate.records.paths import CheckpointPaths, builds, trained_on
from visionflan.evaluate.records.record import CONDITIONS, Condition
from visionflan.evaluate.requests import EvalSet
from visionflan.evaluate.run import EvaluationSettings
from visionflan.overlaps import find_leakage
from visionflan.storage.directory import BuildDirectory

MAX_NEW_TOKENS = 64


@dataclass(frozen=True, kw_only=True)
class EvalSelection:
    """What a user wants to have asked; what is None is left to the kind of questions."""

    builds: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    data_root: Path | None = None
    prompt_style: str = ""
    conditions: tuple[Condition, ...] | None = None
    limit: int | None = None
    max_new_tokens: int | None = None
    batch_size: int = 64
    loglikelihood: bool = True

    def settings(
        self, conditions: tuple[Condition, ...], max_new_tokens: int
    ) -> EvaluationSettings:
        """Fill what is left open for one kind of questions."""
        return EvaluationSettings(
            conditions=self.conditions or conditions,
            limit=self.limit,
            max_new_tokens=self.max_new_tokens or max_new_tokens,
            batch_size=self.batch_size,
            loglikelihood=self.loglikelihood,
        )


class PlannedEvaluation(NamedTuple):
    """Questions to be asked at once, where their records go, and how they are asked."""

    chosen: EvalSet
    out: Path
    settings: EvaluationSettings


class Opened(NamedTuple):
    """The release of a benchmark, and what is asked of it."""

    release: BenchmarkRelease
    chosen: EvalSet


def open_releases(wanted: EvalSelection) -> list[Opened]:
    """Open the releases of the benchmarks that are wanted; one that holds no wanted part is left.

    All are opened, and styles and parts looked for, before any question is asked.
    """
    if not wanted.benchmarks:
        return []
    if wanted.data_root is None:
        raise EvaluationError("the folder that holds the benchmarks is not told")
    releases = [BenchmarkRelease(name, wanted.data_root / name) for name in wanted.benchmarks]
    parts = match_tasks(
        wanted.tasks, sorted({part for release in releases for part in release.parts})
    )
    return [
        Opened(release, release.chosen(wanted.prompt_style, parts))
        for release in releases
        if not parts or set(parts) & release.parts
    ]


def plan_evaluations(
    wanted: EvalSelection, place: CheckpointPaths, opened: Sequence[Opened]
) -> Iterator[PlannedEvaluation]:
    """Plan what one checkpoint is asked."""
    if not opened:
        held = builds(wanted.builds, place.run)
        tasks = match_tasks(wanted.tasks, sorted({task for build in held for task in build.tasks}))
        settings = wanted.settings(CONDITIONS, MAX_NEW_TOKENS)
        yield PlannedEvaluation(held_out(held, tasks), place.held_out_dir, settings)
        return
    trained = trained_datasets(place.run)
    for release, chosen in opened:
        first = next(iter(release.benchmark.styles))
        folder = (
            release.name
            if chosen.prompt_style == first
            else f"{release.name}@{chosen.prompt_style}"
        )
        yield PlannedEvaluation(
            replace(chosen, notes=tuple(find_leakage(release.benchmark.title, trained))),
            place.benchmarks_dir / folder,
            wanted.settings(("original",), release.benchmark.max_new_tokens),
        )


def trained_datasets(run: Path) -> set[str] | None:
    """Name the datasets that a run was trained on; None where that is not to be found."""
    found = trained_on(run)
    if not found:
        return None
    opened = [BuildDirectory(path) for path in found]
    return {
        build.tasks[task].dataset
        for build in opened
        for task in build.tasks
        if len(build.instances("train", [task]))
    }
