"""A path names a checkpoint: its own, that of a stage, or the last one of a run."""

import json
from pathlib import Path

import pytest

from visionflan.errors import TrainingError
from visionflan.model.checkpoint_path import check_checkpoint, find_checkpoint


def write_config(directory: Path, config: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config))
    return directory


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = write_config(tmp_path / "run", {"stages": [{"name": "warm"}, {"name": "base"}]})
    for stage in ("warm", "base"):
        write_config(run / stage / "checkpoint", {"model_type": "llava"})
    return run


def test_a_run_a_stage_and_a_checkpoint_lead_to_a_checkpoint(run: Path) -> None:
    last = run / "base/checkpoint"
    assert find_checkpoint(run) == last  # by the order of the stages, not of their names
    assert find_checkpoint(run / "warm") == run / "warm/checkpoint"
    assert find_checkpoint(last) == last
    check_checkpoint(last)


def test_a_run_in_place_of_a_checkpoint_names_those_that_are_there(run: Path) -> None:
    names = f"name {run}/warm/checkpoint or {run}/base/checkpoint"
    with pytest.raises(TrainingError, match=names):
        check_checkpoint(run)
    with pytest.raises(TrainingError, match=f"name {run}/warm/checkpoint$"):
        check_checkpoint(run / "warm")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "config.json is missing"),
        ({"config.json": "{}"}, "does not name a `model_type`"),
        ({"config.json": "{"}, "does not name a `model_type`"),
        ({"config.json": '{"stages": []}'}, "is a run without a finished stage"),
    ],
)
def test_other_directories_are_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(TrainingError, match=message):
        find_checkpoint(tmp_path)
    with pytest.raises(TrainingError, match="it does not exist"):
        find_checkpoint(tmp_path / "none")
