"""What is told of two checkpoints that answered the same questions: plain data, nothing computed.

Figures are fractions of 1 unless a measure says otherwise: one whose `best` is another number, or
None for no end, is in points as others print it. A change is always what comes after, less what
came before. Where a number has no meaning it is None.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from visionflan.evaluate.metric import ScoringRule
from visionflan.evaluate.records.header import Header
from visionflan.evaluate.records.record import Record

Scope = Literal["benchmark", "task", "group"]
Flip = Literal["gained", "lost", "both right", "both wrong"]


class Evaluation(NamedTuple):
    """One evaluation of a checkpoint: where it lies, what was asked, and every answer."""

    folder: str
    header: Header
    records: list[Record]


class ComparedModel(NamedTuple):
    """One of the two that are compared."""

    name: str
    phase: str
    checkpoint: str
    folders: tuple[str, ...]
    generations: tuple[str, ...]


class Pair(NamedTuple):
    """The answers of both sides to one question."""

    before: Record
    after: Record

    def flip(self, rule: ScoringRule) -> Flip | None:
        """Tell what became of a score of 0 or 1; None where one is missing or in between."""
        first, second = self.before.score(rule), self.after.score(rule)
        if first not in (0.0, 1.0) or second not in (0.0, 1.0):
            return None
        if first == second:
            return "both right" if first else "both wrong"
        return "gained" if second else "lost"


class Interval(NamedTuple):
    """A number with the ends of its 95 % interval; each None where it has no meaning."""

    value: float | None
    low: float | None = None
    high: float | None = None


class BeforeAfter(NamedTuple):
    """A figure before and after, and its change, by the same draws of clusters."""

    before: Interval
    after: Interval
    change: Interval


class Difference(NamedTuple):
    """How one measure changed under one rule, and whether chance alone may do that.

    `name` is a benchmark, a held-out task (`dataset/task`), or a group: of those tasks, or a suite
    of benchmarks. `style` is that of the prompts. `headline` measures of tasks and benchmarks under
    one rule form the family over which `p_adjusted` is adjusted (Holm); others have none. `gained`
    and `lost` count the items, or the groups where a measure judges these whole, that went from
    wrong to right or back, and are None where there is something in between; so is `mcnemar`, the
    exact test over them. `p` decides: it is `mcnemar` where every cluster holds one of them, else
    the test that exchanges the sides of whole clusters. `detectable` is the smallest true change
    that this many items would show in four of five studies. `best` is the highest value that the
    measure can have.
    """

    scope: Scope
    name: str
    style: str
    measure: str
    headline: bool
    rule: ScoringRule
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    best: float | None
    items: int
    clusters: int
    gained: int | None
    lost: int | None
    mcnemar: float | None
    p: float | None
    p_adjusted: float | None
    detectable: float | None
    verdict: str


class YesNoBias(NamedTuple):
    """Leaning apart from ability in the yes/no questions of one task.

    `sensitivity` is d' (0: answers do not depend on the truth), `criterion` is c (negative: leans
    to yes), both of the answers that were understood. `p` tests the change of c, and `p_adjusted`
    is adjusted for all tasks that are told of (Holm). `auroc` and `unbiased_accuracy` need no
    threshold: they come from the likelihoods of yes and no and are None where those were not kept;
    the second is the share right at the threshold where errors on both kinds are equally frequent.
    """

    task: str
    style: str
    items: int
    truth: float
    yes_rate: BeforeAfter
    sensitivity: BeforeAfter
    criterion: BeforeAfter
    p: float | None
    p_adjusted: float | None
    understood: BeforeAfter
    auroc: BeforeAfter | None
    unbiased_accuracy: BeforeAfter | None
    sentence: str


class FormatSplit(NamedTuple):
    """The form of answers apart from what they say, for one task.

    The change by the official rule is `capability` (the change by the lenient rule) plus `form`
    (the change of how much the official rule takes off for the form). The change by the lenient
    rule is `by_parsing` (more or fewer answers are understood) plus `by_content` (those understood
    are right more or less often) plus `by_credit` (what answers that are not understood are given).
    """

    task: str
    style: str
    items: int
    official: BeforeAfter
    lenient: BeforeAfter
    likelihood: BeforeAfter | None
    capability: Interval
    form: Interval
    parse_rate: BeforeAfter
    right_if_parsed: BeforeAfter
    by_parsing: Interval
    by_content: Interval
    by_credit: Interval
    sentence: str


class Confusion(NamedTuple):
    """How often one answer was given where another is right, before and after."""

    target: str
    said: str
    before: int
    after: int


class Forgetting(NamedTuple):
    """What was lost apart from what is only said differently, for one closed task.

    By likelihood: `forgotten` were right before and are wrong after, `learnt` the other way round,
    `kept` right both times; `reformatted` of those kept were right as said before and are wrong as
    said after. All four are None where no likelihoods were kept. `list_echo` and `off_list` are the
    shares of answers that say the list of answers again, or none of it.
    """

    task: str
    style: str
    items: int
    forgotten: int | None
    learned: int | None
    kept: int | None
    reformatted: int | None
    said: BeforeAfter
    likelihood: BeforeAfter | None
    list_echo: BeforeAfter
    off_list: BeforeAfter
    confusions: tuple[Confusion, ...]
    sentence: str


class ResponseStyle(NamedTuple):
    """How answers are written, by benchmark or for all held-out tasks together.

    `figures` are, in order: words, sentences, lists or markup, openings of a description, hedges,
    refusals, repetition, distinct words, and cut off; `words_before` and `words_after` are the
    10th, 50th and 90th percentile of the number of words.
    """

    name: str
    style: str
    answers: int
    words_before: tuple[int, int, int]
    words_after: tuple[int, int, int]
    figures: Mapping[str, BeforeAfter]


class Interaction(NamedTuple):
    """How much more a measure changed under the first prompt style than under the second."""

    name: str
    measure: str
    rule: ScoringRule
    styles: tuple[str, str]
    items: int
    first: Interval
    second: Interval
    difference: Interval
    sentence: str


class Comparison(NamedTuple):
    """All that is told of two sides.

    `only_before` and `only_after` count, by task, the items that one side alone answered; `missing`
    counts, by task, pairs of which an answer failed. `pairs` hold the others.
    """

    before: ComparedModel
    after: ComparedModel
    pairs: list[Pair]
    only_before: Mapping[str, int]
    only_after: Mapping[str, int]
    missing: Mapping[str, int]
    differences: list[Difference]
    biases: list[YesNoBias]
    forms: list[FormatSplit]
    forgetting: list[Forgetting]
    manners: list[ResponseStyle]
    interactions: list[Interaction]
    notes: list[str]
