"""Write the results of a study as one HTML page, from its `results.json`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from markupsafe import Markup

import visionflan
from visionflan.analysis.factor import values_text
from visionflan.analysis.results import read_results
from visionflan.analysis.study_links import PAGE
from visionflan.analysis.verdict_text import number_text, rule_text
from visionflan.atomic_write import write_text
from visionflan.report import number_format
from visionflan.report.html import asset, environment
from visionflan.report.study_page.charts import (
    ContrastView,
    ReplicateView,
    contrast_plot,
    replicate_plot,
)
from visionflan.report.study_page.notes import NotesView, notes_view

STATUSES = {
    "supported": "Supported",
    "contradicted": "Contradicted",
    "undecided": "Undecided",
    "not_testable": "Not testable",
}


class ReplicateRow(NamedTuple):
    """The contrast of a claim in one replicate, in the table below its figure."""

    name: str
    value: str
    interval: str


class ClaimView(NamedTuple):
    """A claim with its verdict."""

    status: str
    label: str
    claim: Mapping[str, Any]
    verdict: str
    rule: str
    measure: str
    figure: Markup
    replicates: Sequence[ReplicateRow]


class MeasureView(NamedTuple):
    """A measure of all arms."""

    label: str
    paper: str
    figure: Markup


class FactorRow(NamedTuple):
    """A factor with its values in this study."""

    name: str
    description: str
    values: str


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
    factors: Sequence[FactorRow]
    arms: Sequence[ArmRow]
    notes: NotesView | None
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
        factors=list(factor_rows(results)),
        arms=list(arm_rows(results)),
        notes=notes_view(results),
        settings=number_format.pretty_json(results["settings"]),
    )
    return templates.get_template("study.html").render(page=page)


def claim_views(results: Mapping[str, Any]) -> Iterator[ClaimView]:
    """Yield each claim with its figure."""
    labels = {measure["name"]: measure["label"] for measure in results["about"]["measures"]}
    for verdict in results["verdicts"]:
        claim = verdict["claim"]
        replicates = replicate_views(verdict, results["seeds"])
        figure = Markup("")
        if replicates:
            title = f"{claim['sentence']} {verdict['sentence']}"
            figure = contrast_plot(contrast_view(verdict, replicates), title)
        yield ClaimView(
            verdict["status"],
            STATUSES[verdict["status"]],
            claim,
            verdict["sentence"],
            rule_text(claim["direction"], claim["smallest"]),
            labels[claim["measure"]],
            figure,
            [replicate_row(replicate) for replicate in replicates],
        )


def replicate_views(verdict: Mapping[str, Any], seeds: Sequence[int]) -> list[ReplicateView]:
    """Return the replicates that have the contrast of a claim."""
    intervals = verdict["question_intervals"] or [None] * len(seeds)
    return [
        ReplicateView(f"seed {seed}", value, interval)
        for seed, value, interval in zip(seeds, verdict["values"], intervals, strict=True)
        if value is not None
    ]


def contrast_view(verdict: Mapping[str, Any], replicates: Sequence[ReplicateView]) -> ContrastView:
    """Return what the figure of a claim shows; one run has no mean."""
    claim = verdict["claim"]
    sign = -1 if claim["direction"] == "lower" else 1
    has_interval = verdict["low"] is not None
    return ContrastView(
        replicates,
        verdict["mean"] if len(replicates) > 1 else None,
        (verdict["low"], verdict["high"]) if has_interval else None,
        sign * claim["smallest"],
    )


def replicate_row(replicate: ReplicateView) -> ReplicateRow:
    """Return the numbers of a replicate, with a dash where there is no interval."""
    value, *ends = (number_text(end, 3) for end in (replicate.value, *(replicate.interval or ())))
    return ReplicateRow(replicate.name, value, " to ".join(ends) or number_format.NONE)


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


def factor_rows(results: Mapping[str, Any]) -> Iterator[FactorRow]:
    """Yield each factor, so that a reader knows what the names of arms mean."""
    values = results["settings"]["factors"]
    for name, description in results["about"]["factors"].items():
        yield FactorRow(name, description, values_text(values[name]))


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
        cells = [number_text(fmean(value), 3) if value else number_format.NONE for value in values]
        failures = [
            f"seed {result['seed']}: {result['failure']}"
            for result in arm["replicates"]
            if result["failure"]
        ]
        yield ArmRow(arm["name"], len(done), rows, steps, tokens, seconds, cells, failures)
