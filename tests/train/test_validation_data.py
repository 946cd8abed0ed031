"""What a stage is validated on, and what is refused."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.stage_files import changed, lines, run_json
from tests.helpers.tiny_checkpoint import write_build
from visionflan.errors import TrainingError, UnknownNameError
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import from_json, to_json
from visionflan.train.distributed import DistributedContext
from visionflan.train.run import train

STEPS, EVERY = 12, 2


CPU = DistributedContext(0, 1, torch.device("cpu"))


def test_instances_are_drawn_by_hash_and_as_many_of_each_task(
    validated: TrainConfig, tmp_path: Path
) -> None:
    drawn = {}
    for number in (6, 9):
        run = tmp_path / str(number)
        train(changed(validated, f"validation.max_instances={number}", "steps=1"), run)
        drawn[number] = lines(run / "base/validation/rows.jsonl")
    assert Counter(row["task"] for row in drawn[6]) == {
        "tiny/color": 2,
        "tiny/repeat": 2,
        "tiny/text": 2,
    }
    assert drawn[9][:6] == drawn[6]
    only = changed(validated, "validation.tasks=*/text", "steps=1")
    train(only, tmp_path / "only")
    assert list(lines(tmp_path / "only/base/validation.jsonl")[0]["tasks"]) == ["tiny/text"]


def test_rows_that_cannot_be_used_are_in_a_ledger_of_their_own(
    validated: TrainConfig, tmp_path: Path
) -> None:
    exchanged = changed(validated, "steps=1", "data.max_dropped_fraction=1", "data.split=held_out")
    exchanged = changed(exchanged, "validation.split=train")
    train(changed(exchanged, "max_seq_len=68"), tmp_path / "some")
    dropped = [row["kind"] for row in lines(tmp_path / "some/base/validation/ledger.jsonl")]
    data = run_json(tmp_path / "some")["validation"]["data"]
    assert data["instances"] == len(lines(tmp_path / "some/base/validation/rows.jsonl")) > 0
    assert dropped.count("dropped") == data["dropped"]["too_long"] == 19 - data["instances"] > 0
    with pytest.raises(TrainingError, match=r"validation: of 19 instances, 19 cannot .*jsonl$"):
        train(changed(exchanged, "max_seq_len=57"), tmp_path / "none")


@pytest.mark.parametrize("image_cache", ["features", "pixels"])
def test_cached_images_give_the_same_loss(
    validated: TrainConfig, tmp_path: Path, image_cache: Any
) -> None:
    runtime = replace(validated.runtime, image_cache=image_cache)
    train(validated, tmp_path / "none")
    train(replace(validated, runtime=runtime), tmp_path / "cached")
    none, cached = (lines(tmp_path / run / "base/validation.jsonl") for run in ("none", "cached"))
    assert none == cached


def test_what_cannot_be_validated_is_refused_before_anything_is_written(
    validated: TrainConfig, tmp_path: Path
) -> None:
    build = write_build(tmp_path / "build")
    with pytest.raises(TrainingError, match=r"no instance in .* is held_out; build it with --ho"):
        train(replace(validated, build=build), tmp_path / "run")
    other = changed(validated, f"validation.build={build}", "validation.tasks=tiny/color")
    with pytest.raises(
        TrainingError, match=r"no instance of tiny/color in .* is held_out; build it"
    ):
        train(other, tmp_path / "run")
    with pytest.raises(
        UnknownNameError, match=r"base.validation.tasks: no task is named 'tiny/colour"
    ):
        train(changed(validated, "validation.tasks=tiny/colour"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("setting", ["every_steps", "max_instances", "patience", "min_delta"])
def test_numbers_that_are_too_low_are_refused(validated: TrainConfig, setting: str) -> None:
    message = f"`stages.base.validation.{setting}` is -1(.0)?, but must be at least"
    with pytest.raises(TrainingError, match=message):
        changed(validated, f"validation.{setting}=-1")


def test_the_settings_survive_json(validated: TrainConfig) -> None:
    assert from_json(TrainConfig, to_json(validated)) == validated
