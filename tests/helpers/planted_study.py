"""Studies of the catalog's tasks whose claims have planted values; nothing is trained."""

from functools import cache
from pathlib import Path

from tests.helpers.planted_answers import PLANTERS, directory
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim
from visionflan.analysis.plan import StudyPlan, StudySettings, plan_study
from visionflan.analysis.results import StudyResults, collect_results
from visionflan.analysis.step import with_ancestors
from visionflan.analysis.steps.comparison import ComparisonStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.analysis.studies import load
from visionflan.atomic_write import write_json
from visionflan.recipes.tiny import tiny

NOISE = (-0.015, -0.005, 0.005, 0.015)  # of each replicate
NEUTRAL = 0.5  # the value of arms, of which one is changed to plant a contrast
# Correlations are near 1: their effects and their noise are as much smaller.
SCALES = {"correlation": 0.04}
RUN = {"rows_seen": 64, "steps": 2, "target_tokens_seen": 640, "elapsed_seconds": 1.0}


@cache
def plan(name: str, data_root: Path | None = None) -> StudyPlan:
    """Return the plan of a study of all tasks of the catalog."""
    study = load(name)
    settings = StudySettings(
        name=name,
        build=None,
        recipe=tiny(),
        seeds=tuple(range(len(NOISE))),
        factors=study.values([], paper=False, quick=False),
        data_root=data_root,
    )
    return plan_study(study, settings)


def planted_values(claim: Claim, contrast: float) -> dict[str, float]:
    """Return a value of each arm of a claim whose contrast is this one."""
    first, *others = claim.contrast.weights
    values = dict.fromkeys(others, NEUTRAL)
    rest = sum(claim.contrast.weights[arm] * value for arm, value in values.items())
    return {**values, first: (contrast - rest) / claim.contrast.weights[first]}


def plant(plan: StudyPlan, claim: Claim, contrast: float, store: Store) -> StudyResults:
    """Return the results of a study with answers from which a claim has this contrast."""
    scale = SCALES.get(claim.measure, 1.0)
    for (replicate, arms), noise in zip(plan.replicates, NOISE, strict=True):
        values = planted_values(claim, contrast + scale * noise)
        for name, value in values.items():
            outputs = ArmOutputs(arms[name], replicate, store)
            PLANTERS[claim.measure](outputs, value)
            finish(outputs)
    return collect_results(plan, store, {}, "visionflan analyze")


def finish(outputs: ArmOutputs) -> None:
    """Mark the outputs of an arm, and the stages before them, as done."""
    for name, step in outputs.arm.outputs.items():
        facts = directory(outputs, name) / "facts.json"
        if isinstance(step, ComparisonStep) and not facts.exists():
            write_json(facts, {})
        directory(outputs, name).mkdir(parents=True, exist_ok=True)
        outputs.store.write_record(step, 1.0)
    for step in with_ancestors(outputs.arm.outputs.values()):
        if isinstance(step, TrainStep):
            output = outputs.store.directory(step) / "output"
            write_json(step.checkpoint(output) / "run.json", RUN)
            outputs.store.write_record(step, 1.0)
