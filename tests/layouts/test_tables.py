"""A malformed row of a table costs itself, and no row after it."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts.tables import csv_rows

CELLS = st.text(st.sampled_from('ab ,"\n\r\t;é'), max_size=6)


def write(path: Path, rows: list[list[str]], delimiter: str = ",") -> None:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    path.write_bytes(stream.getvalue().encode())


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=4))
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_valid_table_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, delimiter: str, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "x.csv"
    write(path, [["a", "b", "c"], *rows], delimiter)
    read = list(csv_rows(path, "a", "c", delimiter=delimiter))
    assert read == [dict(zip("abc", row, strict=True)) for row in rows]


@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("broken", range(4))
@pytest.mark.parametrize("quoted", [False, True])
def test_an_open_quote_costs_its_row_alone(
    tmp_path: Path, broken: int, column: int, quoted: bool
) -> None:
    lines = [
        ",".join(f'"{cell} {n}"' if quoted else f"{cell} {n}" for cell in ("one", "two"))
        for n in range(4)
    ]
    cells = [f"one {broken}", f"two {broken}"]
    cells[column] = f'"{cells[column]}'
    lines[broken] = ",".join(cells)
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["a,b", *lines, ""]))
    rows = list(csv_rows(path, "a", "b"))
    assert len(rows) == 4
    (bad,) = (row for row in rows if isinstance(row, BrokenRow))
    assert bad.key == f"x.csv:{broken + 2}"
    assert rows.index(bad) == broken
    assert [row["b"] for row in rows if not isinstance(row, BrokenRow)] == [
        f"two {n}" for n in range(4) if n != broken
    ]


def test_a_row_of_another_width_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('\ufeffa,b\n"1\n2",3\n\n4\n5,6,7\n8,9\n', encoding="utf-8")
    good, short, long, last = csv_rows(path, "a")
    assert good == {"a": "1\n2", "b": "3"}
    assert isinstance(short, BrokenRow)
    assert short.key == "x.csv:5"
    assert "it has 1 cell, but the header has 2" in short.detail
    assert isinstance(long, BrokenRow)
    assert long.key == "x.csv:6"
    assert last == {"a": "8", "b": "9"}


def test_an_open_quote_in_a_long_table_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + '"1,2\n' + "3,4\n" * 1000)
    rows = list(csv_rows(path, "a", longest=100))
    assert isinstance(rows[0], BrokenRow)
    assert "more than 100 characters" in rows[0].detail
    assert rows[1:] == [{"a": "3", "b": "4"}] * 1000


def test_a_header_that_lacks_a_column_or_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ReleaseError, match="has no column c, d"):
        list(csv_rows(path, "a", "c", "d"))
    path.write_text('a,"b\n1,2\n')
    with pytest.raises(ReleaseError, match="line 1 of"):
        list(csv_rows(path, "a", "b"))
    path.write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(ReleaseError, match=r"x\.csv is not UTF-8: byte 3 of line 2"):
        list(csv_rows(path, "a", "b"))


def test_a_table_that_begins_with_the_mark_of_utf_8_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,é\n", encoding="latin-1")
    assert list(csv_rows(path, "a", encoding="latin-1")) == [{"a": "1", "b": "é"}]
    path.write_text("a,b\n1,é\n", encoding="utf-8-sig")
    assert list(csv_rows(path, "a", encoding="latin-1")) == [{"a": "1", "b": "é"}]


def test_a_row_with_zero_bytes_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,\0\0\0\0\0\n2,3\n")
    broken, row = csv_rows(path, "a", "b")
    assert isinstance(broken, BrokenRow)
    assert broken.detail.endswith("zero bytes")
    assert row == {"a": "2", "b": "3"}
