"""Plans of published models with fewer layers, which take less time."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from visionflan.train.plan.published_sizes import PUBLISHED_SIZES


@contextmanager
def planned_layers(recipe: str, layers: int) -> Iterator[None]:
    """Set the number of layers of the language model that a recipe is for, in the block."""
    size = PUBLISHED_SIZES[recipe] | {"num_hidden_layers": layers}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PUBLISHED_SIZES, recipe, size)
        yield
