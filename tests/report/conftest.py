"""A run whose page several files read."""

import json
from pathlib import Path

import pytest

from tests.helpers.report_run import answer, train
from tests.helpers.tiny_evaluation import ToyModel, tiny_build


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two stages with their evaluations."""
    directory = tmp_path_factory.mktemp("report") / "run"
    build = tiny_build(directory / "data")
    answer(directory, build, "base", ToyModel("base"))
    answer(directory, build, "chat", ToyModel("chat", chatty=True))
    stages = [
        {"name": "base", "trainable": ["connector", "language_model"], "data": {"build": None}},
        {"name": "chat", "trainable": ["connector", "language_model"], "data": {"build": None}},
    ]
    config = {
        "name": "tiny",
        "build": str(directory / "data"),
        "init": {
            "vision_tower": "a-tower",
            "language_model": "a-language-model",
            "checkpoint": None,
        },
        "stages": stages,
    }
    (directory / "config.json").write_text(json.dumps(config))
    for stage, steps in (("pretrain", 40), ("chat", 5), ("base", 900)):
        train(directory / stage, steps)
    pretrain = {"description": "The tower learns from words.", "steps": 40}
    (directory / "pretrain/run.json").write_text(json.dumps(pretrain))
    return directory
