"""Read features of rows from files: a matrix in NumPy's format and the id of each of its rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.errors import BuildError
from visionflan.plural import counted
from visionflan.storage.row_list import read_row_list

ROWS_AT_ONCE = 16_384


class Features:
    """Features of rows, scaled to length 1 as they are read; the file is mapped, not loaded.

    Args:
        matrix: the features in the order of the file, (m, d).
        positions: the row of the matrix of each row of the build, (n).
    """

    def __init__(self, matrix: NDArray[Any], positions: NDArray[np.int64]) -> None:
        self.matrix, self.positions = matrix, positions

    def __len__(self) -> int:
        return len(self.positions)

    def rows(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the features of some rows, (len(indices), d), each of length 1 or 0."""
        values = np.asarray(self.matrix[self.positions[indices]], np.float32)
        if not np.isfinite(values).all():
            bad = indices[~np.isfinite(values).all(axis=1)][0]
            raise BuildError(
                f"the features in row {self.positions[bad]} of the matrix are not finite numbers: "
                "compute them again"
            )
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = values / np.maximum(lengths, np.finfo(np.float32).tiny)
        return scaled


def read_features(path: Path, ids_path: Path, ids: pa.StringArray) -> Features:
    """Return the features of rows with these ids.

    Raises BuildError if a file is damaged, the two do not have as many rows, or a row has none.
    """
    matrix = read_matrix(path)
    named = read_row_list(ids_path).ids
    if len(named) != len(matrix):
        raise BuildError(
            f"{path} has features of {counted(len(matrix), 'row')}, and {ids_path} has "
            f"{counted(len(named), 'id')}: both need the same rows in the same order"
        )
    positions = pc.index_in(ids, value_set=named)
    if missing := positions.null_count:
        example = ids.filter(positions.is_null())[0].as_py()
        raise BuildError(
            f"{ids_path} lacks {counted(missing, 'row')} to select from, such as {example!r:.200}: "
            "compute features of every row of the split and the tasks"
        )
    return Features(matrix, positions.to_numpy().astype(np.int64))


def read_matrix(path: Path) -> NDArray[Any]:
    """Return a matrix of real numbers, mapped from its file."""
    if not path.is_file():
        raise BuildError(f"{path} is not a file: name a matrix of features, saved by numpy.save")
    try:
        matrix: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BuildError(f"{path} is no array that numpy.save has written ({error})") from error
    if matrix.ndim != 2 or not matrix.shape[1] or matrix.dtype.kind not in "fiu":
        raise BuildError(
            f"{path} has the shape {matrix.shape} and the type {matrix.dtype}: features are a "
            "matrix of real numbers with one row for each id"
        )
    return matrix
