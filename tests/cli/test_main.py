"""Errors that a user can fix end in one sentence; ours end in a traceback."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from visionflan import __version__, catalog, formats
from visionflan.cli.main import COMMANDS, main, run_command
from visionflan.plugins import Plugin


def command(missing: str) -> ModuleType:
    """Return a command that needs a module which is not installed."""
    module = ModuleType("command")

    def run(args: argparse.Namespace) -> int:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    module.run = run  # type: ignore[attr-defined]
    module.add_arguments = lambda parser: None  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(("module", "extra"), [("torch", "train"), ("scipy", "analyze")])
def test_a_missing_extra_is_named(
    module: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train", command(module), []) == 1
    assert f"pip install 'visionflan[{extra}]'" in capsys.readouterr().err


def test_a_missing_module_of_ours_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError):
        run_command("train", command("visionflan.nothing"), [])


def test_control_characters_of_names_and_values_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a\x1b[2J\nb"
    assert main(["report", str(tmp_path / name)]) == 1
    with pytest.raises(SystemExit):
        main(["datasets", "coco", name])
    message = capsys.readouterr().err
    assert message.count("a\\x1b[2J b") == 2, message
    assert "\x1b" not in message


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_a_description(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert f"usage: visionflan {name}" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert "did you mean train" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "end"),
    [("--max-per-tasks=3", "3: did you mean --max-per-task, "), ("--zzzzz", "--zzzzz\n")],
)
def test_an_unknown_option_names_the_nearest(
    option: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["build", "--demo", "--out", "build", option])
    assert stopped.value.code == 2
    message = capsys.readouterr().err.partition("unrecognized arguments: ")[2]
    assert message.startswith(option)
    assert end in message


def test_a_dataset_file_without_a_dataset_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalog, "loose_files", {})
    (tmp_path / "empty_lab.py").write_text("")
    assert main(["check", "--dataset-file", str(tmp_path / "empty_lab.py")]) == 1
    expected = f"error: {tmp_path}/empty_lab.py: the file must define one `dataset`\n"
    assert capsys.readouterr().err == expected


def test_of_two_formats_of_one_name_ours_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(formats.FORMATS, "installed", {"llava": Plugin("elsewhere", "lab")})
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert capsys.readouterr().err == (
        "warning: left out: the format llava of the package lab: visionflan has one of that name: "
        "rename the entry point\n"
    )


def test_windows_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert main(["datasets"]) == 1
    assert capsys.readouterr().err == (
        "error: visionflan does not run on Windows: use it inside WSL 2.\n"
    )


def test_the_package_runs_as_a_module() -> None:
    words = [sys.executable, "-m", "visionflan", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"visionflan {__version__}\n"


def test_env_names_versions_and_hardware(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["visionflan"] == __version__
    assert info["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"numpy", "pyarrow", "torch", "transformers"} <= info["packages"].keys()
    assert info["cpu cores"] >= 1
    assert main(["env"]) == 0
    assert f"visionflan          {__version__}\n" in capsys.readouterr().out


def test_an_interrupt_in_an_import_gives_130() -> None:
    script = """
import sys
from visionflan.cli import main as module

def interrupted():
    try:
        exec("raise KeyboardInterrupt")
    except KeyboardInterrupt:
        return 130

module.main = interrupted
sys.exit(module.run_process())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 130


def test_an_interrupt_after_the_end_changes_nothing() -> None:
    script = """
import atexit, os, signal, sys
from visionflan.cli import main as module

module.main = lambda: 0
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.exit(module.run_process())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
