"""What commands print on a terminal that is not UTF-8: escapes in place of what it lacks."""

import os
import subprocess
import sys

import pytest

COMMANDS = (
    ["--help"],
    ["datasets"],
    ["datasets", "semart"],
    ["tasks"],
    ["tasks", "kvqa/image_captioning", "--show"],
    ["benchmarks"],
    ["datasets", "\u00e9\u00e9"],  # an error
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_ascii_terminal_ends_no_command(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "visionflan", *command],
        check=False,
        capture_output=True,
        env=environment,
    )
    assert done.returncode == (1 if command[-1] == "\u00e9\u00e9" else 0)
    text = (done.stdout + done.stderr).decode("ascii")
    assert "Traceback" not in text
    assert len(text) > 20
