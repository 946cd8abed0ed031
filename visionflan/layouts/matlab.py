"""Read and write MATLAB files with scipy."""

import io
import os
import zlib
from pathlib import Path
from typing import Any

from visionflan.errors import ReleaseError
from visionflan.layouts import require
from visionflan.layouts.fields import integer, text

# Exceptions that scipy raises for a truncated or malformed file.
LOAD_ERRORS = (
    *(ValueError, TypeError, LookupError, OSError, OverflowError, MemoryError, EOFError),
    *(NotImplementedError, zlib.error),
)


def load_matlab(path: Path, *names: str) -> dict[str, Any]:
    """Load a MATLAB file, or only the named variables, which must exist.

    A structure or a cell is an array of objects, each of them an array again.
    """
    matlab = scipy_io(path)
    try:
        content: dict[str, Any] = matlab.loadmat(
            os.fspath(require(path)), variable_names=names or None
        )
    except (*LOAD_ERRORS, matlab.matlab.MatReadError) as error:
        raise ReleaseError(f"{path} is not a MATLAB file of version 5: {error}") from error
    if missing := set(names) - set(content):
        raise ReleaseError(f"{path} has no variable {', '.join(sorted(missing))}")
    return content


def cell_text(cell: Any) -> str:
    """Return the text in a cell."""
    return text((cell.item(),), 0)


def cell_integer(cell: Any) -> int:
    """Return the integer in a cell."""
    return integer((cell.item(),), 0)


def write_matlab(path: Path, content: dict[str, Any]) -> None:
    """Write a MATLAB file without the time of writing, which scipy puts into the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    scipy_io(path).savemat(stream, content)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + stream.getvalue()[116:])


def scipy_io(path: Path) -> Any:
    """Import scipy, which is optional since few releases need it."""
    try:
        import scipy.io
    except ImportError as error:
        raise ReleaseError(
            f"{path} is a MATLAB file, which scipy reads: install it with "
            "`pip install 'visionflan[readers]'`"
        ) from error
    return scipy.io
