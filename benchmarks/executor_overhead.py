"""Measure what planning and running a study cost beside the work of its steps.

Two hundred arms over a small build are planned, with the digests of all their steps. Then steps
that do nothing are run: in this process, in processes of their own as a study does, and again when
all are done. The sum is shown as a share of a study of the recipe tiny, from the same times by
which `analyze --plan` estimates.

    python benchmarks/executor_overhead.py [--steps 100] [--jobs 2]
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from visionflan.analysis.estimate import estimate
from visionflan.analysis.execute import execute, run_step, steps_to_run
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.run import PRELOAD
from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.builder.demo import specimens
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.executors import open_executor
from visionflan.recipes import find
from visionflan.train.config import RuntimeConfig

STUDY = "modules"
ARMS = 200
TASKS = ("caltech101/*", "coco/*", "iconqa/*", "vqa_rad/*")
RUNTIME = RuntimeConfig(num_threads=1)


@dataclass(frozen=True, kw_only=True)
class EmptyStep(Step):
    """A step that does nothing."""

    kind: ClassVar[str] = "empty"
    number: int

    @property
    def label(self) -> str:
        """Its number."""
        return f"empty {self.number}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """None."""
        return ()

    def settings(self) -> dict[str, Any]:
        """Return the number."""
        return {"number": self.number}

    def run(self, context: StepContext) -> None:
        """Do nothing."""


def seconds(work: Callable[[], object]) -> float:
    """Time a call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plan(path: Path) -> StudyPlan:
    """Plan the arms of a study over a build, with the digests of their steps."""
    study, recipe = load(STUDY), find("tiny")
    factors = study.values((), paper=False, quick=False)
    arms_a_seed = 1
    for values in factors.values():
        arms_a_seed *= len(values)
    settings = StudySettings(
        name=STUDY,
        build=path,
        recipe=recipe,
        seeds=tuple(range(-(-ARMS // arms_a_seed))),
        factors=factors,
        held_out_tasks=("iconqa/*",),
    )
    planned = plan_study(study, settings)
    for step in planned.steps:
        assert step.digest
    return planned


def run_empty_steps(steps: list[EmptyStep], store: Store, jobs: int) -> None:
    """Run steps as a study does."""
    store.open()
    executor = open_executor(jobs, preload=PRELOAD)
    assert not execute(steps, store, executor, RUNTIME, lambda line: None)


def run_here(steps: list[EmptyStep], store: Store) -> None:
    """Run steps in this process."""
    for step in steps:
        run_step(store.path, step, RUNTIME)


def measure_steps(number: int, jobs: int) -> float:
    """Print what empty steps take; return the seconds of one in a process of its own."""
    steps = [EmptyStep(number=index) for index in range(number)]
    with TemporaryDirectory() as directory:
        here, store = Store(Path(directory) / "here"), Store(Path(directory) / "processes")
        here.open()
        alone = seconds(lambda: run_here(steps, here))
        print(f"{1000 * alone / number:8.1f} ms a step in this process")
        first = seconds(lambda: run_empty_steps(steps[:1], store, jobs))
        print(f"{1000 * first:8.0f} ms the first, which loads the libraries")
        rest = seconds(lambda: run_empty_steps(steps, store, jobs)) / (number - 1)
        print(f"{1000 * rest:8.1f} ms a step in a process of its own, {jobs} at a time")
        again = seconds(lambda: steps_to_run(steps, store))
        print(f"{1000 * again:8.1f} ms to see that all {number} are done")
    return rest


def main() -> None:
    """Print the times and the share."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    with specimens(TASKS) as releases, TemporaryDirectory() as directory:
        path = Path(directory) / "build"
        build(releases, path, BuildSettings(tasks=TASKS, hold_out_images=0.3), workers=1)
        planning = seconds(lambda: plan(path))
        planned = plan(path)
        left = estimate(planned, Store(Path(directory) / "none"), is_tiny=True)
    arms = len(list(planned.arms))
    print(f"{planning:8.2f} s to plan {arms} arms of {len(planned.steps)} steps")
    one = measure_steps(args.steps, args.jobs)
    assert left.seconds is not None
    share = (planning + one * left.missing) / (left.seconds / args.jobs)
    print(f"{share:8.3%} of the {left.seconds / args.jobs / 3600:.1f} hours of that study")


if __name__ == "__main__":
    main()
