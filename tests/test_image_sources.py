"""Images in Parquet files are read by row, and those in databases by key."""

import os
from pathlib import Path

import lmdb
import pytest
from pyarrow import parquet, table

from visionflan.errors import ReleaseError
from visionflan.image_sources import (
    LmdbEntry,
    ParquetCell,
    containing_file,
    describe_source,
    open_lmdb,
    read_encoded,
)

VALUES = [bytes([number]) * 1000 for number in range(50)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "pictures.parquet"
    columns = {"number": range(51), "jpg": [*VALUES, None]}
    parquet.write_table(table(columns), written, row_group_size=20)
    return written


@pytest.mark.parametrize("row", [0, 15, 16, 19, 20, 39, 45, 49])
def test_every_row_has_its_own_bytes(path: Path, row: int) -> None:
    assert read_encoded(ParquetCell(path, "jpg", row)) == VALUES[row]


@pytest.mark.parametrize(("column", "row"), [("jpg", 50), ("number", 0), ("png", 0)])
def test_a_cell_without_bytes_is_an_error(path: Path, column: str, row: int) -> None:
    with pytest.raises(KeyError, match=column):
        read_encoded(ParquetCell(path, column, row))


def test_a_cell_is_described_by_its_file_row_and_column(path: Path) -> None:
    cell = ParquetCell(path, "jpg", 3)
    assert describe_source(cell) == f"{path}#3/jpg"
    assert containing_file(cell) == path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    database_path = tmp_path / "tower_val_lmdb"
    with (
        lmdb.open(str(database_path), map_size=1 << 20) as opened,
        opened.begin(write=True) as transaction,
    ):
        transaction.put(b"0a", VALUES[7])
    return database_path


def test_an_entry_of_a_database_is_read_by_its_key(database: Path) -> None:
    entry = LmdbEntry(database, "0a")
    assert read_encoded(entry) == VALUES[7]
    assert describe_source(entry) == f"{database}#0a"
    assert containing_file(entry).is_file()


def test_a_missing_key_is_an_error(database: Path) -> None:
    with pytest.raises(KeyError, match="0b"):
        read_encoded(LmdbEntry(database, "0b"))


def test_a_child_process_reads_from_the_database_that_its_parent_has_open(database: Path) -> None:
    open_lmdb(database)
    if not (child := os.fork()):
        os._exit(0 if read_encoded(LmdbEntry(database, "0a")) == VALUES[7] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(ReleaseError, match="is not an LMDB database"):
        open_lmdb(tmp_path)
