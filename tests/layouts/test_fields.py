"""Only a value of the right type becomes a word: null, NaN and nested values are refused."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visionflan import layouts
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.layouts import (
    class_folders,
    fields,
    inside,
    json_lines,
    load_json,
    load_text,
    open_text,
    parse_json,
    text_lines,
)
from visionflan.layouts.fields import FieldError, read_records, read_row_lists
from visionflan.layouts.json_stream import json_field_values

NOT_ANSWERS: list[object] = [
    None,
    float("nan"),
    float("inf"),
    1 << 80,
    [],
    {},
    ["yes"],
    "half \ud800",
]
Getter = Callable[[object, str], object]


@pytest.mark.parametrize("bad", NOT_ANSWERS, ids=repr)
@pytest.mark.parametrize(
    "getter",
    [fields.text, fields.identifier, fields.integer, fields.number, fields.answer, fields.flag],
)
def test_no_getter_makes_words_or_numbers_of_what_is_neither(getter: Getter, bad: object) -> None:
    with pytest.raises(FieldError, match="answer"):
        getter({"answer": bad}, "answer")


@pytest.mark.parametrize(
    ("getter", "written", "result"),
    [
        (fields.text, "", ""),
        (fields.identifier, 7, "7"),
        (fields.identifier, "a7", "a7"),
        (fields.integer, "12", 12),
        (fields.integer, 12.0, 12),
        (fields.number, "1.5", 1.5),
        (fields.number, 2, 2.0),
        (fields.answer, 3, "3"),
        (fields.answer, 0.5, "0.5"),
        (fields.answer, True, "True"),
        (fields.flag, 1, True),
        (fields.optional_text, None, ""),
        (fields.text_list, ["a", ""], ("a", "")),
        (fields.answer_list, ["a", 1], ("a", "1")),
    ],
)
def test_each_getter_takes_what_releases_write(
    getter: Getter, written: object, result: object
) -> None:
    assert getter({"value": written}, "value") == result


@pytest.mark.parametrize(
    ("record", "path", "message"),
    [
        ({"a": None}, ("a",), "a is null, not a text"),
        ({"a": True}, ("a",), "a is true, not a text"),
        ({"a": float("nan")}, ("a",), "a is NaN, not a text"),
        ({"a": {"b": [3]}}, ("a", "b", 0), r"a\.b\[0\] is 3, not a text"),
        ({"a": []}, ("a", 0), r"there is no a\[0\]"),
        ({}, ("a",), "there is no a"),
        ([], ("a",), "it is a list, not an object"),
        ({"a": "\udc00"}, ("a",), r"a contains half of a character, U\+DC00"),
    ],
)
def test_the_error_names_the_field_and_what_is_there(
    record: object, path: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(FieldError, match=f"^{message}$"):
        fields.text(record, *path)


def test_a_record_that_cannot_be_read_is_a_broken_row_that_names_file_and_field() -> None:
    records: list[tuple[int, Any] | BrokenRow] = [
        (1, {"q": "Why?"}),
        (2, {"q": None}),
        BrokenRow("k", "r", "d"),
    ]
    good, bad, broken = read_records(Path("d/x.json"), records, lambda row: fields.text(row, "q"))
    assert good == "Why?"
    detail = "record 2 of d/x.json: q is null, not a text"
    assert bad == BrokenRow("x.json:2", "malformed_record", detail)
    assert broken == records[2]
    rows = read_row_lists(Path("x"), [(1, ["a", "b"])], fields.text_list)
    assert list(rows) == ["a", "b"]


def test_a_repeated_key_costs_each_record_that_has_it_and_is_counted() -> None:
    content = parse_json(b'{"7": {"q": "a"}, "7": {"q": "b"}, "8": {"q": "c", "q": "d"}, "9": {}}')
    rows = list(read_records(Path("x"), content.items(), lambda row: fields.text(row, "q")))
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == [
        *("repeated_key", "repeated_key", "malformed_record", "malformed_record")
    ]
    assert isinstance(rows[2], BrokenRow)
    assert "written 2 times" in rows[2].detail


LONG = "1" * 5000
DEEP = "[" * 100_000 + "]" * 100_000


def test_an_endless_integer_costs_its_record_alone(tmp_path: Path) -> None:
    records = f'[{{"id": {LONG}}}, {{"id": 2}}]'
    path = tmp_path / "x.json"
    path.write_text(records)
    lines = tmp_path / "x.jsonl"
    lines.write_text(f'{{"id": {LONG}}}\n{{"id": 2}}\n')
    stream = tmp_path / "y.json"
    stream.write_text(f'{{"rows": {records}}}')

    def parsed(records: Any) -> list[object]:
        rows = read_records(path, records, lambda record: fields.integer(record, "id"))
        return [row.detail if isinstance(row, BrokenRow) else row for row in rows]

    for pairs in (
        enumerate(load_json(path)),
        json_lines(lines),
        enumerate(json_field_values(stream, "rows")),
    ):
        bad, good = parsed(pairs)
        assert "id is an integer of 5,000 digits, not an integer" in str(bad)
        assert good == 2


def test_deep_nesting_is_refused_or_costs_its_record_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text(DEEP)
    with pytest.raises(ReleaseError, match=r"deep\.json"):
        load_json(path)
    path.write_text(f'{{"rows": [{DEEP}, {{"id": 2}}]}}')
    records = enumerate(json_field_values(path, "rows"))
    broken, good = read_records(path, records, lambda record: fields.integer(record, "id"))
    assert isinstance(broken, BrokenRow)
    assert (broken.reason, good) == ("malformed_record", 2)
    assert "nested too deeply" in broken.detail
    path.write_text(f'{DEEP}\n{{"a": 1}}\n')
    first, second = json_lines(path)
    assert isinstance(first, BrokenRow)
    assert first.reason == "malformed_json"
    assert second == (2, {"a": 1})


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(json.dumps({"rows": [1]}), encoding="utf-8-sig")
    assert load_json(path) == {"rows": [1]}
    assert list(json_lines(path)) == [(1, {"rows": [1]})]
    assert list(json_field_values(path, "rows")) == [1]
    path.write_text("a\r\n\n b\u2028c \n", encoding="utf-8-sig")
    assert text_lines(path) == ["a", "b\u2028c"]


def test_a_list_with_zero_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"a 1\nb\0\0\0\0\0\0 3\n")
    for read in (text_lines, load_text):
        with pytest.raises(ReleaseError, match=r"line 2 of .*list\.txt contains zero bytes"):
            read(path)


@pytest.mark.parametrize("name", ["list.txt", "list.txt.gz"])
def test_an_empty_file_is_refused_unless_it_may_be_empty(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"") if path.suffix == ".gz" else b"")
    for read in (text_lines, load_text, lambda path: list(json_lines(path))):
        with pytest.raises(ReleaseError, match=rf"{name} is empty: download it again"):
            read(path)
    with open_text(path, may_be_empty=True) as stream:
        assert stream.read() == ""


def test_bytes_that_are_not_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"good\nb\xe9d\n")
    for read in (text_lines, load_json):
        with pytest.raises(ReleaseError, match="x is not UTF-8: byte 2 of line 2 is 0xe9"):
            read(path)
    path.write_bytes(b'{"a": 1}\n{"a": "\xe9"}\n')
    assert [type(line) for line in json_lines(path)] == [tuple, BrokenRow]


@pytest.mark.parametrize("size", [21, 40, 41, 100])
def test_a_line_that_is_too_long_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(layouts, "MAX_VALUE", 20)
    path = tmp_path / "x.jsonl"
    longest, longer = ('"' + "a" * (length - 3) + '"\n' for length in (20, size))
    path.write_text(f"{longest}{longer}{longest}{longer}")
    first, second, third, fourth = json_lines(path)
    assert (first, third) == ((1, "a" * 17), (3, "a" * 17))
    for number, line in ((2, second), (4, fourth)):
        assert isinstance(line, BrokenRow)
        assert line.detail == f"line {number} of {path}: it has more than 20 bytes"


def test_a_file_name_keeps_blanks_at_its_ends_only_if_there_is_such_a_file(tmp_path: Path) -> None:
    (tmp_path / " a.png ").touch()
    assert inside(tmp_path, " a.png ") == tmp_path / " a.png "
    assert inside(tmp_path, " b.png ") == tmp_path / "b.png"
    assert inside(tmp_path, "/sub\\c.png") == tmp_path / "sub/c.png"
    assert not inside(tmp_path, "a\0b").exists()


def test_blanks_at_the_ends_of_a_directory_name_are_not_part_of_the_label(tmp_path: Path) -> None:
    (tmp_path / " cat ").mkdir()
    (tmp_path / " cat " / " a.png").touch()
    (image,) = class_folders(tmp_path)
    assert (image.label, image.image) == ("cat", tmp_path / " cat " / " a.png")
