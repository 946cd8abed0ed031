"""Evaluate in several processes of this machine: start torchrun, and end with it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from visionflan.atomic_write import write_json
from visionflan.errors import EvaluationError
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.processes import is_main_process
from visionflan.evaluate.records.files import SCORES
from visionflan.evaluate.records.paths import checkpoints
from visionflan.evaluate.run import EvaluationResult
from visionflan.evaluate.stages import evaluate_stages
from visionflan.train.config_io import from_json, to_json
from visionflan.train.torchrun import (
    describe_failure,
    device_shortage,
    print_line,
    run_as_rank,
    run_process,
    torchrun_command,
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
    if shortage := device_shortage(device, number):
        raise EvaluationError(f"`--num-processes` is {number}, but {shortage}")
    directory = out or checkpoints(model, selection.stages, out)[0].run
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary, (directory / LOG_FILE).open("w") as file:
        arguments = Path(temporary) / "arguments.json"
        content = {"model": str(model), "selection": to_json(selection), "device": device}
        write_json(arguments, content | {"out": None if out is None else str(out)})
        if code := run_process(torchrun_command(number, __name__, arguments), file, log):
            raise EvaluationError(describe_failure(directory / LOG_FILE, code))
        directories = json.loads((Path(temporary) / RESULTS).read_bytes())
    return [
        EvaluationResult(Path(path), json.loads((Path(path) / SCORES).read_bytes()))
        for path in directories
    ]


def main(file: Path) -> int:
    """Evaluate as one of several processes; return the exit code."""

    def run(arguments: dict[str, Any]) -> None:
        results = evaluate_stages(
            Path(arguments["model"]),
            from_json(EvalSelection, arguments["selection"]),
            None if arguments["out"] is None else Path(arguments["out"]),
            arguments["device"],
            print_line if is_main_process() else lambda line: None,
        )
        if is_main_process():
            write_json(file.parent / RESULTS, [str(result.directory) for result in results])

    return run_as_rank(run, file)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
