"""95 % confidence intervals from clusters of images, the same for every page and command.

Questions about one image correlate, so a statistic varies from cluster to cluster:

1. Its variance is that of the delete-one-cluster jackknife, within strata.
2. The quantile is Student's. The degrees of freedom are those of Bell and McCaffrey (2002) for
   independent items, and at most three times the number of clusters that carry the variance,
   (Σd²)² / Σd⁴, minus one: deviations from a normal distribution have three times their fourth.
3. On a bounded scale the interval is Wilson's (1927), with as many trials as have this variance,
   since Student's is too short where scores crowd at an end. Where less than one cluster in all was
   lost, or won, there are at most twice as many trials as clusters: rare losses went unseen.
4. On a scale without bounds the carrying clusters count less, and the side to which
   clusters are skewed is longer by the correction of Johnson (1978) and Hall (1992).
5. A share q of clusters that differ from the others goes unseen in K clusters with probability
   (1 - q)^K. Strata without any variance are widened by the q at which that is 2.5 %.

`benchmarks/interval_coverage.py` measures how often these intervals cover the true value.
"""

from collections.abc import Callable
from math import exp, hypot, lgamma, log, log1p, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALPHA_HALF = 0.025
DIGITS = 9  # further digits depend on the order of summation
NORMAL_QUANTILE = 1.959963984540054  # that of 1 - ALPHA_HALF
NORMAL_KURTOSIS = 3.0
SKEWED_KURTOSIS = 1.25  # by simulation
MAX_SKEWED_QUANTILE = 3.0  # by simulation
MIN_DEGREES = 1.0
FEW_CLUSTERS = 1.0  # clusters' worth of lost or won scores below which rare ones may be unseen
MAX_TRIALS = 2.0  # a cluster, there
NEGLIGIBLE = 1e-12  # relative deviations that are errors of rounding

Floats = NDArray[np.float64]
# Maps totals of shape (..., sums) to values of shape (...), NaN where they are undefined.
Statistic = Callable[[Floats], Floats]


class Scale(NamedTuple):
    """The lowest and the highest possible value of a statistic."""

    low: float
    high: float


SHARE = Scale(0.0, 1.0)


class ConfidenceInterval(NamedTuple):
    """The bounds of a 95 % interval."""

    low: float
    high: float


class Spread(NamedTuple):
    """How a statistic varies over clusters.

    Attributes:
        deviations: by how much each cluster moves the statistic, of shape (clusters, strata); the
            variance is the sum of the squares of a cluster's sum over strata.
        counts: number of items, of the same shape.
        weights: share of each stratum in the statistic, of shape (strata,).
    """

    deviations: Floats
    counts: Floats
    weights: Floats

    @property
    def by_cluster(self) -> Floats:
        """By how much each cluster moves the statistic over all strata, of shape (clusters,)."""
        moved: Floats = self.deviations.sum(axis=1)
        return moved

    @property
    def variance(self) -> float:
        """The variance of the statistic."""
        return float((self.by_cluster**2).sum())

    @property
    def num_clusters(self) -> int:
        """The number of clusters with an item."""
        return int(np.count_nonzero(self.counts.any(axis=1)))

    @property
    def constant_strata(self) -> NDArray[np.bool_]:
        """Whether all clusters of a stratum are equal to the last digit, of shape (strata,)."""
        constant: NDArray[np.bool_] = (np.abs(self.deviations) < 10**-DIGITS).all(axis=0)
        return constant


def confidence_interval(
    value: float, spread: Spread, scale: Scale | None
) -> ConfidenceInterval | None:
    """Return the interval of a statistic; None if there are too few images for one.

    That is with fewer than two clusters, and where nothing varies on a scale without bounds.
    """
    if spread.num_clusters < 2:
        return None
    interval = skewed_interval(value, spread) if scale is None else bounded(value, spread, scale)
    if interval is None:
        return None
    low, high = interval
    return ConfidenceInterval(round(low, DIGITS) + 0.0, round(high, DIGITS) + 0.0)


def skewed_interval(value: float, spread: Spread) -> Scale | None:
    """Return Student's interval, longer on the side to which the clusters are skewed."""
    degrees = degrees_of_freedom(spread, SKEWED_KURTOSIS)
    if spread.constant_strata.any() or degrees < MIN_DEGREES:
        return None
    quantile, error = student_quantile(degrees), sqrt(spread.variance)
    skewness = float((spread.by_cluster**3).sum()) / error**3
    shift = error * skewness * (1 + 2 * min(quantile, MAX_SKEWED_QUANTILE) ** 2) / 6
    margin = quantile * error
    return Scale(value - margin + min(0.0, shift), value + margin + max(0.0, shift))


