"""Evaluate in several processes of this machine: start torchrun, and end with it."""

import json
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from visionflan.atomic_write import write_json
from visionflan.errors import EvaluationError, VisionflanError
from visionflan.escaping import one_line
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.processes import is_main_process
from visionflan.evaluate.records.files import SCORES
from visionflan.evaluate.records.paths import checkpoints
from visionflan.evaluate.run import EvaluationResult
from visionflan.evaluate.stages import evaluate_stages
from visionflan.plural import counted
from visionflan.train.config_io import from_json, to_json
from visionflan.train.torchrun import (
    ERROR,
    describe_failure,
    exit_with_parent,
    print_line,
    run_process,
)

LOG_FILE = "evaluate.log"
RESULTS = "results.json"

Log = Callable[[str], None]


def evaluate_in_processes(
    model: Path, selection: EvalSelection, out: Path | None, device: str, number: int, log: Log
) -> list[EvaluationResult]:
    """Evaluate in several processes; their other output goes to `evaluate.log` of the run or `out`.

    Raises EvaluationError with the sentence of the first process that failed.
    """
    check_devices(device, number)
    directory = out or checkpoints(model, selection.stages, out)[0].run
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, (directory / LOG_FILE).open("w") as file:
        arguments = Path(temporary) / "arguments.json"
        content = {"model": str(model), "selection": to_json(selection), "device": device}
        write_json(arguments, content | {"out": None if out is None else str(out)})
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        module = ["--nproc-per-node", str(number), "-m", __name__, str(arguments)]
        if code := run_process([*torchrun, *module], file, log):
            raise EvaluationError(describe_failure(directory / LOG_FILE, code))
        directories = json.loads((Path(temporary) / RESULTS).read_bytes())
    return [
        EvaluationResult(Path(path), json.loads((Path(path) / SCORES).read_bytes()))
        for path in directories
    ]


def check_devices(device: str, number: int) -> None:
    """Raise EvaluationError if there are fewer GPUs than processes."""
    import torch

    from visionflan.model.generate import resolve_device

    gpus = torch.cuda.device_count()
    if resolve_device(device).type == "cuda" and gpus < number:
        raise EvaluationError(
            f"`--num-processes` is {number}, but this machine has {counted(gpus, 'GPU')}: set it "
            f"to {gpus} or less"
        )


def main(file: Path) -> int:
    """Evaluate as one of several processes; return the exit code."""
    threading.Thread(target=exit_with_parent, daemon=True).start()
    arguments = json.loads(file.read_bytes())
    try:
        results = evaluate_stages(
            Path(arguments["model"]),
            from_json(EvalSelection, arguments["selection"]),
            None if arguments["out"] is None else Path(arguments["out"]),
            arguments["device"],
            print_line if is_main_process() else lambda line: None,
        )
    except VisionflanError as error:
        sys.stderr.write(f"{ERROR}{one_line(str(error))}\n")
        return 1
    except KeyboardInterrupt:
        return 1
    except Exception as error:  # shown with its traceback
        traceback.print_exc()
        sys.stderr.write(f"{ERROR}{type(error).__name__}: {one_line(str(error))}\n")
        return 1
    if is_main_process():
        write_json(file.parent / RESULTS, [str(result.directory) for result in results])
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
