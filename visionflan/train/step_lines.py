"""Files of a stage with a line of JSON for a step: what a resumed stage repeats is removed."""

import json
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_text

METRICS = "metrics.jsonl"
VALIDATIONS = "validation.jsonl"
ALARMS = "alarms.jsonl"


def lines_until(file: Path, step: int) -> list[dict[str, Any]]:
    """Return the lines of the steps up to one; none if there is no file."""
    if not file.is_file():
        return []
    # A line that was being written when the run was killed does not end in a newline.
    complete = file.read_text().rpartition("\n")[0].splitlines()
    return [line for line in map(json.loads, complete) if line["step"] <= step]


def remove_lines_after(file: Path, step: int) -> None:
    """Remove the lines of the steps after one; a file without any other is removed."""
    if lines := lines_until(file, step):
        write_text(file, "".join(f"{json.dumps(line)}\n" for line in lines))
    else:
        file.unlink(missing_ok=True)


def append_line(file: Path, line: dict[str, Any]) -> None:
    """Append a line."""
    with file.open("a") as stream:
        stream.write(f"{json.dumps(line)}\n")
