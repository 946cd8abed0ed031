"""Tell a leaning to yes or no apart from the ability to tell one from the other."""

from collections.abc import Sequence
from typing import NamedTuple

from visionflan.compare.auroc import threshold_free
from visionflan.compare.headline_support import HeadlineIndex, direction_of, headline_agrees
from visionflan.compare.paired_bootstrap import cluster_sums, resample, sign
from visionflan.compare.results import BeforeAfter
from visionflan.compare.significance import ALPHA, holm_bonferroni, permutation_test
from visionflan.compare.subsets import Subset, all_subsets
from visionflan.evaluate.aggregate.bootstrap import Floats
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
        true_yes_rate: share of questions whose right answer is yes.
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


def yes_no_bias(panel: Subset) -> YesNoBias | None:
    """Compare the yes/no answers of a task; None for other tasks."""
    pairs = [pair for pair in panel.pairs if is_yes_or_no(accepted(pair.before))]
    if not pairs or len(pairs) < len(panel.pairs):
        return None
    sums = cluster_sums(pairs, counts)
    drawn = resample(sums)
    truth = [is_yes(pair.before) for pair in pairs]
    free = threshold_free(pairs, truth)
    leaning = drawn.shift(criterion_of)
    return YesNoBias(
        task=panel.name,
        prompt_style=panel.prompt_style,
        items=len(pairs),
        true_yes_rate=sum(truth) / len(truth),
        yes_rate=drawn.shift(lambda t: ratio(t[..., ANSWERED_YES], t[..., PARSED]), 1.0),
        sensitivity=drawn.shift(lambda totals: sensitivity(detection_counts(totals))),
        criterion=leaning,
        p=None if leaning.change.low is None else permutation_test(sums, criterion_of),
        p_holm=None,
        parse_rate=drawn.shift(lambda t: ratio(t[..., PARSED], t[..., ITEMS]), 1.0),
        auroc=free[0] if free else None,
        balanced_accuracy=free[1] if free else None,
        conclusion="",
    )


def compute(panels: Sequence[Subset], scores: HeadlineIndex, /) -> list[YesNoBias]:
    """Compare the leaning of all yes/no tasks, adjust its tests for how many, and word it."""
    found = [told for panel in all_subsets(panels) if (told := yes_no_bias(panel))]
    tested = [place for place, told in enumerate(found) if told.p is not None]
    chances = holm_bonferroni([told.p for told in found if told.p is not None])
    for place, chance in zip(tested, chances, strict=True):
        found[place] = found[place]._replace(p_holm=chance)
    return [told._replace(conclusion=sentence(told, scores)) for told in found]


def accepted(record: Record) -> tuple[str, ...]:
    """Give the right answers, also where there is only one and no references are written."""
    return record.references or (record.target,)


def is_yes(record: Record) -> bool:
    """Whether yes is right."""
    return normalize_words(accepted(record)[0]) == YES


def counts(record: Record) -> Sequence[float]:
    """Count an answer: understood, says yes, hit, positive, alarm, negative, and one item."""
    said = normalize_words(record.parsed_lenient)
    if said not in (YES, NO):
        return 0, 0, 0, 0, 0, 0, 1
    yes, true = said == YES, is_yes(record)
    return 1, yes, yes and true, true, yes and not true, not true, 1


def detection_counts(totals: Floats) -> DetectionCounts:
    """Return hits, positives, false alarms and negatives from totals of `counts`."""
    return DetectionCounts(
        totals[..., HITS], totals[..., POSITIVES], totals[..., ALARMS], totals[..., NEGATIVES]
    )


def criterion_of(totals: Floats) -> Floats:
    """Return the criterion c from totals of `counts`."""
    return criterion(detection_counts(totals))


ABILITY = {1: "tells yes from no better", -1: "tells yes from no worse"}


def sentence(told: YesNoBias, scores: HeadlineIndex) -> str:
    """Say whether the ability moved, or the bias, or both, or neither as far as can be told.

    What its interval shows is sure only where a test agrees: of the bias its own, adjusted for all
    tasks; of the ability that of the score.
    """
    by_answers, leaning = sign(told.sensitivity.change), sign(told.criterion.change)
    is_open = direction_of(told.yes_rate.change) is None and not by_answers and not leaning
    if by_answers is None or leaning is None or is_open:
        return "There are too few items, or only one kind of truth: bias and ability stay untold."
    by_likelihood = sign(told.auroc.change) if told.auroc else None
    bias_is_sure = told.p_holm is not None and told.p_holm < ALPHA
    leans = leaning and f"leans {direction(told.criterion)}"
    if by_likelihood is not None and by_likelihood != by_answers:
        return f"{disagreement(by_answers, by_likelihood)} {of_bias(leans, bias_is_sure)}"
    place = told.task, told.prompt_style
    ability_is_sure = headline_agrees(scores, place, "lenient", told.sensitivity.change)
    if by_answers and leans:
        return of_both(ABILITY[by_answers], ability_is_sure, leans, bias_is_sure)
    if leans:
        moved = "The bias moved" if bias_is_sure else "Perhaps the bias moved"
        return f"{moved}, not detectably the ability: it {leans}."
    if by_answers:
        moved = "The ability moved" if ability_is_sure else "Perhaps the ability moved"
        return f"{moved}, not detectably the bias: it {ABILITY[by_answers]}."
    return "Neither the bias nor the ability moved detectably."


def of_both(tells: str, ability_is_sure: bool, leans: str, bias_is_sure: bool) -> str:
    """Say that both moved, and which of them only perhaps."""
    if ability_is_sure == bias_is_sure:
        return f"{'Both' if bias_is_sure else 'Perhaps both'} moved: it {tells}, and {leans}."
    if bias_is_sure:
        return f"The bias moved: it {leans}. Perhaps the ability moved too: it {tells}."
    return f"The ability moved: it {tells}. Perhaps the bias moved too: it {leans}."


def of_bias(leans: str | int, is_sure: bool) -> str:
    """Say whether the bias moved."""
    if not leans:
        return "A change of the bias is not detectable."
    return f"{'The bias' if is_sure else 'Perhaps the bias'} moved: it {leans}."


def disagreement(by_answers: int, by_likelihood: int) -> str:
    """Say what two measures of ability tell that do not agree."""
    words = {**ABILITY, 0: "is not detectably more or less able"}
    return (
        f"The measures of ability disagree: by d′, of what was said, it {words[by_answers]}; by "
        f"AUROC, of the likelihoods, it {words[by_likelihood]}."
    )


def direction(leaning: BeforeAfter) -> str:
    """Name where the leaning goes: c is below 0 for yes and above 0 for no."""
    before, after = (round(side.value or 0.0, 2) for side in (leaning.before, leaning.after))
    if before * after < 0:
        return "to no instead of yes" if after > 0 else "to yes instead of no"
    to = "no" if max(before, after) > 0 else "yes"
    return f"{'more' if abs(after) > abs(before) else 'less'} to {to}"
