"""Split the change of official scores into a change of content and a change of format.

The split of content into parsed more often and right more often is Shapley's: each part is the mean
of its effect before and after the other one, so that both add up to the total.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from visionflan.compare import conclusions
from visionflan.compare.conclusions import changed_or_same, verb
from visionflan.compare.differences import scored_pairs
from visionflan.compare.evidence import WIDE, evidence
from visionflan.compare.headline_support import HeadlineIndex, headline_agrees
from visionflan.compare.paired_sums import sum_pairs_by_cluster
from visionflan.compare.results import AnswerPair, BeforeAfter, Interval
from visionflan.compare.subsets import Subset, headline_subsets
from visionflan.evaluate import benchmarks
from visionflan.evaluate.aggregate.intervals import Floats
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


def compute(subsets: Sequence[Subset], headlines: HeadlineIndex, /) -> list[FormatSplit]:
    """Split the change of every benchmark and held-out task that has two rules."""
    splits = (format_split(subset, headlines) for subset in headline_subsets(subsets))
    return [split for split in splits if split]


def format_split(subset: Subset, headlines: HeadlineIndex) -> FormatSplit | None:
    """Split the change of a task; None if both rules are the same or one has no scores."""
    pairs = scored_pairs(scored_pairs(subset.pairs, "official"), "lenient")
    if not pairs or not has_two_rules(pairs[0].before):
        return None
    sums = sum_pairs_by_cluster(pairs, counts)
    lenient = sums.before_after(lambda t: ratio(t[..., LENIENT], t[..., ITEMS]), 1.0)
    split = FormatSplit(
        task=subset.name,
        prompt_style=subset.prompt_style,
        items=len(pairs),
        official=sums.before_after(lambda t: ratio(t[..., OFFICIAL], t[..., ITEMS]), 1.0),
        lenient=lenient,
        likelihood=likelihood_score(subset.pairs),
        content=lenient.change,
        format=sums.change(
            lambda before, after: deduction(after) - deduction(before), max_format_change(pairs)
        ),
        parse_rate=sums.before_after(parse_rate, 1.0),
        accuracy_if_parsed=sums.before_after(accuracy_if_parsed, 1.0),
        by_parsing=sums.change(lambda *totals: shapley_parts(*totals)[0], 1.0),
        by_accuracy=sums.change(lambda *totals: shapley_parts(*totals)[1], 1.0),
        by_unparsed_credit=sums.change(
            lambda before, after: unparsed_credit(after) - unparsed_credit(before), 1.0
        ),
        conclusion="",
    )
    return split._replace(conclusion=conclude(split, headlines))


def max_format_change(pairs: Sequence[AnswerPair]) -> float:
    """Return the largest possible change of a deduction, which is rarely a bonus for an answer."""
    official, lenient = zip(*(counts(record)[:2] for pair in pairs for record in pair), strict=True)
    return 1.0 if np.less_equal(official, lenient).all() else 2.0


def has_two_rules(record: Record) -> bool:
    """Return whether content and format can differ; CIDEr or a judge score both together."""
    rules = METRICS.get(record.metric) or benchmarks.load(record.metric).metric
    return bool(record.options) or rules.official != rules.lenient


def counts(record: Record) -> Sequence[float]:
    """Return the columns that are summed, in the order of `OFFICIAL` to `ITEMS`."""
    official, lenient = record.score_official or 0.0, record.score_lenient or 0.0
    parsed = is_parsed(record)
    return official, lenient, parsed, lenient if parsed else 0.0, 1


def is_parsed(record: Record) -> bool:
    """Return whether an answer was parsed, which also truncated ones may be."""
    return record.status_lenient == "parsed" or (
        record.status_lenient == "truncated" and bool(record.parsed_lenient)
    )


def likelihood_score(pairs: Sequence[AnswerPair]) -> BeforeAfter | None:
    """Compare the scores by log-likelihood, which need no parsing; None without any."""
    scored = scored_pairs(pairs, "likelihood")
    if not scored:
        return None
    sums = sum_pairs_by_cluster(scored, lambda record: (record.score_likelihood or 0.0, 1))
    return sums.before_after(lambda t: ratio(t[..., 0], t[..., 1]), 1.0)


def deduction(totals: Floats) -> Floats:
    """Return the official minus the lenient score, which is mostly negative."""
    return ratio(totals[..., OFFICIAL] - totals[..., LENIENT], totals[..., ITEMS])


def parse_rate(totals: Floats) -> Floats:
    """Return the share of parsed answers."""
    return ratio(totals[..., PARSED], totals[..., ITEMS])


def accuracy_if_parsed(totals: Floats) -> Floats:
    """Return the lenient score of the parsed answers."""
    return ratio(totals[..., RIGHT_IF_PARSED], totals[..., PARSED])


def unparsed_credit(totals: Floats) -> Floats:
    """Return what answers that are not parsed add to the lenient score."""
    return ratio(totals[..., LENIENT] - totals[..., RIGHT_IF_PARSED], totals[..., ITEMS])


def shapley_parts(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Return the contributions of the parse rate and of the accuracy if parsed.

    If one model has no parsed answers, its accuracy is unknown and taken to be that of the other.
    """
    rates = parse_rate(before), parse_rate(after)
    accuracies = accuracy_if_parsed(before), accuracy_if_parsed(after)
    first = np.where(np.isnan(accuracies[0]), np.nan_to_num(accuracies[1]), accuracies[0])
    second = np.where(np.isnan(accuracies[1]), first, accuracies[1])
    by_parsing = (first + second) / 2 * (rates[1] - rates[0])
    return by_parsing, (rates[0] + rates[1]) / 2 * (second - first)


def conclude(split: FormatSplit, headlines: HeadlineIndex) -> str:
    """Return whether content, format or both changed the official score."""
    task = split.task, split.prompt_style
    in_content = headline_agrees(headlines, *task, "lenient", split.content)
    in_format = headline_agrees(headlines, *task, "official", split.format)
    content = evidence(split.content, confirmed=in_content, wide=WIDE)
    form = evidence(split.format, confirmed=in_format, wide=WIDE)
    if content.direction is None or form.direction is None:
        return conclusions.FORMAT_UNCLEAR
    sentence = conclusions.FORMAT_SENTENCES[changed_or_same(content), changed_or_same(form)]
    return sentence.format(content=verb(content), format=verb(form))
