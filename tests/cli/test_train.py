"""`visionflan train` and `visionflan chat`, from the command line's words to what they print."""

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

FOLDER = Path(__file__).parent

def small():
    return TrainConfig(
        name="small",
        init=InitConfig(
            vision_tower=FOLDER / "tower", language_model=FOLDER / "words", chat_template="plain"
        ),
        runtime=RuntimeConfig(num_threads=1, log_every_steps=1, device="cpu"),
        stages=(
            StageConfig(name="base", learning_rate=3e-3, steps=3, batch_size=8),
            StageConfig(name="chat", learning_rate=3e-3, steps=2, batch_size=8),
        ),
    )
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    save_tower(made / "tower")
    save_language_model(made / "words")
    write_build(made / "build")
    (made / "small_recipe.py").write_text(RECIPE)
    (made / "red.png").write_bytes(png((220, 20, 20), (40, 40)))
    return made


@pytest.fixture(autouse=True)
def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def test_a_recipe_is_trained_and_its_checkpoint_answers(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "small_recipe:small", "--out", "run", "--build", "build"]
    assert main([*words, "--set", "stages.base.learning_rate=1e-3", "--stage", "base"]) == 0
    said = capsys.readouterr()
    assert said.out == "run/base/checkpoint\n"
    assert "base: 3 steps over 24 instances" in said.err
    kept = json.loads((folder / "run/config.json").read_bytes())
    assert kept["stages"][0]["learning_rate"] == 1e-3
    assert kept["build"] == str(folder / "build")
    assert not (folder / "run/chat").exists()

    assert main(words) == 1
    assert "begun with another stages.base.learning_rate" in capsys.readouterr().err
    assert main([*words, "--set", "stages.base.learning_rate=1e-3"]) == 0
    assert capsys.readouterr().out == "run/chat/checkpoint\n"

    chat = ["chat", "run/chat/checkpoint", "red.png", "--max-new-tokens", "5"]
    assert main([*chat, "--ask", "what colour ?"]) == 0
    once = capsys.readouterr().out
    assert once.strip()
    monkeypatch.setattr(sys, "stdin", io.StringIO("what colour ?\nwhat is it ?\n"))
    assert main(chat) == 0
    talk = capsys.readouterr().out
    assert talk.startswith(once)
    assert len(talk) > len(once)


def test_show_prints_the_configuration_and_trains_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "base_7b", "--out", "never", "--show", "--set", "stages=base"]
    assert main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in shown["stages"]] == ["base"]
    assert not (folder / "never").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["train", "base_8b", "--out", "never"], "there is no recipe 'base_8b'"),
        (["train", "base_7b", "--out", "never", "--set", "sed=1"], "could be seed"),
        (["train", "small_recipe:small", "--out", "never"], "has nothing to read: give --build"),
        (["train", "small_recipe:small", "--out", "never", "--build", "tower"], "manifest.json"),
        (["chat", "nowhere", "red.png", "--ask", "a"], "nowhere is not a checkpoint"),
        (["chat", "nowhere", "none.png", "--ask", "a"], "none.png"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert "Traceback" not in said


def test_a_run_that_is_asked_to_stop_saves_its_state_and_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "small_recipe:small", "--out", "long", "--build", "build"]
    words += ["--set", "stages.base.steps=300", "--stage", "base"]
    code = f"import sys; from visionflan.cli.main import main; sys.exit(main({words!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    lines = folder / "long/base/metrics.jsonl"
    deadline = time.monotonic() + 120
    while not lines.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "interrupted; run the same command again to resume" in said
    reached = json.loads(lines.read_text().splitlines()[-1])["step"]
    states = [path.name for path in (folder / "long/base/resume").iterdir()]
    assert states == [f"step-{reached:08d}"]
    assert reached < 300
