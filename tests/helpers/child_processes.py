"""Wait for the processes that a build or a command starts."""

import time
from pathlib import Path
from typing import Any


def wait_for(condition: Any, what: str) -> Any:
    """Return the value of a condition once it is true."""
    for _ in range(300):
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited for {what} for half a minute")


def children(process: int | None, at_least: int = 2) -> list[int]:
    """Return the workers of a process, once enough of them have started."""
    path = Path(f"/proc/{process}/task/{process}/children")
    workers = [int(child) for child in path.read_text().split()] if path.exists() else []
    return workers if len(workers) >= at_least else []


def alive(process: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(") ")[2][0] != "Z"
