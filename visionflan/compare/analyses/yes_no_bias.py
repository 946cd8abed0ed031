"""Separate response bias toward yes or no from the sensitivity to the truth."""

from collections.abc import Sequence
from typing import NamedTuple

from visionflan.compare import conclusions
from visionflan.compare.auroc import compare_rankings
from visionflan.compare.conclusions import changed_or_same, verb
from visionflan.compare.evidence import WIDE, Evidence, evidence
from visionflan.compare.headline_support import HeadlineIndex, headline_agrees
from visionflan.compare.paired_sums import sum_pairs_by_cluster
from visionflan.compare.results import BeforeAfter
from visionflan.compare.significance import ALPHA, holm_bonferroni, permutation_test
from visionflan.compare.subsets import Subset, all_subsets
from visionflan.evaluate.aggregate.intervals import Floats
from visionflan.evaluate.aggregate.measures import ratio
from visionflan.evaluate.aggregate.signal_detection import (
    DetectionCounts,
    criterion,
    sensitivity,
)
from visionflan.evaluate.metrics.answer_parsing import NO, YES, is_yes_or_no
from visionflan.evaluate.metrics.normalization import normalize_words
from visionflan.evaluate.records.record import Record

NAME = "yes_no_bias"
PARSED, ANSWERED_YES, HITS, POSITIVES, ALARMS, NEGATIVES, ITEMS = range(7)


class YesNoBias(NamedTuple):
    """Response bias and sensitivity of the yes/no answers to one task (signal detection theory).

    Attributes:
        task: benchmark, part of one, or held-out task.
        prompt_style: style of the prompts.
        items: number of questions.
        true_yes_rate: share of questions whose correct answer is yes.
        yes_rate: share of the parsed answers that say yes.
        sensitivity: d′ of the parsed answers; 0 if they do not depend on the truth.
        criterion: c of the parsed answers; negative if they lean to yes.
        p: permutation test of the change of the criterion.
        p_holm: `p` after Holm's correction over all yes/no tasks.
        parse_rate: share of answers that are yes or no.
        auroc: how well log-likelihoods rank yes above no; None where they were not computed.
        balanced_accuracy: accuracy at the threshold at which both error rates are equal; None
            where log-likelihoods were not computed.
        conclusion: the result in words.
    """

    task: str
    prompt_style: str
    items: int
    true_yes_rate: float
    yes_rate: BeforeAfter
    sensitivity: BeforeAfter
    criterion: BeforeAfter
    p: float | None
    p_holm: float | None
    parse_rate: BeforeAfter
    auroc: BeforeAfter | None
    balanced_accuracy: BeforeAfter | None
    conclusion: str


def compute(subsets: Sequence[Subset], headlines: HeadlineIndex, /) -> list[YesNoBias]:
    """Compare all yes/no tasks, and correct the tests of their bias for how many there are."""
    results = [result for subset in all_subsets(subsets) if (result := yes_no_bias(subset))]
    tested = [index for index, result in enumerate(results) if result.p is not None]
    adjusted = holm_bonferroni([result.p for result in results if result.p is not None])
    for index, p_holm in zip(tested, adjusted, strict=True):
        results[index] = results[index]._replace(p_holm=p_holm)
    return [result._replace(conclusion=conclude(result, headlines)) for result in results]


def yes_no_bias(subset: Subset) -> YesNoBias | None:
    """Compare the yes/no answers to a task, without a conclusion; None for other tasks."""
    pairs = [pair for pair in subset.pairs if is_yes_or_no(accepted_answers(pair.before))]
    if not pairs or len(pairs) < len(subset.pairs):
        return None
    sums = sum_pairs_by_cluster(pairs, counts)
    truths = [is_yes(pair.before) for pair in pairs]
    rankings = compare_rankings(pairs, truths)
    bias = sums.before_after(criterion_of)
    return YesNoBias(
        task=subset.name,
        prompt_style=subset.prompt_style,
        items=len(pairs),
        true_yes_rate=sum(truths) / len(truths),
        yes_rate=sums.before_after(lambda t: ratio(t[..., ANSWERED_YES], t[..., PARSED]), 1.0),
        sensitivity=sums.before_after(lambda totals: sensitivity(detection_counts(totals))),
        criterion=bias,
        p=None if bias.change.low is None else permutation_test(sums, criterion_of),
        p_holm=None,
        parse_rate=sums.before_after(lambda t: ratio(t[..., PARSED], t[..., ITEMS]), 1.0),
        auroc=rankings.auroc if rankings else None,
        balanced_accuracy=rankings.balanced_accuracy if rankings else None,
        conclusion="",
    )


