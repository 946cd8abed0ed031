"""Tell a leaning to yes or no apart from the ability to tell one from the other."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from visionflan.compare.comparison import Bias, Shift
from visionflan.compare.likelihoods import threshold_free
from visionflan.compare.panels import Panel
from visionflan.compare.resample import cluster_sums, resample, sign
from visionflan.evaluate.measures import ratio
from visionflan.evaluate.metrics.choices import NO, YES, is_yes_or_no
from visionflan.evaluate.metrics.folding import words_of
from visionflan.evaluate.records import Record
from visionflan.evaluate.statistics import Floats

UNDERSTOOD, SAID_YES, HITS, POSITIVES, ALARMS, NEGATIVES, ITEMS = range(7)


def bias(panel: Panel) -> Bias | None:
    """Compare the yes/no answers of a task; None for other tasks."""
    pairs = [pair for pair in panel.pairs if is_yes_or_no(accepted(pair.before))]
    if not pairs or len(pairs) < len(panel.pairs):
        return None
    drawn = resample(cluster_sums(pairs, counts))
    truth = [is_yes(pair.before) for pair in pairs]
    free = threshold_free(pairs, truth)
    sensitivity = drawn.shift(lambda totals: z_hits(totals) - z_alarms(totals))
    criterion = drawn.shift(lambda totals: -(z_hits(totals) + z_alarms(totals)) / 2)
    return Bias(
        task=panel.name,
        style=panel.style,
        items=len(pairs),
        truth=sum(truth) / len(truth),
        yes_rate=drawn.shift(lambda t: ratio(t[..., SAID_YES], t[..., UNDERSTOOD]), 1.0),
        sensitivity=sensitivity,
        criterion=criterion,
        understood=drawn.shift(lambda t: ratio(t[..., UNDERSTOOD], t[..., ITEMS]), 1.0),
        auroc=free[0] if free else None,
        unbiased_accuracy=free[1] if free else None,
        sentence=sentence(sensitivity, criterion, free[0] if free else None),
    )


def accepted(record: Record) -> tuple[str, ...]:
    """Give the right answers, also where there is only one and no references are written."""
    return record.references or (record.target,)


def is_yes(record: Record) -> bool:
    """Whether yes is right."""
    return words_of(accepted(record)[0]) == YES


def counts(record: Record) -> Sequence[float]:
    """Count an answer: understood, says yes, hit, positive, alarm, negative, and one item."""
    said = words_of(record.parsed)
    if said not in (YES, NO):
        return 0, 0, 0, 0, 0, 0, 1
    yes, true = said == YES, is_yes(record)
    return 1, yes, yes and true, true, yes and not true, not true, 1


def z_hits(totals: Floats) -> Floats:
    """Give the normal score of the rate of hits."""
    return normal_score(totals[..., HITS], totals[..., POSITIVES])


def z_alarms(totals: Floats) -> Floats:
    """Give the normal score of the rate of false alarms."""
    return normal_score(totals[..., ALARMS], totals[..., NEGATIVES])


def normal_score(times: Floats, of: Floats) -> Floats:
    """Give the normal score of a rate with half an answer added on both sides of it."""
    rates, places = np.unique((times + 0.5) / (of + 1), return_inverse=True)
    scores = np.array([NormalDist().inv_cdf(rate) for rate in rates])[places].reshape(times.shape)
    return np.where(of > 0, scores, np.nan)


def sentence(sensitivity: Shift, criterion: Shift, auroc: Shift | None) -> str:
    """Say whether the ability moved, or the bias, or both, or neither as far as can be told."""
    ability = sign((auroc or sensitivity).change)
    leaning = sign(criterion.change)
    if ability is None or leaning is None:
        return "There are too few items, or only one kind of truth: bias and ability stay untold."
    leans = {1: "leans further to no", -1: "leans further to yes"}
    tells = {1: "tells yes from no better", -1: "tells yes from no worse"}
    if ability and leaning:
        return f"Both moved: it {tells[ability]}, and {leans[leaning]}."
    if leaning:
        return f"The bias moved, not detectably the ability: it {leans[leaning]}."
    if ability:
        return f"The ability moved, not detectably the bias: it {tells[ability]}."
    return "Neither the bias nor the ability moved detectably."
