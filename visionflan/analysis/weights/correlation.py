"""How far the weights of two checkpoints of one model are apart, by part and by layer.

A correlation near 1 says that weights are close to where they started, not that a layer is of no
importance: compare it with those of the layers beside it, and with that of a random connector.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from visionflan.analysis.weights.stored_model import StoredModel, StoredPart, local_weights
from visionflan.errors import TrainingError
from visionflan.model.base import PARTS, ModelPart

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1 << 24  # elements that are in memory as float64 at a time
# Weights whose standard deviation is smaller than this fraction of their mean are constant.
RELATIVE_PRECISION = 1e-12


class WeightChange(NamedTuple):
    """The change of the weights of a part, or of one of its layers.

    Attributes:
        part: the part
        layer: the layer in its part, such as `layers.3` or `linear_1`; empty for the part in all
        num_parameters: the number of weights
        pearson: the correlation of weights before and after; None if either are constant
        cosine: the cosine between both as vectors; None if either are zero
        relative_change: ||after - before|| / ||before||; None if those before are zero

    All three are None if a weight is infinite or NaN, as those of a model that diverged.
    """

    part: ModelPart
    layer: str
    num_parameters: int
    pearson: float | None
    cosine: float | None
    relative_change: float | None


def compare_weights(before: Path, after: Path) -> list[WeightChange]:
    """Return the change of each part and of each of its layers between two checkpoints.

    Weights are read a tensor at a time and summed in float64. Raises TrainingError if the
    checkpoints have different weights or shapes.
    """
    first, second = StoredModel.open(before), StoredModel.open(after)
    rows = []
    for part in PARTS:
        check_same_shapes(first, second, part)
        layers: dict[str, WeightMoments] = {}
        for name, moments in moments_by_weight(first, second, part):
            layer = layer_of(name)
            layers[layer] = layers.get(layer, WeightMoments()).merge(moments)
        total = WeightMoments()
        for moments in layers.values():
            total = total.merge(moments)
        rows += [total.change(part, ""), *(layers[layer].change(part, layer) for layer in layers)]
    return rows


def check_same_shapes(first: StoredModel, second: StoredModel, part: ModelPart) -> None:
    """Raise TrainingError unless a part has the same weights in two checkpoints."""
    here, there = (shapes(model.parts[part]) for model in (first, second))
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            raise TrainingError(
                f"the weight {name} of the {part.replace('_', ' ')} has the shape "
                f"{here.get(name, 'of none')} in {first.directory}, but "
                f"{there.get(name, 'of none')} in {second.directory}: compare two checkpoints of "
                "one model"
            )


def shapes(part: StoredPart) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight of a part."""
    return {name: part.shape(name) for name in part.names}


def moments_by_weight(
    first: StoredModel, second: StoredModel, part: ModelPart
) -> "Iterator[tuple[str, WeightMoments]]":
    """Yield the local name and the moments of each weight of a part, in the order of the model."""
    for name in local_weights(first.structure, part):
        tensors = (model.parts[part].tensor(name).flatten() for model in (first, second))
        for chunks in zip(*(tensor.split(CHUNK) for tensor in tensors), strict=True):
            yield name, WeightMoments.of(*chunks)


def layer_of(name: str) -> str:
    """Return the layer of a weight: up to the first number in its name, else its module."""
    components = name.split(".")
    for index, component in enumerate(components):
        if component.isdigit():
            return ".".join(components[: index + 1])
    return ".".join(components[:-1])


@dataclass(frozen=True)
class WeightMoments:
    """Sums over pairs of weights, before (x) and after (y), that can be merged.

    Attributes:
        count: the number of pairs
        mean_x: the mean of x
        mean_y: the mean of y
        xx: the sum of squares of x - mean_x
        yy: the sum of squares of y - mean_y
        xy: the sum of products of both
        squared_change: the sum of squares of y - x
    """

    count: int = 0
    mean_x: float = 0.0
    mean_y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0
    squared_change: float = 0.0

    @classmethod
    def of(cls, before: "Tensor", after: "Tensor") -> Self:
        """Return the moments of two vectors."""
        x, y = (vector.double() for vector in (before, after))
        mean_x, mean_y = float(x.mean()), float(y.mean())
        squared_change = float((y - x).square().sum())
        x, y = x - mean_x, y - mean_y
        xx, yy, xy = float(x.dot(x)), float(y.dot(y)), float(x.dot(y))
        return cls(len(x), mean_x, mean_y, xx, yy, xy, squared_change)

    def merge(self, other: "WeightMoments") -> "WeightMoments":
        """Return the moments of all pairs of both (Chan et al. 1983)."""
        if not self.count:
            return other
        count = self.count + other.count
        delta_x, delta_y = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        share = other.count / count
        factor = self.count * share
        return WeightMoments(
            count,
            self.mean_x + share * delta_x,
            self.mean_y + share * delta_y,
            self.xx + other.xx + factor * delta_x**2,
            self.yy + other.yy + factor * delta_y**2,
            self.xy + other.xy + factor * delta_x * delta_y,
            self.squared_change + other.squared_change,
        )

    def change(self, part: ModelPart, layer: str) -> WeightChange:
        """Return the change that these are the moments of."""
        if not isfinite(self.xx + self.yy + self.squared_change):
            return WeightChange(part, layer, self.count, None, None, None)
        norm_x = sqrt(self.xx + self.count * self.mean_x**2)
        norm_y = sqrt(self.yy + self.count * self.mean_y**2)
        product = self.xy + self.count * self.mean_x * self.mean_y
        is_constant = any(
            square <= self.count * (RELATIVE_PRECISION * mean) ** 2
            for square, mean in ((self.xx, self.mean_x), (self.yy, self.mean_y))
        )
        return WeightChange(
            part=part,
            layer=layer,
            num_parameters=self.count,
            pearson=None if is_constant else clip(self.xy / sqrt(self.xx * self.yy)),
            cosine=clip(product / (norm_x * norm_y)) if norm_x and norm_y else None,
            relative_change=sqrt(self.squared_change) / norm_x if norm_x else None,
        )


def clip(value: float) -> float:
    """Return a cosine that rounding took beyond -1 or 1, within them."""
    return max(-1.0, min(1.0, value))
