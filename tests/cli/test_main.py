"""Faults that a user can mend end in one sentence; ours end in a traceback."""

import argparse
from types import ModuleType

import pytest

from visionflan.cli.main import run_command


def command(missing: str) -> ModuleType:
    """Make a command that needs a module which is not installed."""
    made = ModuleType("command")

    def run(given: argparse.Namespace) -> int:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    made.run = run  # type: ignore[attr-defined]
    return made


def test_a_missing_extra_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(command("torch"), argparse.Namespace()) == 1
    assert "pip install 'visionflan[train]'" in capsys.readouterr().err


def test_a_missing_module_of_ours_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError):
        run_command(command("visionflan.nothing"), argparse.Namespace())
