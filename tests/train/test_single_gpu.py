"""The recipes for one GPU fit, with a margin for what a plan does not count."""

import pytest

from visionflan import recipes
from visionflan.recipes import find
from visionflan.train.plan.measure import peak_memory

# Of the memory; the rest is for the CUDA context, libraries and fragmentation.
USABLE = 0.85


@pytest.mark.parametrize(
    ("recipe", "gigabytes"), [("base_7b_24gb", 24), ("base_7b_48gb", 48), ("base_7b_80gb", 80)]
)
def test_the_stage_base_fits(recipe: str, gigabytes: int) -> None:
    config = find(recipe)
    assert peak_memory(config, config.stage("base"), 1) < USABLE * gigabytes * 1e9


@pytest.mark.parametrize("size", [24, 48, 80])
def test_chat_has_the_memory_of_base(size: int) -> None:
    assert f"chat_7b_{size}gb" in recipes.names()
    base, chat = (find(f"{kind}_7b_{size}gb") for kind in ("base", "chat"))
    assert chat.stages[:2] == base.stages
    assert chat.runtime == base.runtime
    last = chat.stages[2]
    memory = [
        (stage.adapter, stage.optimizer, stage.max_seq_len) for stage in (chat.stages[1], last)
    ]
    assert memory[0] == memory[1]
    assert last.learning_rate == chat.stages[1].learning_rate / 2
