"""Read and write the MATLAB files of releases, which scipy understands."""

import io
from pathlib import Path
from typing import Any

from visionflan.errors import ReleaseError
from visionflan.layouts import require


def load_matlab(path: Path, *names: str) -> dict[str, Any]:
    """Read a MATLAB file, or only the named variables of it, which must be there.

    A structure or a cell comes as an array of objects, each of which is an array again.
    """
    matlab = scipy_io(path)
    try:
        content: dict[str, Any] = matlab.loadmat(str(require(path)), variable_names=names or None)
    except (ValueError, TypeError, NotImplementedError, matlab.matlab.MatReadError) as fault:
        raise ReleaseError(f"{path} is not a MATLAB file of version 5: {fault}") from fault
    if lacking := set(names) - set(content):
        raise ReleaseError(f"{path} holds no {', '.join(sorted(lacking))}")
    return content


def write_matlab(path: Path, content: dict[str, Any]) -> None:
    """Write a MATLAB file without the time of writing, which scipy puts into the file's head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    scipy_io(path).savemat(stream, content)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + stream.getvalue()[116:])


def scipy_io(path: Path) -> Any:
    """Import scipy, which is a choice of the user's since few releases need it."""
    try:
        import scipy.io
    except ImportError as fault:
        raise ReleaseError(
            f"{path} is a MATLAB file, which scipy reads: install it with "
            "`pip install 'visionflan[readers]'`"
        ) from fault
    return scipy.io
