"""The results of a study: measures of each arm and replicate, and verdicts; as JSON and CSV."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.arm_results import ArmResult, ArmSummary, arm_result
from visionflan.analysis.execute import StepFailure
from visionflan.analysis.factor import Value
from visionflan.analysis.note_correlations import NoteCorrelation, note_correlations
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.store import LOCK, Store
from visionflan.analysis.study import Study
from visionflan.analysis.study_links import RESULTS
from visionflan.analysis.study_verdicts import decide_claims
from visionflan.analysis.verdicts import Verdict
from visionflan.atomic_write import locked, write_json, write_text
from visionflan.errors import AnalysisError
from visionflan.storage.stored_json import load_object
from visionflan.train.checkpoint import versions

ARMS_TABLE, CLAIMS_TABLE = "arms.csv", "claims.csv"


@dataclass(frozen=True, kw_only=True)
class StudyResults:
    """Everything that the page and the tables show.

    Attributes:
        adopted: steps that finished runs were taken for, by the directory of the run.
        step_seconds: what all finished steps took, one after the other.
    """

    about: Mapping[str, Any]
    command: str
    settings: Mapping[str, Any]
    seeds: Sequence[int]
    held_out_tasks: Sequence[str]
    build: str
    arms: Sequence[ArmSummary]
    verdicts: Sequence[Verdict]
    note_correlations: Sequence[NoteCorrelation]
    versions: Mapping[str, str]
    date: str
    step_seconds: float
    adopted: Mapping[str, Sequence[str]]


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
        note_correlations=note_correlations(summaries, plan.study.measures[0].name),
        versions=versions(),
        date=datetime.now(UTC).date().isoformat(),
        step_seconds=sum(finished_seconds(plan, store)),
        adopted=adopted_steps(plan, store),
    )


def finished_seconds(plan: StudyPlan, store: Store) -> Iterator[float]:
    """Yield how long each finished step took, each step once."""
    records = (store.record(step) for step in plan.steps if store.is_done(step))
    return (record["seconds"] for record in records if record["seconds"] is not None)


def adopted_steps(plan: StudyPlan, store: Store) -> dict[str, list[str]]:
    """Return the labels of the steps that finished runs were taken for, by run."""
    labels: dict[str, list[str]] = {}
    for step in filter(store.is_done, plan.steps):
        if adopted := store.record(step)["adopted"]:
            labels.setdefault(adopted["path"], []).append(step.label)
    return labels


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
        "notes": [{"name": name, "label": label} for name, label in study.note_labels.items()],
        "limits": list(study.limits),
        "paper_numbers": list(study.paper_numbers),
    }


def write_results(results: StudyResults, out: Path) -> None:
    """Write `results.json`, `arms.csv` and `claims.csv`."""
    claims = [verdict_json(verdict) for verdict in results.verdicts]
    arms = [arm_json(arm) for arm in results.arms]
    with locked(out / LOCK):  # another process may run the same study
        write_json(out / RESULTS, asdict(results) | {"arms": arms, "verdicts": claims})
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


def arm_json(arm: ArmSummary) -> dict[str, Any]:
    """Return an arm as JSON values, without what intervals were computed from."""
    fields = asdict(arm)
    for result in fields["replicates"]:
        del result["left_out"]
    return fields


def claim_row(verdict: Verdict) -> dict[str, Any]:
    """Return the row of a claim in the table; what there is of each replicate is a JSON list."""
    row = verdict_json(verdict)
    claim = row.pop("claim")
    for name in ("values", "question_intervals"):
        row[name] = json.dumps(row[name])
    decides = ("measure", "direction", "smallest")
    return {"claim": claim["name"], **{name: claim[name] for name in decides}, **row}


def arm_rows(results: StudyResults) -> Iterator[dict[str, Any]]:
    """Yield a row for each arm, replicate and measure.

    The columns of factors have names that no other column has: `steps` is often one of both.
    """
    for arm in results.arms:
        factors = {f"factor_{name}": value for name, value in arm.factors.items()}
        for result in arm.replicates:
            common = {"arm": arm.name, **factors, "seed": result.seed, **asdict(result.budget)}
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
    results = load_object(out / RESULTS)
    expected = {field.name for field in fields(StudyResults)}
    if results is None or not expected <= results.keys():
        raise AnalysisError(
            f"{out / RESULTS} is damaged or of another version of visionflan: run the study again"
        )
    return results
