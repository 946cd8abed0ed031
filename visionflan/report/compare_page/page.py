"""Write a comparison as an HTML page, a CSV table of all answers, and JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment
from markupsafe import Markup

import visionflan
from visionflan.atomic_write import write_text
from visionflan.compare.conclusions import is_undecided
from visionflan.compare.run import to_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.metric import ScoringRule
from visionflan.report import number_format
from visionflan.report.compare_page import panels
from visionflan.report.compare_page.csv_table import write_table
from visionflan.report.compare_page.panel import Panel
from visionflan.report.compare_page.report import (
    ComparisonReport,
    ModelNames,
    benchmark_title,
    model_names,
)
from visionflan.report.compare_page.summary import Summary, summarize
from visionflan.report.html import asset, environment


class ComparisonFiles(NamedTuple):
    """The files of a comparison."""

    page: Path
    table: Path
    numbers: Path


@dataclass(frozen=True, kw_only=True)
class Section:
    """A panel with the view that its template shows."""

    name: str
    panel: Panel
    view: object

    @property
    def anchor(self) -> str:
        """The id of the section in the page."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, kw_only=True)
class ComparisonPage:
    """The values that the template of the page shows."""

    version: str
    style: Markup
    script: Markup
    names: ModelNames
    rule: ScoringRule
    summary: Summary
    notes: Sequence[str]
    num_questions: int
    sections: Sequence[Section]


def write_comparison(report: ComparisonReport, out: Path) -> ComparisonFiles:
    """Write the three files into a directory; return their paths."""
    comparison = report.comparison
    if all(pair.before.score(report.rule) is None for pair in comparison.pairs):
        raise EvaluationError(no_scores_message(report.rule))
    files = ComparisonFiles(out / "compare.html", out / "compare.csv", out / "compare.json")
    write_text(files.page, render_page(report))
    write_table(files.table, comparison.pairs, report.rule)
    numbers = json.dumps(to_json(comparison), indent=1, ensure_ascii=False)
    write_text(files.numbers, f"{numbers}\n")
    return files


def no_scores_message(rule: ScoringRule) -> str:
    """Write what to do if there are no scores under a rule."""
    if rule == "likelihood":
        return "the evaluations have no log-likelihoods: use another --rule"
    return f"no answer has a score under the {rule} rule: score again with `visionflan score`"


def page_environment() -> Environment:
    """Return the templates of the page and of its panels, with their filters and tests."""
    templates = environment(list(panels.__path__))
    templates.filters.update(
        plain=number_format.plain,
        signed=number_format.signed,
        interval=number_format.interval_of,
        format_p=number_format.format_p,
        number=number_format.number,
        signed_number=number_format.signed_number,
        interval_class=number_format.interval_class,
        benchmark_title=benchmark_title,
    )
    templates.tests["undecided"] = is_undecided
    templates.globals["format_interval"] = number_format.format_interval
    return templates


def render_page(report: ComparisonReport) -> str:
    """Render the page of a comparison."""
    templates = page_environment()
    style = asset(templates, "style.css") + asset(templates, "compare.css")
    page = comparison_page(report, style, asset(templates, "compare.js"))
    return templates.get_template("compare.html").render(page=page)


def comparison_page(report: ComparisonReport, style: Markup, script: Markup) -> ComparisonPage:
    """Compute the values that the page shows."""
    comparison = report.comparison
    return ComparisonPage(
        version=visionflan.__version__,
        style=style,
        script=script,
        names=model_names(comparison),
        rule=report.rule,
        summary=summarize(comparison, report.rule, report.title),
        notes=comparison.notes,
        num_questions=len(comparison.pairs),
        sections=list(sections(report)),
    )


def sections(report: ComparisonReport) -> Iterator[Section]:
    """Compute the views of all panels that have something to show."""
    for name, panel in panels.load_all().items():
        if view := panel.view(report):
            yield Section(name=name, panel=panel, view=view)