def accepted_answers(record: Record) -> tuple[str, ...]:
    """Return the references, or the target if there are none."""
    return record.references or (record.target,)


def is_yes(record: Record) -> bool:
    """Return whether yes is correct."""
    return normalize_words(accepted_answers(record)[0]) == YES


def counts(record: Record) -> Sequence[float]:
    """Return the columns that are summed, in the order of `PARSED` to `ITEMS`."""
    prediction = normalize_words(record.parsed_lenient)
    if prediction not in (YES, NO):
        return 0, 0, 0, 0, 0, 0, 1
    yes, true = prediction == YES, is_yes(record)
    return 1, yes, yes and true, true, yes and not true, not true, 1


def detection_counts(totals: Floats) -> DetectionCounts:
    """Return hits, positives, false alarms and negatives from totals of `counts`."""
    return DetectionCounts(
        totals[..., HITS], totals[..., POSITIVES], totals[..., ALARMS], totals[..., NEGATIVES]
    )


def criterion_of(totals: Floats) -> Floats:
    """Return the criterion c from totals of `counts`."""
    return criterion(detection_counts(totals))


def conclude(result: YesNoBias, headlines: HeadlineIndex) -> str:
    """Return whether sensitivity, bias or both changed.

    A change of sensitivity is confirmed by the score of the task, one of bias by its own test.
    """
    agrees = headline_agrees(
        headlines, result.task, result.prompt_style, "lenient", result.sensitivity.change
    )
    ability = evidence(result.sensitivity.change, confirmed=agrees)
    significant = result.p_holm is not None and result.p_holm < ALPHA
    bias = evidence(result.criterion.change, confirmed=significant)
    if is_unclear(result, ability, bias):
        return conclusions.BIAS_UNCLEAR
    shift = f"{'' if bias.confirmed else 'may have '}shifted {bias_shift(result.criterion)}"
    if result.auroc and is_opposed(ability, ranking := evidence(result.auroc.change)):
        disagreement = conclusions.SENSITIVITY_DISAGREES.format(
            answers=verb(ability._replace(confirmed=bool(ability.direction))),
            loglikelihoods=verb(ranking._replace(confirmed=bool(ranking.direction))),
        )
        return f"{disagreement} {conclusions.BIAS_ALONE[changed_or_same(bias)].format(bias=shift)}"
    sentence = conclusions.BIAS_SENTENCES[changed_or_same(ability), changed_or_same(bias)]
    return sentence.format(sensitivity=verb(ability), bias=shift)


def is_unclear(result: YesNoBias, ability: Evidence, bias: Evidence) -> bool:
    """Return whether the intervals show nothing: undefined, or no change within a wide one."""
    if ability.direction is None or bias.direction is None:
        return True
    yes_rate = evidence(result.yes_rate.change, wide=WIDE)
    return yes_rate.direction is None and not ability.direction and not bias.direction


def is_opposed(ability: Evidence, ranking: Evidence) -> bool:
    """Return whether generated answers and log-likelihoods show different directions."""
    return ranking.direction is not None and ranking.direction != ability.direction


def bias_shift(criterion: BeforeAfter) -> str:
    """Return where the bias shifted: c is below 0 for a bias toward yes and above 0 toward no."""
    before, after = (round(side.value or 0.0, 2) for side in (criterion.before, criterion.after))
    if before * after < 0:
        return "from yes to no" if after > 0 else "from no to yes"
    answer = "no" if max(before, after) > 0 else "yes"
    return f"further toward {answer}" if abs(after) > abs(before) else f"away from {answer}"
