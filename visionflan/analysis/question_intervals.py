"""Intervals of a contrast over questions, within one replicate: clustered by image, arms paired.

A measure is any function of an arm's answers, so how far it varies over questions is read from what
becomes of it without some of the images, by the delete-a-group jackknife (Kott 2001, Journal of
Official Statistics 17):

1. Images are in 30 groups by hash, the same ones in every arm. A group is left out of all arms of a
   contrast at once, so that what the arms have in common cancels out.
2. The variance is (G - 1) / G times the sum of the squares of how far each of G groups moves the
   contrast. Groups without a question that counts move nothing and are not among them.
3. The interval is Student's, longer on the side to which the groups are skewed, as for all
   statistics on a scale without bounds: see `visionflan.evaluate.aggregate.intervals`.

Such an interval is about other images of the same tasks. It says nothing about other runs.
"""

from collections.abc import Mapping, Sequence
from math import fsum, sqrt

import numpy as np

from visionflan.analysis.arm_outputs import NUM_IMAGE_GROUPS, ArmOutputs
from visionflan.analysis.claims import Claim, Contrast
from visionflan.analysis.measure import Measure
from visionflan.compare.significance import SAME
from visionflan.evaluate.aggregate.intervals import (
    ConfidenceInterval,
    Spread,
    confidence_interval,
)

# A measure of each group of images left out in turn; None where it is undefined then.
LeftOut = Sequence[float | None]


def claimed_measures(
    measures: Sequence[Measure], claims: Sequence[Claim], arm: str
) -> list[Measure]:
    """Return the measures of an arm that some claim's contrast has."""
    names = {claim.measure for claim in claims if arm in claim.contrast.weights}
    return [measure for measure in measures if measure.name in names]


def without_each_group(
    outputs: ArmOutputs, measures: Sequence[Measure]
) -> dict[str, list[float | None]]:
    """Return what each measure of an arm is without each group of images."""
    values: dict[str, list[float | None]] = {measure.name: [] for measure in measures}
    for group in range(NUM_IMAGE_GROUPS if measures else 0):
        rest = outputs.without(group)
        for measure in measures:
            values[measure.name].append(measure.value(rest))
    return values


def question_interval(
    contrast: Contrast, measures: Mapping[str, float], left_out: Mapping[str, LeftOut]
) -> ConfidenceInterval | None:
    """Return the 95 % interval of a contrast over questions, within one replicate.

    Arguments are by arm. None where no question decides the measure, such as a correlation of
    weights, where too few images do, and where the contrast is missing.
    """
    value = contrast.value(measures)
    if value is None or not contrast.weights.keys() <= left_out.keys():
        return None
    size = fsum(abs(weight * measures[arm]) for arm, weight in contrast.weights.items())
    deviations = []
    for values in zip(*(left_out[arm] for arm in contrast.weights), strict=True):
        known = {
            arm: value
            for arm, value in zip(contrast.weights, values, strict=True)
            if value is not None
        }
        moved = contrast.value(known)
        if moved is None:
            return None
        if abs(value - moved) > SAME * size:
            deviations.append(value - moved)
    return jackknife_interval(value, deviations)


def jackknife_interval(value: float, deviations: Sequence[float]) -> ConfidenceInterval | None:
    """Return the interval of a value that each group moves by so much; None if too few do."""
    groups = len(deviations)
    if groups < 2:
        return None
    moved = np.array(deviations) * sqrt((groups - 1) / groups)
    spread = Spread(moved[:, None], np.ones((groups, 1)), np.ones(1))
    return confidence_interval(value, spread, None)
