"""`visionflan train` and `visionflan chat`, from their arguments to what they print."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.tiny_checkpoint import png, save_language_model, save_tower, write_build
from visionflan.cli.main import main

RECIPE = """
from pathlib import Path
from visionflan.train.config import InitConfig, RuntimeConfig, StageConfig, TrainConfig

DIRECTORY = Path(__file__).parent

def small():
    return TrainConfig(
        name="small",
        init=InitConfig(
            vision_tower=DIRECTORY / "tower",
            language_model=DIRECTORY / "language_model",
            chat_template="plain",
        ),
        runtime=RuntimeConfig(num_threads=1, log_every_steps=1, device="cpu"),
        stages=(
            StageConfig(name="base", learning_rate=3e-3, steps=3, batch_size=8),
            StageConfig(name="chat", learning_rate=3e-3, steps=2, batch_size=8),
        ),
    )
"""
SMALL = ["train", "small_recipe:small", "--out", "never", "--build", "build"]


def mixture(*settings: str) -> list[str]:
    """Return the arguments that set a mixture."""
    return [
        part for setting in settings for part in ("--set", f"stages.base.data.mixture.{setting}")
    ]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli")
    save_tower(path / "tower")
    save_language_model(path / "language_model")
    write_build(path / "build")
    (path / "small_recipe.py").write_text(RECIPE)
    (path / "red.png").write_bytes(png((220, 20, 20), (40, 40)))
    return path


@pytest.fixture(autouse=True)
def working_directory(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    monkeypatch.setattr(sys, "path", [str(directory), *sys.path])


def test_a_recipe_is_trained_and_its_checkpoint_answers(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", "small_recipe:small", "--out", "run", "--build", "build"]
    assert main([*command, "--set", "stages.base.learning_rate=1e-3", "--stage", "base"]) == 0
    output = capsys.readouterr()
    assert output.out == "run/base/checkpoint\n"
    assert "base: 3 steps on 24 instances" in output.err
    config = json.loads((directory / "run/config.json").read_bytes())
    assert config["stages"][0]["learning_rate"] == 1e-3
    assert config["build"] == str(directory / "build")
    assert not (directory / "run/chat").exists()

    assert main(command) == 1
    assert "started with a different stages.base.learning_rate" in capsys.readouterr().err
    assert main([*command, "--set", "stages.base.learning_rate=1e-3"]) == 0
    assert capsys.readouterr().out == "run/chat/checkpoint\n"

    chat = ["chat", "run/chat/checkpoint", "red.png", "--max-new-tokens", "5"]
    assert main([*chat, "--ask", "what color ?"]) == 0
    once = capsys.readouterr().out
    assert once.strip()
    monkeypatch.setattr(sys, "stdin", io.StringIO("what color ?\nwhat is it ?\n"))
    assert main(chat) == 0
    talk = capsys.readouterr().out
    assert talk.startswith(once)
    assert len(talk) > len(once)


def test_show_prints_the_configuration_and_trains_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "base_7b", "--out", "never", "--show", "--set", "stages=base"]
    assert main(command) == 0
    config = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in config["stages"]] == ["base"]
    assert not (directory / "never").exists()


def test_show_prints_a_table_of_a_mixture_if_its_rows_can_be_counted(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "base_7b", "--out", "never", "--show", *mixture("rows=8")]
    assert main(command) == 0
    output = capsys.readouterr()
    config = json.loads(output.out)
    assert config["stages"][1]["data"]["mixture"]["rows"] == 8
    assert output.err.startswith("stage base: its tasks are known once there is a build")

    command += [*mixture("weights=*/color:3"), "--build", "build"]
    assert main(command) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["build"] == str(directory / "build")
    assert [line.split() for line in output.err.splitlines()[1:]] == [
        ["task", "available", "rate", "rows"],
        ["tiny/color", "12", "75.00%", "6"],
        ["tiny/repeat", "12", "25.00%", "2"],
    ]
    assert not (directory / "never").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["train", "base_8b", "--out", "never"], "there is no recipe 'base_8b'"),
        (["train", "base_7b", "--out", "never", "--set", "sed=1"], "did you mean seed"),
        (["train", "small_recipe:small", "--out", "never"], "has no data: use --build"),
        ([*SMALL, *mixture("rows=8", "weights=tiny/colour:2")], "did you mean tiny/color"),
        ([*SMALL, *mixture("temperature=2")], "the mixture of stage base has no budget"),
        ([*SMALL, *mixture("temperature=warm")], "must be of type float"),
        (["train", "small_recipe:small", "--out", "never", "--build", "tower"], "manifest.json"),
        (["chat", "nowhere", "red.png", "--ask", "a"], "nowhere is not a checkpoint"),
        (["chat", "nowhere", "none.png", "--ask", "a"], "none.png"),
    ],
)
def test_an_error_is_one_sentence(
    command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors


def test_a_run_that_is_asked_to_stop_saves_its_state(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "small_recipe:small", "--out", "long", "--build", "build"]
    command += ["--set", "stages.base.steps=300", "--stage", "base"]
    code = f"import sys; from visionflan.cli.main import main; sys.exit(main({command!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(directory), *sys.path])},
    )
    lines = directory / "long/base/metrics.jsonl"
    deadline = time.monotonic() + 120
    while not lines.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "interrupted; run the same command again to resume" in errors
    reached = json.loads(lines.read_text().splitlines()[-1])["step"]
    states = [path.name for path in (directory / "long/base/resume").glob("*step-*")]
    assert states == [f"step-{reached:08d}"]
    assert reached < 300
