"""Plan the evaluations of a checkpoint: the held-out tasks of builds, or benchmarks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from visionflan.builder.decontamination.record import decontamination_note
from visionflan.catalog import match_tasks
from visionflan.errors import EvaluationError
from visionflan.evaluate.benchmark_release import BenchmarkRelease
from visionflan.evaluate.conditions import CONDITIONS, ORIGINAL
from visionflan.evaluate.held_out import held_out_set
from visionflan.evaluate.phrasings import PHRASINGS, rephrased_set
from visionflan.evaluate.records.paths import (
    CheckpointPaths,
    builds,
    missing_builds,
    training_builds,
)
from visionflan.evaluate.requests import EvalSet
from visionflan.evaluate.seen_images import leave_out_seen
from visionflan.evaluate.settings import EvaluationSettings
from visionflan.overlaps import find_leakage
from visionflan.prompt import PhrasingChoice
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.trained_images import read_trained_images

MAX_NEW_TOKENS = 64
Engine = Literal["transformers", "vllm"]


@dataclass(frozen=True, kw_only=True)
class EvalSelection:
    """A user's selection; None leaves a setting to the held-out tasks or the benchmark."""

    builds: tuple[Path, ...] = ()  # empty: those that the run was trained on
    tasks: tuple[str, ...] = ()  # patterns; empty: all
    benchmarks: tuple[str, ...] = ()  # empty: held-out tasks
    data_root: Path | None = None  # the directory with the releases of the benchmarks
    prompt_style: str = ""  # empty: the first of each benchmark
    conditions: tuple[str, ...] | None = None
    limit: int | None = None  # about that many items per task; None: all
    max_new_tokens: int | None = None
    batch_size: int = 64
    loglikelihood: bool = True
    stages: tuple[str, ...] = ()  # of a run; empty: Base and Chat
    phrasings: PhrasingChoice = "first"  # all: also ask in the other phrasings of each task
    include_trained_images: bool = False  # also questions about images that were trained on
    cache: bool = True  # use answers that the same weights gave before
    engine: Engine = "transformers"  # generates the answers of a checkpoint

    def settings(self, conditions: Sequence[str], max_new_tokens: int) -> EvaluationSettings:
        """Return the settings, with these defaults for what the user left open."""
        return EvaluationSettings(
            conditions=self.conditions or tuple(conditions),
            limit=self.limit,
            max_new_tokens=self.max_new_tokens or max_new_tokens,
            batch_size=self.batch_size,
            loglikelihood=self.loglikelihood,
        )


class PlannedEvaluation(NamedTuple):
    """One evaluation: its items, its directory and its settings."""

    eval_set: EvalSet
    out: Path
    settings: EvaluationSettings
    is_part: bool = False  # of the next one, whose scores summarize it


class OpenedRelease(NamedTuple):
    """A benchmark release and the items selected from it."""

    release: BenchmarkRelease
    eval_set: EvalSet


def open_releases(selection: EvalSelection) -> list[OpenedRelease]:
    """Open the releases of the selected benchmarks; one without a selected part is left out.

    All are opened, and prompt styles and parts are checked, before anything is evaluated.
    """
    if not selection.benchmarks:
        return []
    root = selection.data_root
    if root is None:
        raise EvaluationError("the directory with the benchmarks is missing: set `data_root`")
    if len(missing := [name for name in selection.benchmarks if not (root / name).is_dir()]) > 1:
        raise EvaluationError(
            f"{root} has no directories {', '.join(missing)}: put the files of each benchmark "
            "there, as `visionflan benchmarks NAME` describes"
        )
    releases = [BenchmarkRelease(name, root / name) for name in selection.benchmarks]
    parts = match_tasks(
        selection.tasks, sorted({part for release in releases for part in release.parts})
    )
    return [
        OpenedRelease(release, release.eval_set(selection.prompt_style, parts))
        for release in releases
        if not parts or set(parts) & release.parts
    ]


def plan_evaluations(
    selection: EvalSelection, paths: CheckpointPaths, releases: Sequence[OpenedRelease]
) -> Iterator[PlannedEvaluation]:
    """Yield the evaluations of one checkpoint."""
    images = read_trained_images(paths.checkpoint)
    if not releases:
        opened = builds(selection.builds, paths.run)
        tasks = match_tasks(
            selection.tasks, sorted({task for build in opened for task in build.tasks})
        )
        settings = selection.settings(tuple(CONDITIONS), MAX_NEW_TOKENS)
        eval_set = leave_out_seen(
            held_out_set(opened, tasks),
            images,
            include=selection.include_trained_images,
            limit=settings.limit,
        )
        if selection.phrasings == "all":
            yield from plan_rephrased(eval_set, paths, settings)
        yield PlannedEvaluation(eval_set, paths.held_out_dir, settings)
        return
    trained_on = opened_training_builds(paths.run)
    for release, eval_set in releases:
        # A published protocol needs all questions; those about trained images are counted.
        counted = leave_out_seen(eval_set, images, include=True, limit=selection.limit)
        yield PlannedEvaluation(
            replace(counted, notes=tuple(training_notes(release, trained_on))),
            paths.benchmarks_dir / directory_name(release, eval_set.prompt_style),
            selection.settings((ORIGINAL,), release.benchmark.max_new_tokens),
        )


def plan_rephrased(
    eval_set: EvalSet, paths: CheckpointPaths, settings: EvaluationSettings
) -> Iterator[PlannedEvaluation]:
    """Yield the evaluation of other phrasings, which comes before the one that summarizes it."""
    rephrased = rephrased_set(eval_set, settings.limit)
    if rephrased is None:
        raise EvaluationError(
            "no held-out task has several phrasings: leave out `--phrasings all`, or build again "
            "with tasks that have some (see `visionflan tasks NAME`)"
        )
    original = replace(settings, conditions=(ORIGINAL,), limit=None, loglikelihood=False)
    yield PlannedEvaluation(rephrased, paths.held_out_dir / PHRASINGS, original, is_part=True)


def directory_name(release: BenchmarkRelease, prompt_style: str) -> str:
    """Return the benchmark's name, with the prompt style if it is not the first."""
    is_first = prompt_style == next(iter(release.benchmark.styles))
    return release.name if is_first else f"{release.name}@{prompt_style}"


def opened_training_builds(run: Path) -> list[BuildDirectory] | None:
    """Return the builds that a run was trained on; None if one of them cannot be found."""
    paths = training_builds(run)
    if not paths or missing_builds(run):
        return None
    return [BuildDirectory(path) for path in paths]


def training_notes(
    release: BenchmarkRelease, builds: Sequence[BuildDirectory] | None
) -> Iterator[str]:
    """Yield what the training data may share with a benchmark, and what was removed from them."""
    title = release.benchmark.title
    if builds is None:
        yield from find_leakage(title, None)
        return
    yield from find_leakage(title, trained_datasets(builds))
    yield decontamination_note(builds, release.name, release.digest)


def trained_datasets(builds: Sequence[BuildDirectory]) -> set[str]:
    """Return the datasets of the training instances of builds."""
    return {
        build.tasks[task].dataset
        for build in builds
        for task in build.tasks
        if len(build.instances("train", [task]))
    }
