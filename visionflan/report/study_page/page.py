"""Write the results of a study as one HTML page, from its `results.json`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from markupsafe import Markup

import visionflan
from visionflan.analysis.results import read_results
from visionflan.analysis.study_links import PAGE
from visionflan.atomic_write import write_text
from visionflan.report import number_format
from visionflan.report.html import asset, environment
from visionflan.report.study_page.charts import ContrastView, contrast_plot, replicate_plot

STATUSES = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "undecided": "Undecided",
    "not_testable": "Not testable",
}


class ClaimView(NamedTuple):
    """A claim with its verdict."""

    status: str
    label: str
    claim: Mapping[str, Any]
    verdict: str
    measure: str
    figure: Markup


class MeasureView(NamedTuple):
    """A measure of all arms."""

    label: str
    paper: str
    figure: Markup


class ArmRow(NamedTuple):
    """An arm in the table: means over its replicates."""

    name: str
    replicates: int
    rows: float
    steps: float
    tokens: float
    seconds: float
    measures: Sequence[str]
    failures: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class StudyPage:
    """The values that the template shows."""

    version: str
    style: Markup
    results: Mapping[str, Any]
    about: Mapping[str, Any]
    claims: Sequence[ClaimView]
    measures: Sequence[MeasureView]
    arms: Sequence[ArmRow]
    settings: str


def write_study_page(out: Path) -> Path:
    """Write the page of the study in a directory and return its path."""
    path = out / PAGE
    write_text(path, render_study(read_results(out)))
    return path


def render_study(results: Mapping[str, Any]) -> str:
    """Return the page as HTML."""
    templates = environment()
    templates.filters["duration"] = number_format.duration
    about = results["about"]
    page = StudyPage(
        version=visionflan.__version__,
        style=asset(templates, "style.css") + asset(templates, "study.css"),
        results=results,
        about=about,
        claims=list(claim_views(results)),
        measures=list(measure_views(results)),
        arms=list(arm_rows(results)),
        settings=number_format.pretty_json(results["settings"]),
    )
    return templates.get_template("study.html").render(page=page)


def claim_views(results: Mapping[str, Any]) -> Iterator[ClaimView]:
    """Yield each claim with its figure."""
    labels = {measure["name"]: measure["label"] for measure in results["about"]["measures"]}
    for verdict in results["verdicts"]:
        claim = verdict["claim"]
        values = [value for value in verdict["values"] if value is not None]
        figure = Markup("")
        if values:
            sign = -1 if claim["direction"] == "lower" else 1
            view = ContrastView(
                values,
                verdict["mean"],
                verdict["low"],
                verdict["high"],
                sign * claim["smallest"],
            )
            figure = contrast_plot(view, f"{claim['sentence']} {verdict['sentence']}")
        yield ClaimView(
            verdict["status"],
            STATUSES[verdict["status"]],
            claim,
            verdict["sentence"],
            labels[claim["measure"]],
            figure,
        )


def measure_views(results: Mapping[str, Any]) -> Iterator[MeasureView]:
    """Yield the figure of each measure that some arm has."""
    for measure in results["about"]["measures"]:
        values = {arm["name"]: measured(arm, measure["name"]) for arm in results["arms"]}
        if any(values.values()):
            figure = replicate_plot(values, f"{measure['label']}, by arm")
            yield MeasureView(measure["label"], measure["paper"], figure)


def measured(arm: Mapping[str, Any], measure: str) -> list[float]:
    """Return a measure of an arm in each replicate that has one."""
    values = (result["measures"].get(measure) for result in arm["replicates"])
    return [value for value in values if value is not None]


def arm_rows(results: Mapping[str, Any]) -> Iterator[ArmRow]:
    """Yield the row of each arm."""
    measures = [measure["name"] for measure in results["about"]["measures"]]
    for arm in results["arms"]:
        done = [result for result in arm["replicates"] if not result["failure"]]
        budgets = [result["budget"] for result in done]
        rows, steps, tokens, seconds = (
            fmean(budget[name] for budget in budgets) if budgets else 0.0
            for name in ("rows", "steps", "target_tokens", "seconds")
        )
        values = (measured(arm, name) for name in measures)
        cells = [f"{fmean(value):.3f}" if value else number_format.NONE for value in values]
        failures = [
            f"seed {result['seed']}: {result['failure']}"
            for result in arm["replicates"]
            if result["failure"]
        ]
        yield ArmRow(arm["name"], len(done), rows, steps, tokens, seconds, cells, failures)
