"""A picture in a Parquet file is read by its row, whatever the row groups."""

from pathlib import Path

import pytest
from pyarrow import parquet, table

from visionflan.pictures import Cell, describe, encoded, source

VALUES = [bytes([number]) * 1000 for number in range(50)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "pictures.parquet"
    columns = {"number": range(51), "jpg": [*VALUES, None]}
    parquet.write_table(table(columns), written, row_group_size=20)
    return written


@pytest.mark.parametrize("row", [0, 15, 16, 19, 20, 39, 45, 49])
def test_every_row_gives_its_own_bytes(path: Path, row: int) -> None:
    assert encoded(Cell(path, "jpg", row)) == VALUES[row]


@pytest.mark.parametrize(("column", "row"), [("jpg", 50), ("number", 0), ("png", 0)])
def test_a_cell_without_bytes_is_told(path: Path, column: str, row: int) -> None:
    with pytest.raises(KeyError, match=column):
        encoded(Cell(path, column, row))


def test_a_cell_is_told_by_its_file_row_and_column(path: Path) -> None:
    cell = Cell(path, "jpg", 3)
    assert describe(cell) == f"{path}#3/jpg"
    assert source(cell) == path
