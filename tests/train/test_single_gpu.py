"""The recipes for one GPU fit, with a margin for what a plan does not count."""

import pytest

from tests.helpers.few_layers import planned_layers
from visionflan import recipes
from visionflan.recipes import find
from visionflan.train.plan.measure import peak_memory
from visionflan.train.plan.published_sizes import PUBLISHED_SIZES

# Of the memory; the rest is for the CUDA context, libraries and fragmentation.
USABLE = 0.85


@pytest.mark.parametrize(
    ("recipe", "stage", "gigabytes"),
    [
        ("base_7b_24gb", "base", 24),
        ("base_7b_48gb", "base", 48),
        ("base_7b_80gb", "base", 80),
        ("base_7b_24gb_qlora", "base", 24),
        ("base_13b_48gb_qlora", "base", 48),
        # The alignment of these needs more, since it quantizes nothing.
        ("base_7b_24gb_qlora", "align", 24),
        ("base_13b_48gb_qlora", "align", 48),
    ],
)
def test_a_stage_fits(recipe: str, stage: str, gigabytes: int) -> None:
    assert extrapolated_memory(recipe, stage) < USABLE * gigabytes * 1e9


def test_each_layer_adds_the_same_memory() -> None:
    measured = memory_with_layers("base_7b_24gb", "base", published_layers("base_7b_24gb"))
    assert extrapolated_memory("base_7b_24gb", "base") == measured


def extrapolated_memory(recipe: str, stage: str) -> int:
    """Return the memory with all layers, from that with few, which takes half the time."""
    few, more = (memory_with_layers(recipe, stage, layers) for layers in (2, 4))
    return more + (published_layers(recipe) - 4) * (more - few) // 2


def memory_with_layers(recipe: str, stage: str, layers: int) -> int:
    """Return the memory of a stage whose language model has so many layers."""
    config = find(recipe)
    with planned_layers(recipe, layers):
        return peak_memory(config, config.stage(stage), 1)


def published_layers(recipe: str) -> int:
    """Return the number of layers of the language model that a recipe is for."""
    return int(PUBLISHED_SIZES[recipe]["num_hidden_layers"])


@pytest.mark.parametrize(
    "size", ["7b_24gb", "7b_48gb", "7b_80gb", "7b_24gb_qlora", "13b_48gb_qlora"]
)
def test_chat_has_the_memory_of_base(size: str) -> None:
    assert f"chat_{size}" in recipes.names()
    base, chat = (find(f"{kind}_{size}") for kind in ("base", "chat"))
    assert chat.stages[:2] == base.stages
    assert chat.runtime == base.runtime
    last = chat.stages[2]
    memory = [
        (stage.adapter, stage.optimizer, stage.max_seq_len) for stage in (chat.stages[1], last)
    ]
    assert memory[0] == memory[1]
    assert last.learning_rate == chat.stages[1].learning_rate / 2
