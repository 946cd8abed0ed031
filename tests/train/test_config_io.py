"""A configuration is converted to JSON and back, and changed by typed settings."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visionflan.errors import TrainingError, UnknownNameError
from visionflan.recipes import find, names
from visionflan.train.config import DataConfig, InitConfig, RuntimeConfig, StageConfig, TrainConfig
from visionflan.train.config_io import SettingError, from_json, override, to_json
from visionflan.train.optimizer import lr_factor

CONFIG = TrainConfig(
    name="example",
    build=Path("b"),
    init=InitConfig(vision_tower=Path("t"), language_model=Path("l")),
    runtime=RuntimeConfig(num_threads=2),
    stages=(
        StageConfig(
            name="align", learning_rate=1e-3, trainable=("connector",), steps=2, batch_tokens=99
        ),
        StageConfig(
            name="base",
            learning_rate=2e-5,
            epochs=1.5,
            batch_size=8,
            data=DataConfig(tasks=("a/*", "b/c"), max_instances=10),
        ),
    ),
)


@pytest.mark.parametrize(
    "config", [CONFIG, *(find(name) for name in names())], ids=lambda c: c.name
)
def test_a_configuration_comes_back_from_json_as_it_was(config: TrainConfig) -> None:
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.parametrize(
    ("setting", "is_set"),
    [
        ("seed=7", lambda config: config.seed == 7),
        ("build=x/y", lambda config: config.build == Path("x/y")),
        ("build=none", lambda config: config.build is None),
        ("stages.base.learning_rate=1e-5", lambda config: config.stages[1].learning_rate == 1e-5),
        ("stages.base.betas=0.9,0.95", lambda config: config.stages[1].betas == (0.9, 0.95)),
        (
            "stages.base.data.max_instances=none",
            lambda config: config.stages[1].data.max_instances is None,
        ),
        ("stages.base.data.tasks=a/b", lambda config: config.stages[1].data.tasks == ("a/b",)),
        ("stages.base.data.tasks=", lambda config: config.stages[1].data.tasks == ()),
        (
            "stages.align.trainable=vision_tower,connector",
            lambda c: c.stages[0].trainable[0] == "vision_tower",
        ),
        (
            "init.connector.feature_layer=-1",
            lambda config: config.init.connector.feature_layer == -1,
        ),
        ("runtime.gradient_checkpointing=true", lambda c: c.runtime.gradient_checkpointing is True),
        ("stages.base.steps=4", lambda c: (c.stages[1].steps, c.stages[1].epochs) == (4, None)),
        (
            "stages.align.batch_size=4",
            lambda c: (c.stages[0].batch_size, c.stages[0].batch_tokens) == (4, None),
        ),
        ("stages=base", lambda config: [stage.name for stage in config.stages] == ["base"]),
        ("stages=base,align", lambda config: config.stages[1].name == "align"),
    ],
)
def test_a_setting_is_read_by_its_type_and_changes_nothing_else(setting: str, is_set) -> None:  # type: ignore[no-untyped-def]
    changed = override(CONFIG, setting)
    assert is_set(changed)
    assert not is_set(CONFIG)
    assert replace(
        changed,
        seed=0,
        build=None,
        init=InitConfig(),
        runtime=RuntimeConfig(),
        stages=(CONFIG.stages),
    ) == replace(CONFIG, build=None, init=InitConfig(), runtime=RuntimeConfig())


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (
            "stages.base.learning_rat=1",
            UnknownNameError,
            "'learning_rat', did you mean learning",
        ),
        ("stages.bse.steps=1", UnknownNameError, "'bse', did you mean base"),
        (
            "stages=base,chat",
            UnknownNameError,
            "no stage 'chat': set `stages` to some of align, base",
        ),
        ("sede=1", UnknownNameError, "'sede', did you mean seed"),
        ("seed", SettingError, "write name=value"),
        ("seed=1.5", SettingError, "`seed` is '1.5', but must be of type int"),
        ("seed.more=1", SettingError, "seed is a value and has no 'more'"),
        ("stages.base=1", SettingError, "is a group of settings: set one"),
        ("runtime.device=gpu", SettingError, "must be one of auto, cpu, cuda"),
        ("runtime.gradient_checkpointing=yes", SettingError, "must be true or false"),
        ("stages.base.epochs=none", TrainingError, "set exactly one of `epochs` and `steps`"),
        ("stages.base.batch_size=0", TrainingError, "but must be above 0"),
        ("stages.base.trainable=", TrainingError, "trains nothing"),
        ("stages.base.learning_rate=nan", TrainingError, "stages.base.learning_rate` is nan, but"),
        ("stages.base.learning_rate=1e400", TrainingError, "is inf, but must be at least 0"),
        ("stages.base.learning_rate=-1", TrainingError, "is -1.0, but must be at least 0"),
        ("stages.base.betas=0.9,2", TrainingError, "is 0.9, 2.0, but must be at least 0 and below"),
        ("stages.base.betas=0.9", SettingError, "`stages.base.betas` has 1 value, but must have 2"),
        ("stages.base.betas=0.9,0.9,0.9", SettingError, "has 3 values, but must have 2"),
        ("stages.base.warmup_fraction=2", TrainingError, "must be at least 0 and at most 1"),
        ("stages.base.epochs=1e18", TrainingError, "but must be above 0 and at most 10000"),
        ("stages.base.max_grad_norm=nan", TrainingError, "is nan, but must be above 0"),
        ("stages.base.adapter.alpha=inf", TrainingError, r"base.adapter.alpha` is inf, but must"),
        ("stages.base.validation.min_delta=inf", TrainingError, "is inf, but must be at least 0"),
        ("runtime.checkpoint_every_seconds=nan", TrainingError, "is nan, but must be at least 0"),
        ("runtime.num_workers=100000", TrainingError, "must be at least 0 and at most 256"),
    ],
)
def test_an_unknown_setting_or_a_wrong_value_is_refused(
    setting: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        override(CONFIG, setting)


def test_two_stages_of_one_name_are_refused() -> None:
    with pytest.raises(TrainingError, match="the stages base, base"):
        replace(CONFIG, stages=(CONFIG.stages[1], CONFIG.stages[1]))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("cosine", [0.5, 1.0, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]),
        ("linear", [0.5, 1.0, 1.0, 0.833, 0.667, 0.5, 0.333, 0.167]),
        ("constant", [0.5] + [1.0] * 7),
    ],
)
def test_the_learning_rate_rises_and_falls(schedule: Any, expected: list[float]) -> None:
    stage = StageConfig(
        name="a", learning_rate=1, steps=8, batch_size=1, warmup_fraction=0.25, lr_schedule=schedule
    )
    assert [round(lr_factor(stage, step, 8), 3) for step in range(8)] == expected
