"""A path names a checkpoint: its own, that of a stage, or the last one of a run."""

import json
from pathlib import Path

import pytest

from visionflan.errors import EvaluationError, TrainingError
from visionflan.evaluate.records.paths import checkpoints
from visionflan.model.checkpoint_path import (
    check_checkpoint,
    find_checkpoint,
    how_to_download,
)
from visionflan.model.original_llava.settings import read_settings
from visionflan.model.pretrained import load_vision_tower
from visionflan.train.config import InitConfig
from visionflan.train.preflight import missing_parts


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


def test_the_name_of_a_model_on_the_hub_comes_with_the_command_that_downloads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path("llava-hf/llava-1.5-7b-hf")
    command = r"run `hf download llava-hf/llava-1.5-7b-hf --local-dir DIR`, and name DIR instead"
    for check in (check_checkpoint, find_checkpoint, read_settings):
        with pytest.raises(TrainingError, match=f"does not exist; if .*, {command}"):
            check(name)
    with pytest.raises(EvaluationError, match=f"does not exist: if .*, {command}"):
        checkpoints(name)
    with pytest.raises(TrainingError, match=f"is not a vision tower: .*, {command}"):
        load_vision_tower(name)
    init = InitConfig(vision_tower=name, language_model=name)
    assert [command in problem for problem in missing_parts(init)] == [True, True]
    for other in (tmp_path / "a/b", Path("a/b/c"), Path("../a"), Path("a")):
        assert how_to_download(other) == ""
    (tmp_path / "llava-hf").mkdir()  # then it is a directory of this machine, without such a model
    assert how_to_download(name) == ""
