"""Data types of a comparison of two models that answered the same questions.

Scores are fractions of 1, unless the metric's `max` is another number, or None for an open-ended
scale: those are in the benchmark's own points. A change is always `after` minus `before`. A number
that is not defined is None.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

from visionflan.evaluate.aggregate.estimates import Estimate
from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.header import Header
from visionflan.evaluate.records.record import Record

Scope = Literal["benchmark", "task", "group"]
Flip = Literal["gained", "lost", "both right", "both wrong"]
# Any NamedTuple that an analysis returns.
AnalysisResult = tuple[object, ...]
Result = TypeVar("Result", bound=AnalysisResult)


class Evaluation(NamedTuple):
    """A stored evaluation: its directory, its header and all its records."""

    directory: str
    header: Header
    records: list[Record]


class ComparedModel(NamedTuple):
    """One of the two models, and the evaluations that are compared."""

    name: str  # of the run
    stage: str
    checkpoint: str  # SHA-256 of the weights
    directories: tuple[str, ...]
    generation_configs: tuple[str, ...]


class AnswerPair(NamedTuple):
    """Both models' answers to one question."""

    before: Record
    after: Record

    def flip(self, rule: ScoringRule) -> Flip | None:
        """Return how a score of 0 or 1 changed; None if a score is missing or in between."""
        before, after = self.before.score(rule), self.after.score(rule)
        if before not in (0.0, 1.0) or after not in (0.0, 1.0):
            return None
        if before == after:
            return "both right" if before else "both wrong"
        return "gained" if after else "lost"


class Interval(NamedTuple):
    """A value with its 95 % confidence interval; `low` and `high` are None if there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


class BeforeAfter(NamedTuple):
    """A statistic of each model, and its change, each with its interval over the same clusters."""

    before: Interval
    after: Interval
    change: Interval


class Subject(NamedTuple):
    """The subject of a difference.

    Attributes:
        scope: a benchmark, a held-out task, or a group of either.
        name: of the benchmark, task (`dataset/task`), group of tasks, or suite of benchmarks.
        prompt_style: style of the prompts; empty for held-out tasks.
        metric: name of the metric.
        max: its highest possible value; None for an open-ended scale.
        headline: whether this is the main score of a benchmark or task. The headlines of
            one rule are the family of tests that is corrected for multiple comparisons.
    """

    scope: Scope
    name: str
    prompt_style: str
    metric: str
    max: float | None
    headline: bool


class Significance(NamedTuple):
    """The significance of a difference.

    Attributes:
        items: number of items with a score on both sides.
        clusters: number of image clusters.
        gained: number of items, or of groups if these are scored as one, that became right; None
            if a score may be between wrong and right.
        lost: number that became wrong.
        mcnemar_p: exact McNemar test of `gained` against `lost`.
        p: p-value of the change: `mcnemar_p` if every cluster holds one item, else the paired
            permutation test over clusters; None with fewer than two clusters.
        min_detectable: smallest true change that is found with 80 % power; None if nothing varies.
    """

    items: int
    clusters: int
    gained: int | None
    lost: int | None
    mcnemar_p: float | None
    p: float | None
    min_detectable: float | None


class Difference(NamedTuple):
    """The change of one metric under one scoring rule, with its significance.

    Attributes:
        scope: as in `Subject`, and so are `name`, `prompt_style`, `metric`, `headline` and `max`.
        rule: scoring rule.
        before: score of the first model.
        after: score of the second model.
        change: `after` minus `before`.
        low: lower end of the change's 95 % interval; None if there is no interval.
        high: upper end of that interval.
        items: as in `Significance`, and so are `clusters`, `gained`, `lost`, `mcnemar_p`, `p` and
            `min_detectable`.
        p_holm: `p` after Holm's correction; None if not a headline.
        conclusion: the change in words.
    """

    scope: Scope
    name: str
    prompt_style: str
    metric: str
    headline: bool
    rule: ScoringRule
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    max: float | None
    items: int
    clusters: int
    gained: int | None
    lost: int | None
    mcnemar_p: float | None
    p: float | None
    p_holm: float | None
    min_detectable: float | None
    conclusion: str

    @classmethod
    def from_estimate(
        cls, subject: Subject, rule: ScoringRule, estimate: BeforeAfter, tests: Significance
    ) -> "Difference | None":
        """Combine an estimate with its tests; None if a score is undefined.

        `p_holm` and `conclusion` depend on the other differences: see `adjust_and_conclude`.
        """
        before, after, change = estimate
        if before.value is None or after.value is None or change.value is None:
            return None
        return cls(
            **subject._asdict(),
            rule=rule,
            before=before.value,
            after=after.value,
            change=change.value,
            low=change.low,
            high=change.high,
            **tests._asdict(),
            p_holm=None,
            conclusion="",
        )


class Agreement(NamedTuple):
    """The agreement of persons on a task.

    Attributes:
        task: the task.
        persons: the persons with an answer to an item that another one answered as well.
        items: number of items that at least two persons answered.
        clusters: number of clusters of images of these items.
        distance: how far two answers are apart, in words.
        same: number of items on which all answers are the same.
        alpha: Krippendorff's alpha.
        kappa: Cohen's kappa; None with more persons than two, or for open answers.
        undefined: why there is no alpha; empty if there is one.
    """

    task: str
    persons: tuple[str, ...]
    items: int
    clusters: int
    distance: str
    same: int
    alpha: Interval
    kappa: Interval | None
    undefined: str


class HumanScore(NamedTuple):
    """The score of a person beside those of models, all on the items that each of them answered.

    Attributes:
        person: the name of the person.
        name: of the task, or of a group of tasks.
        rule: scoring rule.
        human: the score of the person.
        models: the score of each model, by its label.
    """

    person: str
    name: str
    rule: ScoringRule
    human: Estimate
    models: Mapping[str, Estimate]


class HumanResults(NamedTuple):
    """What is known from answers of persons: scores, agreement, and what could not be compared."""

    scores: Sequence[HumanScore] = ()
    agreement: Sequence[Agreement] = ()
    notes: Sequence[str] = ()


class Comparison(NamedTuple):
    """All results of comparing two models.

    Attributes:
        before: the first model.
        after: the second model.
        pairs: both answers to each question that both models answered.
        only_before: number of items, by task, that only the first model was asked.
        only_after: number of items, by task, that only the second model was asked.
        missing: number of items, by task, on which a model failed to answer.
        differences: changes of all metrics under all rules.
        analyses: results of each analysis, by its name.
        notes: what to know before reading the numbers.
        humans: scores and agreement of persons.
    """

    before: ComparedModel
    after: ComparedModel
    pairs: list[AnswerPair]
    only_before: Mapping[str, int]
    only_after: Mapping[str, int]
    missing: Mapping[str, int]
    differences: list[Difference]
    analyses: Mapping[str, Sequence[AnalysisResult]]
    notes: list[str]
    humans: HumanResults = HumanResults()

    def results_of(self, result_type: type[Result]) -> list[Result]:
        """Return all results of one type, in the order of their analysis."""
        return [
            result
            for results in self.analyses.values()
            for result in results
            if isinstance(result, result_type)
        ]
