"""Signal detection theory of yes/no answers: sensitivity (d') apart from response bias (c).

Half an answer is added to the count of yes and of no, so that both are finite (the log-linear
correction of Hautus 1995).
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from visionflan.evaluate.aggregate.intervals import Floats


class DetectionCounts(NamedTuple):
    """Counts of yes/no answers, as arrays of one shape.

    `hits` of `positives` say yes where yes is correct, `false_alarms` of `negatives` where no is.
    """

    hits: Floats
    positives: Floats
    false_alarms: Floats
    negatives: Floats


def sensitivity(counts: DetectionCounts) -> Floats:
    """Return d': 0 if answers do not depend on the truth; NaN without positives or negatives."""
    return hit_score(counts) - false_alarm_score(counts)


def criterion(counts: DetectionCounts) -> Floats:
    """Return c: negative if answers lean to yes; NaN without positives or negatives."""
    return -(hit_score(counts) + false_alarm_score(counts)) / 2


def hit_score(counts: DetectionCounts) -> Floats:
    """Return the z-score of the hit rate."""
    return z_score(counts.hits, counts.positives)


def false_alarm_score(counts: DetectionCounts) -> Floats:
    """Return the z-score of the false alarm rate."""
    return z_score(counts.false_alarms, counts.negatives)


def z_score(count: Floats, total: Floats) -> Floats:
    """Return the normal quantile of the corrected rate; NaN where `total` is 0."""
    rates, indices = np.unique((count + 0.5) / (total + 1), return_inverse=True)
    quantiles = np.array([NormalDist().inv_cdf(rate) for rate in rates])
    return np.where(total > 0, quantiles[indices].reshape(count.shape), np.nan)


class SignalDetection(NamedTuple):
    """Rates, sensitivity and bias of yes/no answers; rates from 0 to 1.

    Attributes:
        yes_rate: share of answers that say yes.
        true_positive_rate: share of yes where yes is correct; None without such questions, or
            without questions where no is correct, as are the next three.
        false_positive_rate: share of yes where no is correct.
        sensitivity: d'; 0 if the answer does not depend on the truth.
        criterion: c; negative if the answers lean to yes.
    """

    yes_rate: float
    true_positive_rate: float | None
    false_positive_rate: float | None
    sensitivity: float | None
    criterion: float | None


def signal_detection(answered_yes: Sequence[bool], is_yes: Sequence[bool]) -> SignalDetection:
    """Compute sensitivity and bias from answers and truths of yes/no questions."""
    positives = sum(is_yes)
    negatives = len(is_yes) - positives
    hits = sum(yes and true for yes, true in zip(answered_yes, is_yes, strict=True))
    false_alarms = sum(answered_yes) - hits
    rate = sum(answered_yes) / len(answered_yes)
    if not positives or not negatives:
        return SignalDetection(rate, None, None, None, None)
    counts = DetectionCounts(
        *(np.array(n, dtype=np.float64) for n in (hits, positives, false_alarms, negatives))
    )
    return SignalDetection(
        rate,
        hits / positives,
        false_alarms / negatives,
        float(sensitivity(counts)),
        float(criterion(counts)),
    )
