"""Tell the form of answers apart from what they say.

The split into understood more often and right more often is Shapley's: each part is the mean of
what it would change before and after the other, so that both add up to the whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare.differences import scored_pairs
from visionflan.compare.headline_support import HeadlineIndex, direction_of, headline_agrees
from visionflan.compare.paired_bootstrap import cluster_sums, resample
from visionflan.compare.results import BeforeAfter, Interval, Pair
from visionflan.compare.subsets import Subset, headline_subsets
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.bootstrap import Floats
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.metrics import METRICS
from visionflan.evaluate.records.record import Record

NAME = "format_effects"
OFFICIAL, LENIENT, PARSED, RIGHT_IF_PARSED, ITEMS = range(5)


class FormatSplit(NamedTuple):
    """The change of the official score of one task, split into content and format.

    `content` + `format` is the change of the official score; `by_parsing` + `by_accuracy` +
    `by_unparsed_credit` is `content`. All are means over single answers.

    Attributes:
        task: benchmark or held-out task.
        prompt_style: style of the prompts.
        items: number of answers with a score under both rules on both sides.
        official: score under the official rule.
        lenient: score under the lenient rule.
        likelihood: score of the candidate with the highest log-likelihood; None if not computed.
        content: change under the lenient rule.
        format: change of what the official rule deducts beyond the lenient one.
        parse_rate: share of answers that the lenient rule can parse.
        accuracy_if_parsed: lenient score of those.
        by_parsing: part of `content` from more or fewer parsed answers.
        by_accuracy: part of `content` from parsed answers being right more or less often.
        by_unparsed_credit: part of `content` from credit for answers that are not parsed.
        conclusion: the result in words.
    """

    task: str
    prompt_style: str
    items: int
    official: BeforeAfter
    lenient: BeforeAfter
    likelihood: BeforeAfter | None
    content: Interval
    format: Interval
    parse_rate: BeforeAfter
    accuracy_if_parsed: BeforeAfter
    by_parsing: Interval
    by_accuracy: Interval
    by_unparsed_credit: Interval
    conclusion: str


def compute(panels: Sequence[Subset], scores: HeadlineIndex, /) -> list[FormatSplit]:
    """Split the change of every benchmark and held-out task that has two rules."""
    splits = (format_split(panel, scores) for panel in headline_subsets(panels))
    return [split for split in splits if split]


def format_split(panel: Subset, scores: HeadlineIndex) -> FormatSplit | None:
    """Split the change of a task; None where the two rules are one or one scores nothing."""
    pairs = scored_pairs(scored_pairs(panel.pairs, "official"), "lenient")
    if not pairs or not is_split(pairs[0].before):
        return None
    drawn = resample(cluster_sums(pairs, counts))
    lenient = drawn.shift(lambda totals: ratio(totals[..., LENIENT], totals[..., ITEMS]), 1.0)
    told = FormatSplit(
        task=panel.name,
        prompt_style=panel.prompt_style,
        items=len(pairs),
        official=drawn.shift(lambda t: ratio(t[..., OFFICIAL], t[..., ITEMS]), 1.0),
        lenient=lenient,
        likelihood=likelihood(panel.pairs),
        content=lenient.change,
        format=drawn.figure(lambda before, after: extra(after) - extra(before), 1.0),
        parse_rate=drawn.shift(parse_rate, 1.0),
        accuracy_if_parsed=drawn.shift(
            lambda t: ratio(t[..., RIGHT_IF_PARSED], t[..., PARSED]), 1.0
        ),
        by_parsing=drawn.figure(lambda before, after: shares(before, after)[0], 1.0),
        by_accuracy=drawn.figure(lambda before, after: shares(before, after)[1], 1.0),
        by_unparsed_credit=drawn.figure(lambda before, after: credit(after) - credit(before), 1.0),
        conclusion="",
    )
    return told._replace(conclusion=sentence(told, scores))


def is_split(record: Record) -> bool:
    """Whether a task has two rules; CIDEr or a judge take content and form together."""
    rules = METRICS.get(record.metric) or benchmarks.load(record.metric).metric
    return bool(record.options) or rules.official != rules.lenient


def counts(record: Record) -> Sequence[float]:
    """Count the scores of an answer, whether it was understood, and one item."""
    official, lenient = record.score_official or 0.0, record.score_lenient or 0.0
    parsed = is_parsed(record)
    return official, lenient, parsed, lenient if parsed else 0.0, 1


def is_parsed(record: Record) -> bool:
    """Whether an answer was understood; one that was cut off may well have been."""
    return record.status_lenient == "parsed" or (
        record.status_lenient == "truncated" and bool(record.parsed_lenient)
    )


def likelihood(pairs: Sequence[Pair]) -> BeforeAfter | None:
    """Compare what needs no parsing, where it was measured."""
    kept = scored_pairs(pairs, "likelihood")
    if not kept:
        return None
    drawn = resample(cluster_sums(kept, lambda record: (record.score_likelihood or 0.0, 1)))
    return drawn.shift(lambda totals: ratio(totals[..., 0], totals[..., 1]), 1.0)


def extra(totals: Floats) -> Floats:
    """Give what the official rule gives beyond the lenient one, most often less than nothing."""
    return ratio(totals[..., OFFICIAL] - totals[..., LENIENT], totals[..., ITEMS])


def parse_rate(totals: Floats) -> Floats:
    """Give the share of answers that were understood."""
    return ratio(totals[..., PARSED], totals[..., ITEMS])


def accuracy_if_parsed(totals: Floats) -> Floats:
    """Return the lenient score of the parsed answers."""
    return ratio(totals[..., RIGHT_IF_PARSED], totals[..., PARSED])


def credit(totals: Floats) -> Floats:
    """Give what answers that were not understood add to the score."""
    return ratio(totals[..., LENIENT] - totals[..., RIGHT_IF_PARSED], totals[..., ITEMS])


def shares(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Give what the change of the share understood, and of the share right of it, contribute.

    Where nothing was understood on one side nothing is known of what it gets right, and that is
    taken to be as on the other.
    """
    rates = parse_rate(before), parse_rate(after)
    right = accuracy_if_parsed(before), accuracy_if_parsed(after)
    first = np.where(np.isnan(right[0]), np.nan_to_num(right[1]), right[0])
    second = np.where(np.isnan(right[1]), first, right[1])
    by_parsing = (first + second) / 2 * (rates[1] - rates[0])
    return by_parsing, (rates[0] + rates[1]) / 2 * (second - first)


def sentence(told: FormatSplit, scores: HeadlineIndex) -> str:
    """Say whether content or form changed the official score, as far as can be told."""
    content, shape = direction_of(told.content), direction_of(told.format)
    if content is None or shape is None:
        return "There are too few items to tell content from form."
    words = {1: "for the better", -1: "for the worse"}
    place = told.task, told.prompt_style
    said = "" if headline_agrees(scores, place, "lenient", told.content) else "perhaps "
    formed = "" if headline_agrees(scores, place, "official", told.format) else "perhaps "
    if content and shape:
        return f"What is said {said}changed {words[content]}, and {formed}its form {words[shape]}."
    if content:
        return f"What is said {said}changed {words[content]}; a change of form is not detectable."
    if shape:
        return f"Only the form {formed}changed {words[shape]}: the content did not detectably."
    return "Neither what is said nor its form changed the score detectably."
