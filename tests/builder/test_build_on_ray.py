"""A build on a Ray cluster of this machine, from and to a store; one of its processes is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.board import BOARD_FILE, files_of, row_of, write_board

pytest.importorskip("ray", reason="ray is not installed: pip install 'visionflan[ray]'")

# The first time that the release is read, it waits for its process to be killed.
WAIT = """
@dataset.reader
def read_when_killed(root):
    process = Path(__file__).with_name("process")
    if not process.exists():
        process.with_suffix(".tmp").write_text(str(os.getppid()))
        process.with_suffix(".tmp").rename(process)
        time.sleep(600)
    yield from read(root)
"""


def test_a_killed_process_is_replaced_and_the_build_is_the_same(tmp_path: Path) -> None:
    names = ("board", "twin")
    for name in names:
        shutil.copy(BOARD_FILE, tmp_path / f"{name}.py")
        write_board(tmp_path / "data" / name, [row_of(n) for n in range(8)], 8)
    with (tmp_path / "twin.py").open("a") as file:
        file.write(WAIT)
    command = [sys.executable, "-m", "visionflan", "build"]
    for name in names:
        command += ["--dataset-file", str(tmp_path / f"{name}.py")]
    command += ["--tasks", *names, "--data-root"]
    data, scratch = tmp_path / "data", tmp_path / "scratch"
    on_ray = [*command, f"file://{data}", "--out", f"file://{tmp_path}/ray", "--ray", "local"]
    on_ray += ["--scratch", str(scratch)]
    with subprocess.Popen(on_ray, stderr=subprocess.PIPE, text=True) as build:
        os.kill(wait_for_process(tmp_path / "process"), signal.SIGKILL)
        _, errors = build.communicate(timeout=120)
    assert build.returncode == 0, errors
    # On a slow machine, lines about the progress are among those about the datasets.
    subjects = sorted(line.partition(":")[0] for line in errors.splitlines())
    assert [subject for subject in subjects if subject != "building"] == list(names)
    assert not list(scratch.glob("visionflan*"))  # nor what the killed process copied
    local = [*command, str(data), "--out", str(tmp_path / "one")]
    subprocess.run(local, check=True, capture_output=True)
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "one")


def wait_for_process(path: Path) -> int:
    """Return the id of the process that a file names, once it is there."""
    for _ in range(600):
        if path.exists():
            return int(path.read_text())
        time.sleep(0.1)
    raise AssertionError(f"there was no {path} within a minute")
