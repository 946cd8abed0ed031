"""Run toy steps, and one that adds up those that succeed, in a process that a test may kill.

    python -m tests.helpers.toy_study processes|RAY_ADDRESS STORE [BEHAVIOR ...]

The reasons of failures are printed as JSON, by label.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.helpers.toy_steps import SumStep
from visionflan.analysis.execute import execute
from visionflan.analysis.store import Store
from visionflan.executors.base import CallExecutor
from visionflan.executors.processes import ProcessExecutor
from visionflan.train.config import RuntimeConfig

ROOT = Path(__file__).parents[2]
SUCCEEDING = ("", "slow", "wait")


def toy_steps(behaviors: list[str]) -> list[SumStep]:
    """Return a step for each behavior, numbered from 1, and their sum."""
    steps = [SumStep(number=n, behavior=behavior) for n, behavior in enumerate(behaviors, 1)]
    inputs = tuple(step for step in steps if step.behavior in SUCCEEDING)
    return [*steps, SumStep(number=100, inputs=inputs)]


def open_executor(kind: str) -> CallExecutor:
    """Return an executor of two calls at a time."""
    if kind == "processes":
        return ProcessExecutor(2)
    from visionflan.executors.ray_cluster import RayExecutor

    return RayExecutor(kind, num_cpus=2)


def main(kind: str, directory: str, *behaviors: str) -> None:
    """Run the steps; SIGTERM interrupts as it does in the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    store = Store(Path(directory))
    store.open()
    runtime = RuntimeConfig(num_threads=1)
    failures = execute(
        toy_steps(list(behaviors)), store, open_executor(kind), runtime, lambda line: None
    )
    print(json.dumps(dict(failures.values())))  # noqa: T201


@contextmanager
def started(kind: str, store: Path, *behaviors: str) -> Iterator["subprocess.Popen[str]"]:
    """Start the steps in a session of their own, which is killed in the end."""
    # Ray's own files; the paths of its sockets must be short.
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        subprocess.Popen(
            [sys.executable, "-m", __name__, kind, str(store), *behaviors],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for_pid(store: Path, step: SumStep, timeout: float = 120) -> int:
    """Return the process of a waiting step, once it waits."""
    file = Store(store).directory(step) / "output" / "pid"
    end = time.monotonic() + timeout
    while not file.is_file():
        assert time.monotonic() < end, f"{step.label} has not started"
        time.sleep(0.05)
    return int(file.read_text())


def processes_left(session: int, timeout: float = 15) -> list[str]:
    """Return the commands of a session's processes that do not end in time."""
    end = time.monotonic() + timeout
    while (left := session_commands(session)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def session_commands(session: int) -> list[str]:
    """Return the command of each living process of a session."""
    commands = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                commands.append((directory / "cmdline").read_text().replace("\0", " "))
    return commands


if __name__ == "__main__":
    main(*sys.argv[1:])
