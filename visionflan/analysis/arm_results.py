"""The measures of an arm, and what it was trained on, in each replicate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from visionflan.analysis.arm import Arm
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.execute import StepFailure, describe
from visionflan.analysis.factor import Value
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.question_intervals import (
    LeftOut,
    claimed_measures,
    without_each_group,
)
from visionflan.analysis.step import with_ancestors
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.analysis.study import Study
from visionflan.train.checkpoint import read_run_json


@dataclass(frozen=True, kw_only=True)
class TrainingBudget:
    """What the training stages of an arm saw, the alignment included."""

    rows: int = 0
    steps: int = 0
    target_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """An arm in one replicate.

    Attributes:
        seed: the replicate.
        measures: None where the arm has no such number.
        budget: what was trained on.
        notes: facts about this arm that the study records.
        failure: why there is no result; empty if there is one.
        left_out: measures of claims without each group of images, for intervals over questions.
    """

    seed: int
    measures: Mapping[str, float | None] = field(default_factory=dict)
    budget: TrainingBudget = field(default_factory=TrainingBudget)
    notes: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""
    left_out: Mapping[str, LeftOut] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """An arm over all replicates."""

    name: str
    factors: Mapping[str, Value]
    replicates: Sequence[ArmResult]


def arm_result(
    plan: StudyPlan, outputs: ArmOutputs, failures: Mapping[str, StepFailure]
) -> ArmResult:
    """Return the measures of one arm in one replicate."""
    arm, seed = outputs.arm, outputs.replicate.seed
    if failure := first_failure(arm, outputs.store, failures):
        return ArmResult(seed=seed, failure=failure, notes=arm.notes)
    try:
        return measured(plan.study, outputs)
    except Exception as error:  # of measures, which may be anybody's code, and of damaged files
        return ArmResult(seed=seed, failure=f"its outcome: {describe(error)}", notes=arm.notes)


def measured(study: Study, outputs: ArmOutputs) -> ArmResult:
    """Return the measures of an arm whose steps are done."""
    claimed = claimed_measures(study.measures, study.claims, outputs.arm.name)
    return ArmResult(
        seed=outputs.replicate.seed,
        measures={measure.name: measure.value(outputs) for measure in study.measures},
        budget=arm_budget(outputs.arm, outputs.store),
        notes=outputs.arm.notes,
        left_out=without_each_group(outputs, claimed),
    )


def first_failure(arm: Arm, store: Store, failures: Mapping[str, StepFailure]) -> str:
    """Return why an arm has no outcome; empty if it has one."""
    for step in arm.outputs.values():
        if step.digest in failures:
            failure = failures[step.digest]
            return f"{failure.label}: {failure.reason}"
        if not store.is_done(step):
            return f"{step.label}: not done yet"
    return ""


def arm_budget(arm: Arm, store: Store) -> TrainingBudget:
    """Return the sums over the training stages that led to an arm's model."""
    stages = [step for step in with_ancestors([arm.model]) if isinstance(step, TrainStep)]
    runs = [read_run_json(step.checkpoint(store.output(step))) for step in stages]
    return TrainingBudget(
        rows=sum(run.get("rows_seen", 0) for run in runs),
        steps=sum(run["steps"] for run in runs),
        target_tokens=sum(run.get("target_tokens_seen", 0) for run in runs),
        seconds=sum(run["elapsed_seconds"] for run in runs),
    )
