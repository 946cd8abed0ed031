"""Write a comparison as one page, as a table of all answers, and as numbers."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

import visionflan
from visionflan.atomic_write import write_text
from visionflan.compare.forgetting import Forgetting
from visionflan.compare.format_effects import FormatSplit
from visionflan.compare.headline_support import index_headlines
from visionflan.compare.inputs import find_inputs, read, sources
from visionflan.compare.prompt_sensitivity import PromptSensitivity
from visionflan.compare.response_style import ResponseStyle
from visionflan.compare.results import Comparison, Difference, Evaluation
from visionflan.compare.run import compare, to_json
from visionflan.compare.yes_no_bias import YesNoBias
from visionflan.errors import EvaluationError, VisionflanError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.header import TaskHeader
from visionflan.report import number_format as figures
from visionflan.report.compare_page.charts import Change, change_bar
from visionflan.report.compare_page.csv_table import write_table
from visionflan.report.compare_page.examples import SHOWN, FlipBrowser
from visionflan.report.compare_page.panels import (
    biases,
    forgettings,
    forms,
    lengths,
    manners,
    outcomes,
)
from visionflan.report.compare_page.summary import names, summarize
from visionflan.report.html import environment, style
from visionflan.report.inline_images import InlineImages, Source

MANY_TASKS, PANEL_ROWS = 24, 12
# Where a run alone keeps how its stages compare.
COMPARISON = "comparison"


class Files(NamedTuple):
    """Where a comparison was written."""

    page: Path
    table: Path
    numbers: Path


class Row(NamedTuple):
    """A difference as the table shows it."""

    difference: Difference
    title: str
    drawing: Markup
    tone: str
    heading: str


class ComparisonReport(NamedTuple):
    """A comparison with what its page needs: what was asked, pictures, and what is not there."""

    found: Comparison
    evaluations: Sequence[Evaluation]
    sources: Sequence[Source]
    missing: Sequence[str]
    rule: ScoringRule

    @property
    def tasks(self) -> dict[str, TaskHeader]:
        """What is known of all tasks."""
        return {
            task: template_context
            for each in self.evaluations
            for task, template_context in each.header.tasks.items()
        }

    @property
    def several(self) -> set[str]:
        """Name the benchmarks that were asked in more than one style, and what they make."""
        styles = {(each.name, each.prompt_style) for each in self.found.differences}
        return {name for name, count in Counter(name for name, _ in styles).items() if count > 1}

    def title(self, name: str, style: str) -> str:
        """Call a task, benchmark or group by its title, and by its style where it has several."""
        title = self.tasks[name].title or name if name in self.tasks else benchmark_title(name)
        return title + self.styled(name, style)

    def styled(self, name: str, style: str) -> str:
        """Name the style of what was asked in several of them."""
        whole = name in self.several or name.split("/", maxsplit=1)[0] in self.several
        return f" ({style})" if whole else ""


def benchmark_title(name: str) -> str:
    """Give the title of a benchmark or of what several make, or its name where it has none."""
    if name in SUITES:
        return f"{name} ({', '.join(benchmark_title(each) for each in SUITES[name])})"
    try:
        return benchmarks.load(name).title
    except VisionflanError:
        return name


def load_comparison(
    before: Path, after: Path | None = None, rule: ScoringRule = "lenient"
) -> ComparisonReport:
    """Compare two sides, or of a run alone its first stage with its last."""
    found = find_inputs(before, after)
    first, second = read(found.before), read(found.after)
    opened, missing = sources([*first, *second])
    return ComparisonReport(compare(first, second), [*first, *second], opened, missing, rule)


def write_comparison(story: ComparisonReport, out: Path) -> Files:
    """Write the three files into a folder."""
    if all(pair.before.score(story.rule) is None for pair in story.found.pairs):
        raise EvaluationError(unscored(story.rule))
    files = Files(out / "compare.html", out / "compare.csv", out / "compare.json")
    write_text(files.page, page(story))
    write_table(files.table, story.found.pairs, story.rule)
    numbers = json.dumps(to_json(story.found), indent=1, ensure_ascii=False)
    write_text(files.numbers, f"{numbers}\n")
    return files


def unscored(rule: ScoringRule) -> str:
    """Say what to do where a rule has scored nothing."""
    if rule == "likelihood":
        return "the evaluations kept no likelihoods: compare by another rule"
    return f"no answer has a score by the {rule} rule: score again with `visionflan score`"


def page(story: ComparisonReport) -> str:
    """Fill the template."""
    pages = environment()
    pages.filters.update(
        plain=figures.plain,
        signed=figures.signed,
        between=figures.between,
        chance=figures.format_p,
        number=figures.number,
        signed_number=figures.signed_number,
        tone=figures.tone,
        benchmark=benchmark_title,
    )
    pages.globals["ends"] = figures.format_interval
    template = pages.get_template("compare.html")
    parts = {part: Markup(pages.get_template(f"compare.{part}").render()) for part in ("css", "js")}
    return template.render(
        style=style(pages), version=visionflan.__version__, **parts, **template_context(story)
    )


def template_context(story: ComparisonReport) -> dict[str, Any]:
    """Gather all that the page tells."""
    found, rule = story.found, story.rule
    return {
        "found": found,
        "rule": rule,
        "names": names(found),
        "gist": summarize(found, rule, story.title),
        "missing": story.missing,
        "without_score": without_score(story),
        "evaluations": story.evaluations,
        **tables(story),
        "biases": biases(found.results_of(YesNoBias), story.title),
        "forms": forms(
            found.results_of(FormatSplit), story.title, index_headlines(found.differences)
        ),
        "forgettings": forgettings(found.results_of(Forgetting), story.title),
        "manners": manners(found.results_of(ResponseStyle)),
        "interactions": found.results_of(PromptSensitivity),
        "lengths": lengths(found.pairs),
        "outcomes": outcomes(found.pairs, names(found)),
        "browser": FlipBrowser(rule, story.tasks, InlineImages(story.sources)).browser(found.pairs),
        "kinds": SHOWN,
    }


def tables(story: ComparisonReport) -> dict[str, Any]:
    """Give the rows of what is summed up, of each task, and of the same by the other rules."""
    chosen = [each for each in story.found.differences if each.rule == story.rule]
    others = [each for each in story.found.differences if each.rule != story.rule]
    reach = max((relative(each).reach for each in [*chosen, *others]), default=0.0)
    return {
        "reach": reach,
        "sums": [row(story, each, reach) for each in chosen if is_sum(each)],
        "measures": [row(story, each, reach) for each in chosen if is_part(each)],
        "tasks": [row(story, each, reach) for each in chosen if each.scope == "task"],
        "by_rule": [row(story, each, reach) for each in others],
        "many_tasks": MANY_TASKS,
        "panel_rows": PANEL_ROWS,
    }


def is_part(difference: Difference) -> bool:
    """Whether this is a further measure of a benchmark, beside the one that stands for it."""
    return difference.scope == "benchmark" and not difference.headline


def is_sum(difference: Difference) -> bool:
    """Whether this stands for a whole benchmark or for several tasks."""
    return difference.scope != "task" and not is_part(difference)


def without_score(story: ComparisonReport) -> dict[str, int]:
    """Count by task the questions that have no score on both sides, though both were answered."""
    return Counter(
        pair.after.task
        for pair in story.found.pairs
        if None in (pair.before.score(story.rule), pair.after.score(story.rule))
    )


def relative(difference: Difference) -> Change:
    """Give a change as a share of the best score, so that all are drawn on one axis."""
    best = difference.max or 100.0
    low, high, smallest = (
        None if value is None else value / best
        for value in (difference.low, difference.high, difference.min_detectable)
    )
    return Change(
        difference.change / best, low, high, figures.significance_class(difference), smallest
    )


def row(story: ComparisonReport, each: Difference, reach: float) -> Row:
    """Put a difference into a row, and draw it."""
    title = story.title(each.name, each.prompt_style)
    within = figures.format_interval(each.low, each.high, each.max)
    words = f"{title}, {each.measure}: a change of {figures.signed(each.change, each.max)}"
    drawn = change_bar(relative(each), reach, f"{words}, {within}" if within else words)
    return Row(each, title, drawn, figures.significance_class(each), heading(each))


def heading(each: Difference) -> str:
    """Name the part of the table in which a score stands."""
    if each.name in SUITES and each.scope == "group":
        return "Averages over benchmarks"
    return "Benchmarks" if each.scope == "benchmark" else "Averages over held-out tasks"
