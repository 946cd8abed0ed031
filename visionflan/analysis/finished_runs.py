"""Take finished training runs in place of the steps of a study that equal them."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.run_steps import RunChain, RunStep
from visionflan.analysis.step import Log, Step
from visionflan.analysis.step_difference import describe_difference, name_of
from visionflan.analysis.steps.build_input import Build, BuildInput
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.subset import SubsetStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.analysis.study_links import add_study_link
from visionflan.model.fingerprint import weights_digest
from visionflan.train.pretrain import PARTS


class RunStage(NamedTuple):
    """A stage of a finished run, and the step of a study that equals it.

    Attributes:
        run: the directory of the run.
        name: of the stage, or `pretrain`.
        record: the file that is written last, from the directory of the run.
        step: None if the study has no equal one.
        problem: why; empty if it has one.
    """

    run: Path
    name: str
    record: Path
    step: Step | None
    problem: str = ""

    @property
    def sentence(self) -> str:
        """What becomes of it."""
        if self.step is not None:
            return f"{self.run}: the stage {self.name} is adopted ({self.step.label})"
        return f"{self.run}: the stage {self.name} is not adopted: {self.problem}"


def match_runs(plan: StudyPlan) -> list[RunStage]:
    """Return the stages of the runs that a study takes; nothing is written."""
    return [stage for run in plan.settings.finished_runs for stage in match_run(run, plan)]


def match_run(run: Path, plan: StudyPlan) -> Iterator[RunStage]:
    """Yield the stages of a run, each with the step of the study that equals it."""
    steps = {step.digest: step for step in plan.steps}
    adopted: set[str] = set()
    for stage in RunChain(run, builds_by_digest(plan)).rebuild():
        problem = stage.problem or find_problem(run, stage, steps, adopted)
        step = None if stage.step is None or problem else steps[stage.step.digest]
        if step is not None:
            adopted.add(step.digest)
        yield RunStage(run, stage.name, stage.record, step, problem)


def find_problem(
    run: Path, stage: RunStep, steps: Mapping[str, Step], adopted: Collection[str]
) -> str:
    """Return why a study cannot use a stage of a run; empty if it can."""
    step = stage.step
    assert step is not None
    if step.digest not in steps and (problem := describe_difference(step, steps.values())):
        return problem
    parent = step.model if isinstance(step, TrainStep) else None
    if parent is not None and parent.digest not in adopted:
        return f"it starts from the stage {name_of(parent)}, which is not adopted"
    if step.digest not in steps:
        return "the study does not train it from the same model"
    return "" if weights_are_there(run, stage) else "its weights are not those that it recorded"


def weights_are_there(run: Path, stage: RunStep) -> bool:
    """Return whether the weights of a stage are those that it has recorded."""
    directory = (run / stage.record).parent
    parts = [directory]
    if isinstance(stage.step, PretrainStep):
        parts = [directory / part for part in PARTS]
    expected = json.loads((run / stage.record).read_bytes()).get("weights_sha256")
    return " ".join(map(weights_digest, parts)) == str(expected)


def builds_by_digest(plan: StudyPlan) -> dict[str, Build]:
    """Return the builds whose digest is that of their instances."""
    builds = [step.build for step in plan.steps if isinstance(step, PretrainStep | TrainStep)]
    replicate, _ = plan.replicates[0]
    return {
        build.content: build
        for build in (replicate.tasks.build, replicate.training_build, *builds)
        if isinstance(build, BuildInput | SubsetStep)
    }


def adopt_stages(
    stages: Sequence[RunStage], plan: StudyPlan, store: Store, out: Path, log: Log
) -> None:
    """Record in the store what finished runs have, and in the runs that the study uses them."""
    for stage in stages:
        log(stage.sentence)
        if stage.step is not None:
            store.adopt(stage.step, stage.run, stage.record)
    for run in dict.fromkeys(stage.run for stage in stages if stage.step is not None):
        try:
            add_study_link(run, out, plan.study.title)
        except OSError as error:
            log(f"{run}: its report will not name this study: {error}")
