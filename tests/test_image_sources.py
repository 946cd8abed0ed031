"""Images in Parquet files are read by row, and those in databases by key."""

import os
from pathlib import Path

import lmdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet, table

from visionflan import parquet_cells
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


@given(st.lists(st.integers(0, 49), min_size=1, max_size=30))
def test_rows_have_their_own_bytes_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int]
) -> None:
    written = tmp_path_factory.getbasetemp() / "rows.parquet"
    if not written.exists():
        parquet.write_table(table({"jpg": VALUES}), written, row_group_size=20)
    assert [read_encoded(ParquetCell(written, "jpg", row)) for row in rows] == [
        VALUES[row] for row in rows
    ]


def test_rows_in_order_are_decoded_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    original = parquet_cells.ColumnReader.open_group

    def counted(reader: parquet_cells.ColumnReader, group: int) -> None:
        opened.append(group)
        original(reader, group)

    monkeypatch.setattr(parquet_cells.ColumnReader, "open_group", counted)
    for row, value in enumerate(VALUES):
        assert read_encoded(ParquetCell(path, "jpg", row)) == value
    assert opened == [0, 1, 2]


def test_a_table_that_was_written_again_is_read_again(path: Path) -> None:
    assert read_encoded(ParquetCell(path, "jpg", 3)) == VALUES[3]
    parquet.write_table(table({"jpg": VALUES[::-1]}), path)
    assert read_encoded(ParquetCell(path, "jpg", 3)) == VALUES[-4]


def test_a_failed_read_leaves_the_next_one_sound(path: Path) -> None:
    with pytest.raises(IndexError):
        read_encoded(ParquetCell(path, "jpg", 500))
    with pytest.raises(KeyError):
        read_encoded(ParquetCell(path, "jpg", 50))
    assert read_encoded(ParquetCell(path, "jpg", 49)) == VALUES[49]


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
