"""Types of arguments, and the default log, of the functions for Python."""

from collections.abc import Callable
from pathlib import Path

PathLike = str | Path
Log = Callable[[str], None]


def no_log(_: str) -> None:
    """Ignore a line of progress."""
