"""Recipes are functions, found by a short name or by module and function."""

import sys
from pathlib import Path

import pytest

from visionflan.errors import TrainingError, UnknownNameError
from visionflan.recipes import base_13b, find, names


def test_the_papers_values_are_those_of_the_paper() -> None:
    for size in ("7b", "13b"):
        base, chat = find(f"base_{size}"), find(f"chat_{size}")
        align, first = base.stages
        assert chat.stages[:2] == base.stages
        second = chat.stages[2]
        assert (align.trainable, align.learning_rate, align.batch_size) == (
            ("connector",),
            1e-3,
            256,
        )
        assert align.chat_template == "caption"
        assert (first.learning_rate, first.batch_size, first.epochs) == (2e-5, 128, 1)
        assert (second.learning_rate, second.batch_size, second.steps) == (1e-5, 64, 128)
        assert second.data.max_instances == 1000
        for stage in (first, second):
            assert set(stage.trainable) == {"connector", "language_model"}
            assert (stage.lr_schedule, stage.warmup_fraction, stage.weight_decay) == (
                "cosine",
                0.03,
                0.0,
            )
            assert stage.max_seq_len == 2048


def test_every_name_is_that_of_the_configuration_it_returns() -> None:
    assert {"base_13b", "chat_13b", "base_7b", "chat_7b"} <= set(names())
    assert [find(name).name for name in names()] == names()


def test_any_function_that_can_be_imported_is_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_recipes.py").write_text(
        "from visionflan.recipes import base_13b\n"
        "def mine():\n    return base_13b()\n"
        "def wrong():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert find("own_recipes:mine") == base_13b() == find("visionflan.recipes:base_13b")
    for name in ("own_recipes:wrong", "own_recipes:none"):
        with pytest.raises(TrainingError, match="must be a function that returns a TrainConfig"):
            find(name)
    with pytest.raises(TrainingError, match="cannot be imported"):
        find("nowhere.at.all:mine")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="'base_13': did you mean base_13b"):
        find("base_13")