def bounded(value: float, spread: Spread, scale: Scale) -> Scale | None:
    """Return Wilson's interval, widened by what strata without variance leave open."""
    constant = spread.constant_strata
    degrees = degrees_of_freedom(spread, NORMAL_KURTOSIS)
    if not constant.all() and degrees < MIN_DEGREES:
        return None
    low = high = value
    if not constant.all():
        low, high = wilson_interval(value, spread, student_quantile(degrees), scale)
    unseen = unseen_share(spread) if constant.any() else 0.0
    low = value - hypot(value - low, unseen * (value - scale.low))
    high = value + hypot(high - value, unseen * (scale.high - value))
    return Scale(max(scale.low, low), min(scale.high, high))


def wilson_interval(value: float, spread: Spread, quantile: float, scale: Scale) -> Scale:
    """Return Wilson's interval for the share of a scale, with as many trials as fit its spread."""
    width, variance = scale.high - scale.low, spread.variance
    share = min(1.0, max(0.0, (value - scale.low) / width))
    binomial = share * (1 - share)
    if variance < NEGLIGIBLE**2 or binomial < NEGLIGIBLE:
        margin = quantile * sqrt(variance)
        return Scale(value - margin, value + margin)
    trials = binomial * width**2 / variance
    clusters = effective_clusters(spread.counts, spread.weights)
    if clusters * min(share, 1 - share) < FEW_CLUSTERS:
        trials = min(trials, MAX_TRIALS * clusters)
    excess = quantile**2 / trials
    center = (share + excess / 2) / (1 + excess)
    margin = sqrt(excess * binomial + excess**2 / 4) / (1 + excess)
    return Scale(scale.low + width * (center - margin), scale.low + width * (center + margin))


def unseen_share(spread: Spread) -> float:
    """Return the share of the statistic that clusters like none of those seen may hold."""
    constant = spread.constant_strata
    clusters = np.count_nonzero(spread.counts[:, constant].any(axis=1))
    share: float = 1 - ALPHA_HALF ** (1 / int(clusters))
    return float(spread.weights[constant].sum()) * share


def effective_clusters(counts: Floats, weights: Floats) -> float:
    """Return Kish's number of clusters: that of equal ones with the same variance of a mean."""
    by_cluster = (counts / counts.sum(axis=0)) @ weights
    return float(by_cluster.sum() ** 2 / (by_cluster**2).sum())


def degrees_of_freedom(spread: Spread, kurtosis: float) -> float:
    """Return the degrees of freedom of the variance, at most one less than the clusters."""
    fourth = float((spread.by_cluster**4).sum())
    if not fourth:
        return 0.0
    carrying = spread.variance**2 / fourth
    return min(kurtosis * carrying - 1, satterthwaite(spread), spread.num_clusters - 1.0)


def satterthwaite(spread: Spread) -> float:
    """Return tr(B)² / tr(B²), with B the covariance of the deviations of independent items.

    B is diagonal but for what deviations share through the means of the strata, of rank (strata,).
    """
    totals = spread.counts.sum(axis=0)
    scale = spread.weights / np.where(totals - spread.counts > 0, totals - spread.counts, totals)
    diagonal = (scale**2 * spread.counts).sum(axis=1)
    shared = scale * spread.counts / np.sqrt(totals)
    trace = float(diagonal.sum() - (shared**2).sum())
    squares = (diagonal**2).sum() - 2 * (diagonal * (shared**2).sum(axis=1)).sum()
    return trace**2 / float(squares + ((shared.T @ shared) ** 2).sum())


def student_quantile(degrees: float) -> float:
    """Return the 97.5th percentile of Student's distribution.

    Newton's method from that of the normal distribution, which is lower: the distribution function
    is concave there, so no step overshoots.
    """
    quantile = NORMAL_QUANTILE
    for _ in range(100):
        step = (student_tail(quantile, degrees) - ALPHA_HALF) / student_density(quantile, degrees)
        quantile += step
        if abs(step) < 1e-10 * quantile:
            break
    return quantile


def student_density(value: float, degrees: float) -> float:
    """Return the density of Student's distribution."""
    half = lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - log(degrees * pi) / 2
    return exp(half - (degrees + 1) / 2 * log1p(value**2 / degrees))


def student_tail(value: float, degrees: float) -> float:
    """Return the probability above a positive value: I(ν/2, 1/2) at ν / (ν + t²), halved."""
    a, b, x = degrees / 2, 0.5, degrees / (degrees + value**2)
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    if x < (a + 1) / (a + b + 2):
        return exp(front) / a / beta_fraction(a, b, x) / 2
    return (1 - exp(front) / b / beta_fraction(b, a, 1 - x)) / 2


def beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    fraction = numerator = 1.0
    denominator = 0.0
    for index in range(1, 1000):
        step = index // 2
        if index % 2:
            term = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        else:
            term = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator
        factor = numerator * denominator
        fraction *= factor
        if abs(factor - 1) < 1e-15:
            break
    return fraction
