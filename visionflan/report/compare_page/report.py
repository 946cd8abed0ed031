"""A comparison with everything its page needs."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from visionflan.compare.results import Comparison, Evaluation
from visionflan.compare.run import LoadedComparison
from visionflan.errors import VisionflanError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.suites import SUITES
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.header import TaskHeader
from visionflan.report.inline_images import ImageProvider

# Returns the title of a task, benchmark or group from its name and prompt style.
Title = Callable[[str, str], str]


class ModelNames(NamedTuple):
    """The names of the two models on the page."""

    before: str
    after: str


class ComparisonReport(NamedTuple):
    """A comparison, the evaluations and images behind it, and the rule that leads the page."""

    comparison: Comparison
    evaluations: Sequence[Evaluation]
    sources: Sequence[ImageProvider]
    missing_sources: Sequence[str]  # why images of a build or release cannot be shown
    rule: ScoringRule

    @classmethod
    def from_loaded(
        cls, loaded: LoadedComparison, rule: ScoringRule = "lenient"
    ) -> "ComparisonReport":
        """Make the report of a loaded comparison, led by one scoring rule."""
        return cls(
            loaded.comparison, loaded.evaluations, loaded.sources, loaded.missing_sources, rule
        )

    @property
    def tasks(self) -> dict[str, TaskHeader]:
        """The headers of all tasks by name."""
        return {
            name: task
            for evaluation in self.evaluations
            for name, task in evaluation.header.tasks.items()
        }

    @property
    def in_several_styles(self) -> set[str]:
        """The names of benchmarks and suites that were evaluated in more than one prompt style."""
        styles = {(score.name, score.prompt_style) for score in self.comparison.differences}
        counts = Counter(name for name, _ in styles)
        return {name for name, count in counts.items() if count > 1}

    def title(self, name: str, style: str) -> str:
        """Return the title of a task, benchmark or group, with its style if it has several."""
        title = self.tasks[name].title or name if name in self.tasks else benchmark_title(name)
        return title + self.style_suffix(name, style)

    def style_suffix(self, name: str, style: str) -> str:
        """Return the prompt style in parentheses if the benchmark was evaluated in several."""
        benchmark = name.split("/", maxsplit=1)[0]
        return f" ({style})" if self.in_several_styles & {name, benchmark} else ""


def benchmark_title(name: str) -> str:
    """Return the title of a benchmark or suite, or its name if it has none."""
    if name in SUITES:
        return f"{name} ({', '.join(benchmark_title(member) for member in SUITES[name])})"
    try:
        return benchmarks.load(name).title
    except VisionflanError:
        return name


def model_names(comparison: Comparison) -> ModelNames:
    """Name each model by what differs: the stage, the run or both, else the order."""
    before, after = comparison.before, comparison.after
    if (before.name, before.stage) == (after.name, after.stage):
        return ModelNames(f"{before.stage} (before)", f"{after.stage} (after)")
    if before.name == after.name:
        return ModelNames(before.stage, after.stage)
    if before.stage == after.stage:
        return ModelNames(before.name, after.name)
    return ModelNames(f"{before.name} {before.stage}", f"{after.name} {after.stage}")
