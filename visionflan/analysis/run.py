"""Run a study: plan it, do what is missing, and write its results."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visionflan.analysis.execute import StepFailure, execute, steps_to_run
from visionflan.analysis.finished_runs import adopt_stages, match_runs
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.results import StudyResults, collect_results, write_results
from visionflan.analysis.step import Log
from visionflan.analysis.steps.evaluate import EvaluateStep
from visionflan.analysis.steps.releases import ReleaseInput
from visionflan.analysis.steps.surgery import ReplaceStep
from visionflan.analysis.store import LOCK, Store
from visionflan.analysis.studies import load
from visionflan.atomic_write import locked, write_json
from visionflan.errors import AnalysisError
from visionflan.executors import open_executor
from visionflan.executors.base import CallExecutor
from visionflan.plural import counted
from visionflan.storage.stored_json import load_object
from visionflan.train.config import RuntimeConfig

SETTINGS = "study.json"
PRELOAD = ("visionflan.analysis.preload",)


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where steps run.

    Attributes:
        jobs: the number of steps at a time, on this machine.
        ray_address: of a Ray cluster; None: this machine.
    """

    jobs: int = 1
    ray_address: str | None = None

    def open(self) -> CallExecutor:
        """Return the executor."""
        return open_executor(self.jobs, self.ray_address, preload=PRELOAD)

    def runtime(self, runtime: RuntimeConfig) -> RuntimeConfig:
        """Return the settings of one step, with its share of the cores; one core with Ray."""
        if runtime.num_threads:
            return runtime
        if self.ray_address is not None:
            return replace(runtime, num_threads=1)
        sharing = self.jobs * runtime.num_processes
        return replace(runtime, num_threads=max(1, (os.cpu_count() or 1) // sharing))


def run_study(
    settings: StudySettings,
    out: Path,
    store: Store,
    workers: Workers,
    log: Log,
    *,
    command: str = "",
) -> StudyResults:
    """Run the missing steps of a study and write its results to a directory.

    The same call goes on after an interrupt; one with more seeds adds them.
    """
    if settings.build is None:
        raise AnalysisError(f"the study {settings.name} needs a build: name one with --build")
    store.open()
    plan = plan_study(load(settings.name), settings)
    check_inputs(plan)
    finished = match_runs(plan)
    bind_settings(plan, out)
    adopt_stages(finished, plan, store, out, log)
    store.check_outputs(plan.steps)
    missing = len(steps_to_run(plan.targets, store))
    for sentence in plan.untestable_claims:
        log(sentence)
    log(f"{counted(len(plan.steps), 'step')}, of which {missing} are to be run")
    failures: Mapping[str, StepFailure] = {}
    if missing:
        log(f"what a step prints is in log.txt of its directory in {store.path}/steps")
        runtime = workers.runtime(plan.settings.recipe.runtime)
        failures = execute(plan.targets, store, workers.open(), runtime, log)
    results = collect_results(plan, store, failures, command)
    write_results(results, out)
    return results


def check_inputs(plan: StudyPlan) -> None:
    """Raise AnalysisError if a directory that steps read is missing, before anything is trained."""
    for step in plan.steps:
        if isinstance(step, ReplaceStep) and isinstance(step.donor, Path):
            directories = [step.donor]
        elif isinstance(step, EvaluateStep) and isinstance(step.releases, ReleaseInput):
            directories = [step.releases.path / name for name in step.releases.benchmarks]
        else:
            continue
        if missing := [str(path) for path in directories if not path.is_dir()]:
            raise AnalysisError(
                f"the step to {step.label} reads {', '.join(missing)}, which is not there: name "
                "an existing directory"
            )


def bind_settings(plan: StudyPlan, out: Path) -> None:
    """Write the settings of a study; raise AnalysisError if others were used in this directory."""
    file, current = out / SETTINGS, plan.settings.to_json()
    current |= {"build": plan.replicates[0][0].tasks.build.content}
    if out.exists() and not out.is_dir():
        raise AnalysisError(f"{out} is a file: name a directory with --out")
    with locked(out / LOCK):  # another process may run the same study
        check_settings(file, current)
        write_json(file, current)


def check_settings(file: Path, current: Mapping[str, Any]) -> None:
    """Raise AnalysisError if a study with other settings is in the directory of a file."""
    if file.is_file():
        previous = load_object(file)
        if previous is None:
            raise AnalysisError(f"{file} is damaged: delete it, and run the study again")
        changed = [name for name, value in current.items() if previous.get(name) != value]
        if changed:
            raise AnalysisError(
                f"{file.parent} has a study with another {changed[0]}: use the same settings, or a "
                "new --out; --store shares finished steps"
            )
