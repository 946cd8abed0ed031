"""A study whose main process is interrupted or killed leaves no process, and goes on later."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.toy_steps import SumStep
from tests.helpers.toy_study import processes_left, started, toy_steps, wait_for_pid
from visionflan.analysis.store import Store

BEHAVIORS = ("", "wait", "wait")


def finish(store: Path) -> None:
    """Run the study again, and check that only the interrupted steps ran twice."""
    with started("processes", store, *BEHAVIORS) as study:
        stdout, stderr = study.communicate(timeout=60)
    assert (json.loads(stdout), stderr) == ({}, "")
    steps = toy_steps(list(BEHAVIORS))
    outputs = [Store(store).output(step) for step in steps]
    assert (outputs[-1] / "sum").read_text() == "106"
    assert [len((output / "runs").read_text().split()) for output in outputs] == [1, 2, 2, 1]


# A terminal sends Ctrl-C to all processes, a batch system SIGTERM to the main one.
@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)]
)
def test_an_interrupt_lets_the_steps_save_their_state(
    tmp_path: Path, send: Callable[[int, int], None], number: int
) -> None:
    waiting = waiting_steps()
    with started("processes", tmp_path, *BEHAVIORS) as study:
        for step in waiting:
            wait_for_pid(tmp_path, step)
        send(study.pid, number)
        _, stderr = study.communicate(timeout=60)
    assert stderr.count("Traceback") == 1
    assert stderr.strip().endswith("KeyboardInterrupt")
    assert processes_left(study.pid) == []
    for step in waiting:
        assert (Store(tmp_path).directory(step) / "output" / "state").is_file()
    finish(tmp_path)


def test_no_process_outlives_one_that_is_killed(tmp_path: Path) -> None:
    waiting = waiting_steps()
    with started("processes", tmp_path, *BEHAVIORS) as study:
        for step in waiting:
            wait_for_pid(tmp_path, step)
        study.kill()
        study.communicate(timeout=60)
    assert processes_left(study.pid) == []
    finish(tmp_path)


def waiting_steps() -> list[SumStep]:
    """Return the steps that wait to be stopped."""
    return [step for step in toy_steps(list(BEHAVIORS)) if step.behavior == "wait"]
