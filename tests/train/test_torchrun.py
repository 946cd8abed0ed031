"""Runs of several processes, started by torchrun; how their failures end."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from visionflan.errors import TrainingError
from visionflan.train import torchrun
from visionflan.train.config import RuntimeConfig, TrainConfig

TABLE = """W1129 run.py:852 ***
{lines}
============================================================
visionflan.train.rank FAILED
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : {code} (pid: 2150)
  error_file: <N/A>
============================================================
"""


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            TABLE.format(lines="error: the build b has no rows\nerror: peer has gone", code=1),
            1,
            "the build b has no rows",
        ),
        (
            TABLE.format(lines="error: RuntimeError: Connection closed by peer", code=-9),
            1,
            "a process of torchrun was ended by SIGKILL: see {file}",
        ),
        ("No module named torch.distributed.run", 2, "torchrun ended with exit code 2 (No module"),
        ("", -9, "torchrun was ended by SIGKILL: see {file}"),
    ],
)
def test_a_failure_is_described_by_its_first_cause(
    tmp_path: Path, text: str, code: int, message: str
) -> None:
    file = tmp_path / "torchrun.log"
    file.write_text(text)
    assert torchrun.describe_failure(file, code).startswith(message.format(file=file))


def test_a_process_that_fails_before_it_trains_is_described_by_its_error(tmp_path: Path) -> None:
    file = tmp_path / torchrun.LOG_FILE
    file.write_text(
        "Traceback (most recent call last):\n"
        '  File "run.py", line 18, in <module>\n'
        "ModuleNotFoundError: No module named 'peft'\n"
        "W1130 15:46:56 Sending process 298 closing signal SIGTERM\n"
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
        f"{'=' * 60}\nvisionflan.train.rank FAILED\n{'=' * 60}\n"
    )
    message = "torchrun ended with exit code 1 (ModuleNotFoundError: No module named 'peft'): see "
    assert torchrun.describe_failure(file, 1) == f"{message}{file}"


def test_torchrun_is_needed_for_several_processes_and_not_within_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not torchrun.needs_torchrun(RuntimeConfig())
    assert torchrun.needs_torchrun(RuntimeConfig(num_processes=2))
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not torchrun.needs_torchrun(RuntimeConfig(num_processes=2))


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(torchrun, "resolve_device", torch.device)
    with pytest.raises(TrainingError, match="is 2, but this machine has 1 GPU: set it to 1 or les"):
        torchrun.check_devices(RuntimeConfig(device="cuda", num_processes=2))


def test_more_processes_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    torchrun.check_devices(RuntimeConfig(device="cpu", num_processes=4))
    with pytest.raises(TrainingError, match="is 5, but this machine has 4 cores: set it to 4 or"):
        torchrun.check_devices(RuntimeConfig(device="cpu", num_processes=5))


def test_a_run_that_cannot_be_trained_is_refused_in_one_sentence(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes find what is wrong: this one does not look."""
    missing = replace(config, build=tmp_path / "missing")
    runtime = replace(config.runtime, num_processes=2)
    with pytest.raises(TrainingError, match=r"missing") as caught:
        torchrun.run_torchrun(replace(missing, runtime=runtime), tmp_path / "run", None, print)
    assert "\n" not in str(caught.value)
    assert "error: " in (tmp_path / "run/torchrun.log").read_text()


def test_an_interrupt_ends_the_process_and_its_lines_are_logged(tmp_path: Path) -> None:
    code = "import time; print('started', flush=True); time.sleep(60)"
    lines: list[str] = []

    def interrupt(line: str) -> None:
        lines.append(line)
        raise KeyboardInterrupt

    with (tmp_path / "log").open("w") as file, pytest.raises(KeyboardInterrupt):
        torchrun.run_process([sys.executable, "-c", code], file, interrupt)
    assert lines == ["started"]


def test_a_process_ends_when_the_one_that_logs_is_gone() -> None:
    code = (
        "import threading, time; from visionflan.train.torchrun import exit_with_parent\n"
        "threading.Thread(target=exit_with_parent, daemon=True).start()\n"
        "print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        process.stdin.close()
        assert process.wait(20) == -signal.SIGKILL
