"""Weights have their own learning rates by part and by name, and some are left as they are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.interrupted_run import train_interrupted
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.model.base import ModelPart, VisionLanguageModel
from visionflan.model.families.llava import Llava
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.optimizer import build_optimizer, set_learning_rates
from visionflan.train.prepare_model import prepare_model
from visionflan.train.training_model import TrainingModel

CONNECTOR: tuple[ModelPart, ...] = ("connector",)
RATES = ("language_model:1e-5", "language_model.layers.0.*:1e-6", "connector:5e-4")


@pytest.fixture(scope="module")
def vlm(config: TrainConfig) -> VisionLanguageModel:
    assert config.init.vision_tower is not None
    assert config.init.language_model is not None
    return Llava.build(config.init.vision_tower, config.init.language_model)


def stage(config: TrainConfig, **changes: Any) -> StageConfig:
    return replace(config.stages[0], **changes)


def names_by_group(
    model: TrainingModel, optimizer: torch.optim.Optimizer
) -> dict[tuple[float, float], set[str]]:
    names = {id(weight): name for name, weight in model.trained_weights().items()}
    return {
        (group["lr"], group["weight_decay"]): {names[id(weight)] for weight in group["params"]}
        for group in optimizer.param_groups
    }


def test_every_trained_weight_is_in_the_group_of_its_rate(
    config: TrainConfig, vlm: VisionLanguageModel
) -> None:
    model = TrainingModel(vlm, ("connector", "language_model"))
    groups = names_by_group(model, build_optimizer(model, stage(config, learning_rates=RATES)))
    assert set().union(*groups.values()) == set(model.trained_weights())
    assert {rate for rate, _ in groups} == {5e-4, 1e-5, 1e-6}
    for (rate, weight_decay), names in groups.items():
        for name in names:
            expected = 1e-6 if ".layers.0." in name else 1e-5
            assert rate == (5e-4 if "multi_modal_projector" in name else expected)
            is_matrix = model.trained_weights()[name].ndim > 1
            assert weight_decay == (0.1 if is_matrix else 0.0)


def test_of_two_patterns_the_last_one_counts(config: TrainConfig, vlm: VisionLanguageModel) -> None:
    model = TrainingModel(vlm, CONNECTOR)
    rates = ("*.linear_1.weight:1e-6", "connector:1e-4")
    groups = names_by_group(model, build_optimizer(model, stage(config, learning_rates=rates)))
    assert {rate for rate, _ in groups} == {1e-4}


def test_the_schedule_multiplies_the_rate_of_each_group(
    config: TrainConfig, vlm: VisionLanguageModel
) -> None:
    model = TrainingModel(vlm, ("connector", "language_model"))
    optimizer = build_optimizer(model, stage(config, learning_rates=("connector:0.5",)))
    for factor in (0.5, 0.25):
        set_learning_rates(optimizer, factor)
        assert {group["lr"] for group in optimizer.param_groups} == {1e-3 * factor, 0.5 * factor}


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (("connector",), "'connector' of `stages.base.learning_rates` is not a rate: write P"),
        (("connector:x",), "'connector:x' of `stages.base.learning_rates` is not a rate"),
        (("connector:1", "connector:2"), "`stages.base.learning_rates` has 'connector' twice"),
    ],
)
def test_what_is_no_rate_is_refused(config: TrainConfig, rates: Any, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        stage(config, learning_rates=rates)


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("connect", "did you mean connector"),
        ("language_model.layers.7.*", "did you mean .*layers"),
        ("vision_tower", "did you mean "),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused(
    config: TrainConfig, vlm: VisionLanguageModel, pattern: str, near: str
) -> None:
    model = TrainingModel(vlm, ("connector", "language_model"))
    with pytest.raises(UnknownNameError, match=rf"learning_rates` matches no weight .*{near}"):
        build_optimizer(model, stage(config, learning_rates=(f"{pattern}:1",)))
    with pytest.raises(UnknownNameError, match=rf"`frozen` matches no weight .*{near}"):
        TrainingModel(vlm, ("connector", "language_model"), (pattern,))
    setting = rf"`stages\.base\.frozen` matches no weight .*{near}"
    with pytest.raises(UnknownNameError, match=setting):
        prepare_model(vlm, stage(config, frozen=(pattern,)))


def test_to_freeze_all_weights_is_refused(vlm: VisionLanguageModel) -> None:
    with pytest.raises(TrainingError, match=r"`frozen` \(connector\) matches all weights"):
        TrainingModel(vlm, CONNECTOR, ("connector",))


def test_frozen_weights_stay_and_groups_are_resumed_exactly(
    config: TrainConfig, vlm: VisionLanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = stage(config, learning_rates=RATES, frozen=("*.embed_tokens.*", "lm_head.*"))
    reference, resumed = train_interrupted(
        replace(config, stages=(changed,)), tmp_path, monkeypatch, at=4
    )
    assert all(torch.equal(reference[name], resumed[name]) for name in reference)
    before = {name: weight.detach() for name, weight in vlm.model.named_parameters()}
    embeddings = before["model.language_model.embed_tokens.weight"]
    assert torch.equal(reference["language_model.model.embed_tokens.weight"], embeddings)
    projection = before["model.language_model.layers.0.mlp.up_proj.weight"]
    assert not torch.equal(
        reference["language_model.model.layers.0.mlp.up_proj.weight"], projection
    )
    metrics = (tmp_path / "stopped/base/metrics.jsonl").read_text().splitlines()
    # All weights match a pattern: the rate that is logged is that of the first one.
    assert json.loads(metrics[0])["learning_rate"] == pytest.approx(1e-5)
