"""Train a run in several processes of this machine: start torchrun, and end with it.

The processes read the configuration from a file, and end when this one does, even if it is killed:
their stdin, which nothing is written to, is then closed.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, Any

import torch

from visionflan.atomic_write import write_json
from visionflan.errors import TrainingError, VisionflanError
from visionflan.escaping import one_line
from visionflan.executors.processes import describe_exit
from visionflan.model.generate import resolve_device
from visionflan.plural import counted
from visionflan.train.config import RuntimeConfig, TrainConfig
from visionflan.train.config_io import to_json

LOG_FILE = "torchrun.log"
RANK_MODULE = "visionflan.train.rank"
STOP_S = 60  # torchrun itself allows its processes 30 s to save their state
POLL_S = 0.5
ERROR = "error: "
# The last line of a traceback.
RAISED = re.compile(r"[\w.]*(Error|Exception): .")


def needs_torchrun(runtime: RuntimeConfig) -> bool:
    """Return whether a run wants several processes, and torchrun has not started this one."""
    return runtime.num_processes > 1 and "WORLD_SIZE" not in os.environ


def check_devices(runtime: RuntimeConfig) -> None:
    """Raise TrainingError if there are too few GPUs or cores for the processes."""
    if shortage := device_shortage(runtime.device, runtime.num_processes):
        raise TrainingError(f"runtime.num_processes is {runtime.num_processes}, but {shortage}")


def device_shortage(device: str, num_processes: int) -> str:
    """Return why so many processes cannot run, and what to do; empty if they can.

    MPS has no use for more than one.
    """
    kind = resolve_device(device).type
    if kind == "mps":
        return "several processes cannot run on MPS: set it to 1, or the device to cpu"
    is_gpu = kind == "cuda"
    # Two processes are of use for a trial on any machine.
    number = torch.cuda.device_count() if is_gpu else max(2, os.cpu_count() or 1)
    if num_processes <= number:
        return ""
    name = "GPU" if is_gpu else "core"
    return f"this machine has {counted(number, name)}: set it to {number} or less"


def run_torchrun(
    config: TrainConfig, out: Path, only: str | None, log: Callable[[str], None]
) -> None:
    """Train in several processes, whose other output goes to `torchrun.log` of the run.

    Raises TrainingError with the sentence of the first process that failed.
    """
    check_devices(config.runtime)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory, (out / LOG_FILE).open("w") as file:
        arguments = Path(directory) / "arguments.json"
        write_json(arguments, {"config": to_json(config), "out": str(out), "only": only})
        code = run_process(
            torchrun_command(config.runtime.num_processes, RANK_MODULE, arguments), file, log
        )
    if code:
        raise TrainingError(describe_failure(out / LOG_FILE, code))


def torchrun_command(num_processes: int, module: str, arguments: Path) -> list[str]:
    """Return the command that runs a module with a file in several processes of this machine.

    `--standalone` finds a free port.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, "--nproc-per-node", str(num_processes), "-m", module, str(arguments)]


def run_process(command: list[str], stderr: IO[str], log: Callable[[str], None]) -> int:
    """Run a command with its lines logged; return its exit code. An interrupt ends it first."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ}  # torchrun's own default, and warning
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment,
        start_new_session=True,  # Ctrl-C in a terminal reaches this process alone
    ) as process:
        try:
            log_lines(process, log)
            return process.wait()
        except BaseException:
            stop(process)
            raise


def log_lines(process: "subprocess.Popen[str]", log: Callable[[str], None]) -> None:
    """Log the lines of a process until it ends, in a loop that an interrupt can end."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=POLL_S)
        except Empty:
            continue
        if line is None:
            return
        log(line.rstrip("\n"))


def stop(process: "subprocess.Popen[str]") -> None:
    """Stop a process: ask it to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()


def describe_failure(file: Path, code: int) -> str:
    """Return why a run has failed, from what its processes have written, in one sentence."""
    text = file.read_text(errors="replace")
    _, _, cause = text.partition("Root Cause")
    if (match := re.search(r"exitcode +: (-\d+)", cause)) is not None:
        return f"a process of torchrun {describe_exit(int(match[1]))}: see {file}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if line.startswith(ERROR):
            return line.removeprefix(ERROR)
    raised = [line for line in lines if RAISED.match(line)]
    reason = next(iter(raised), lines[-1] if lines else "")
    return f"torchrun {describe_exit(code)}{reason and f' ({reason})'}: see {file}"


def run_as_rank(run: Callable[[dict[str, Any]], None], file: Path) -> int:
    """Run a function on the arguments in a file, as one of several processes; return the exit code.

    An error is written to stderr in one sentence, where `describe_failure` finds it.
    """
    threading.Thread(target=exit_with_parent, daemon=True).start()
    try:
        run(json.loads(file.read_bytes()))
    except VisionflanError as error:
        sys.stderr.write(f"{ERROR}{one_line(str(error))}\n")
        return 1
    except KeyboardInterrupt:
        return 1
    except Exception as error:  # shown with its traceback
        traceback.print_exc()
        sys.stderr.write(f"{ERROR}{type(error).__name__}: {one_line(str(error))}\n")
        return 1
    return 0


def print_line(line: str) -> None:
    """Send a line to the process that logs."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def exit_with_parent() -> None:
    """Stop this process when stdin is closed, since then the one that logs has ended."""
    os.read(sys.stdin.fileno(), 1)
    signal.raise_signal(signal.SIGKILL)
