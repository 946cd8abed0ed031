"""Decide the claims of a study from the measures of its arms."""

from collections.abc import Mapping, Sequence

from visionflan.analysis.arm_results import ArmSummary
from visionflan.analysis.claims import Claim
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.question_intervals import question_interval
from visionflan.analysis.study import Study
from visionflan.analysis.verdicts import ClaimValues, Verdict, decide
from visionflan.evaluate.aggregate.intervals import ConfidenceInterval


def decide_claims(plan: StudyPlan, arms: Sequence[ArmSummary]) -> list[Verdict]:
    """Return the verdicts on all claims of a study, decided together."""
    by_name = {arm.name: arm for arm in arms}
    cases = []
    replicates = range(len(plan.settings.seeds))
    for claim in plan.study.claims:
        values = [
            claim.contrast.value(replicate_measures(by_name, claim.measure, index))
            for index in replicates
        ]
        reason = "a quick run claims nothing" if plan.settings.quick else ""
        if not any(value is not None for value in values):
            reason = reason or missing_reason(by_name, claim, plan.study)
        intervals = [claim_interval(by_name, claim, index) for index in replicates]
        cases.append(ClaimValues(claim, values, reason, intervals))
    return decide(cases) if cases else []


def replicate_measures(
    arms: Mapping[str, ArmSummary], measure: str, index: int
) -> dict[str, float]:
    """Return a measure of each arm that has it in one replicate."""
    values = {name: arm.replicates[index].measures.get(measure) for name, arm in arms.items()}
    return {name: value for name, value in values.items() if value is not None}


def claim_interval(
    arms: Mapping[str, ArmSummary], claim: Claim, index: int
) -> ConfidenceInterval | None:
    """Return the interval of a claim's contrast over questions in one replicate."""
    results = {name: arm.replicates[index] for name, arm in arms.items()}
    left_out = {
        name: result.left_out[claim.measure]
        for name, result in results.items()
        if claim.measure in result.left_out
    }
    measures = replicate_measures(arms, claim.measure, index)
    return question_interval(claim.contrast, measures, left_out)


def missing_reason(arms: Mapping[str, ArmSummary], claim: Claim, study: Study) -> str:
    """Return why no replicate has the contrast of a claim."""
    measure = next(measure for measure in study.measures if measure.name == claim.measure)
    for name in claim.contrast.weights:
        if name not in arms:
            return f"the arm {name} is not in this run"
        results = arms[name].replicates
        if failure := next((result.failure for result in results if result.failure), ""):
            return f"the arm {name} has no result: {failure}"
        if all(result.measures.get(claim.measure) is None for result in results):
            return f"the arm {name} has no {measure.name}: {measure.missing}"
    return "no replicate has all of its arms"
