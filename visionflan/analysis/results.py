"""The results of a study: measures of each arm and replicate, and verdicts, as JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.claims import Claim
from visionflan.analysis.execute import StepFailure
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.step import with_ancestors
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store
from visionflan.analysis.study import Arm, Study, Value
from visionflan.analysis.verdicts import ClaimValues, Verdict, decide
from visionflan.atomic_write import write_json, write_text
from visionflan.errors import AnalysisError
from visionflan.train.checkpoint import read_run_json, versions

RESULTS = "results.json"
ARMS_TABLE, CLAIMS_TABLE = "arms.csv", "claims.csv"


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
    """

    seed: int
    measures: Mapping[str, float | None] = field(default_factory=dict)
    budget: TrainingBudget = field(default_factory=TrainingBudget)
    notes: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """An arm over all replicates."""

    name: str
    factors: Mapping[str, Value]
    replicates: Sequence[ArmResult]


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """Everything that the page and the tables show."""

    about: Mapping[str, Any]
    command: str
    settings: Mapping[str, Any]
    seeds: Sequence[int]
    held_out_tasks: Sequence[str]
    build: str
    arms: Sequence[ArmSummary]
    verdicts: Sequence[Verdict]
    versions: Mapping[str, str]
    date: str


def collect_results(
    plan: StudyPlan, store: Store, failures: Mapping[str, StepFailure], command: str
) -> StudyResults:
    """Return the results of the arms that are done, and why the others are not."""
    by_arm: dict[str, list[ArmResult]] = {}
    factors: dict[str, Mapping[str, Value]] = {}
    for replicate, arms in plan.replicates:
        for name, arm in arms.items():
            by_arm.setdefault(name, []).append(
                arm_result(plan, ArmOutputs(arm, replicate, store), failures)
            )
            factors[name] = arm.factors
    summaries = [
        ArmSummary(name=name, factors=factors[name], replicates=results)
        for name, results in by_arm.items()
    ]
    return StudyResults(
        about=about(plan.study),
        command=command,
        settings=plan.settings.to_json(),
        seeds=list(plan.settings.seeds),
        held_out_tasks=list(plan.held_out_tasks),
        build=plan.replicates[0][0].tasks.build.content,
        arms=summaries,
        verdicts=decide_claims(plan, summaries),
        versions=versions(),
        date=datetime.now(UTC).date().isoformat(),
    )


def about(study: Study) -> dict[str, Any]:
    """Return what the page says of a study beside its results."""
    return {
        "title": study.title,
        "question": study.question,
        "paper": study.paper,
        "measures": [
            {"name": measure.name, "label": measure.label, "paper": measure.paper}
            for measure in study.measures
        ],
        "factors": {factor.name: factor.description for factor in study.factors},
        "limits": list(study.limits),
        "paper_numbers": list(study.paper_numbers),
    }


def arm_result(
    plan: StudyPlan, outputs: ArmOutputs, failures: Mapping[str, StepFailure]
) -> ArmResult:
    """Return the measures of one arm in one replicate."""
    arm, seed = outputs.arm, outputs.replicate.seed
    if failure := first_failure(arm, outputs.store, failures):
        return ArmResult(seed=seed, failure=failure, notes=arm.notes)
    return ArmResult(
        seed=seed,
        measures={measure.name: measure.compute(outputs) for measure in plan.study.measures},
        budget=arm_budget(arm, outputs.store),
        notes=arm.notes,
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


def decide_claims(plan: StudyPlan, arms: Sequence[ArmSummary]) -> list[Verdict]:
    """Return the verdicts on all claims of a study, decided together."""
    by_name = {arm.name: arm for arm in arms}
    cases = []
    for claim in plan.study.claims:
        values = [
            claim.contrast.value(replicate_measures(by_name, claim.measure, index))
            for index in range(len(plan.settings.seeds))
        ]
        reason = "a quick run claims nothing" if plan.settings.quick else ""
        if not any(value is not None for value in values):
            reason = reason or missing_reason(by_name, claim, plan.study)
        cases.append(ClaimValues(claim, values, reason))
    return decide(cases) if cases else []


def replicate_measures(
    arms: Mapping[str, ArmSummary], measure: str, index: int
) -> dict[str, float]:
    """Return a measure of each arm that has it in one replicate."""
    values = {name: arm.replicates[index].measures.get(measure) for name, arm in arms.items()}
    return {name: value for name, value in values.items() if value is not None}


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


def write_results(results: StudyResults, out: Path) -> None:
    """Write `results.json`, `arms.csv` and `claims.csv`."""
    claims = [verdict_json(verdict) for verdict in results.verdicts]
    write_json(out / RESULTS, asdict(results) | {"verdicts": claims})
    write_text(out / ARMS_TABLE, csv_text(arm_rows(results)))
    write_text(out / CLAIMS_TABLE, csv_text(map(claim_row, results.verdicts)))


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values, with what follows from its fields."""
    return {
        **asdict(verdict),
        "replicates": verdict.replicates,
        "missing": verdict.missing,
        "needed": verdict.needed,
        "sentence": verdict.sentence,
    }


def claim_row(verdict: Verdict) -> dict[str, Any]:
    """Return the row of a claim in the table."""
    row = verdict_json(verdict)
    claim = row.pop("claim")
    del row["values"]
    return {"claim": claim["name"], "measure": claim["measure"], **row}


def arm_rows(results: StudyResults) -> Iterator[dict[str, Any]]:
    """Yield a row for each arm, replicate and measure."""
    for arm in results.arms:
        for result in arm.replicates:
            common = {"arm": arm.name, **arm.factors, "seed": result.seed, **asdict(result.budget)}
            for measure, value in result.measures.items() or [("", None)]:
                yield {**common, "measure": measure, "value": value, "failure": result.failure}


def csv_text(rows: Iterable[dict[str, Any]]) -> str:
    """Return rows as CSV; a column that some rows lack is empty there."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()


def read_results(out: Path) -> dict[str, Any]:
    """Return the content of `results.json`."""
    if not (out / RESULTS).is_file():
        raise AnalysisError(f"{out} has no {RESULTS}: run a study with this --out first")
    try:
        results: dict[str, Any] = json.loads((out / RESULTS).read_bytes())
    except ValueError as error:
        raise AnalysisError(f"{out / RESULTS} is damaged ({error}): run the study again") from error
    return results
