"""Large JSON files are streamed with the same result as loading them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.errors import ReleaseError
from visionflan.layouts import json_stream
from visionflan.layouts.json_stream import (
    CHUNK,
    MAX_LOOKBACK,
    json_field_values,
    json_members,
    json_values,
)

NAMES = st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(NAMES, SCALARS, max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "large.json"


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
@settings(max_examples=50, deadline=None)
@given(content=st.lists(VALUES, max_size=4), indent=st.none() | st.integers(0, 2))
def test_a_list_is_read_as_json_reads_it(
    path: Path, chunk: int, content: list[object], indent: int | None
) -> None:
    path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_values(path)) == content


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
@settings(max_examples=50, deadline=None)
@given(content=st.dictionaries(NAMES, VALUES, max_size=4))
def test_an_object_is_read_as_json_reads_it(
    path: Path, chunk: int, content: dict[str, object]
) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_members(path)) == list(content.items())


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
def test_lists_one_after_the_other_are_all_read(path: Path, chunk: int) -> None:
    path.write_text('[1, "]"]\n\n[] [{"a": [2]}]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_values(path)) == [1, "]", {"a": [2]}]
    path.write_text('{"a": 1}\n{"b": 2}')
    assert list(json_members(path)) == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("text", ["[1, 2] x", "[1], [2]", "[1]]", "[1] {}"])
def test_what_follows_a_list_is_refused_by_name(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ReleaseError, match=r"large\.json goes on after its end"):
        list(json_values(path))


@pytest.mark.parametrize("chunk", [7, CHUNK])
def test_a_value_of_too_many_levels_costs_itself_alone(path: Path, chunk: int) -> None:
    deep = "[" * 50_000 + r'"]\"]"' + "]" * 50_000
    path.write_text(f'[1, {deep}, {{"a": {deep}}}, 2]')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        first, *broken, last = json_values(path)
    assert (first, last) == (1, 2)
    assert [value.description for value in broken] == ["nested too deeply"] * 2
    path.write_text(f"[1, {deep[:-1]}")
    with pytest.raises(ReleaseError, match=r"large\.json is incomplete"):
        list(json_values(path))


@pytest.mark.parametrize("text", ["", "{}", '"[', "[1, 2", '[{"a": 1}, {"a"', "[x]", "[1 :"])
def test_a_file_that_is_not_a_complete_list_is_refused_by_name(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"large\.json"):
        list(json_values(path))


def test_an_error_far_from_the_end_is_reported_with_the_text_near_it(path: Path) -> None:
    text = '{"a": 1, "b": oops, "c": "' + "x" * (MAX_LOOKBACK + CHUNK) + '"}'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"near .*oops"):
        list(json_members(path))


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
def test_a_value_of_several_chunks_is_read(path: Path, chunk: int) -> None:
    values = [list(range(200)), "x" * 500, {"a": [{}] * 50}]
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_values(path)) == values


def test_a_value_that_is_too_large_is_refused(path: Path) -> None:
    path.write_text(json.dumps([1, list(range(200))]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", 10)
        patch.setattr(json_stream, "MAX_VALUE", 100)
        problem = r"large\.json has a value of more than 100 characters after value 1"
        with pytest.raises(ReleaseError, match=problem):
            list(json_values(path))


def test_a_text_of_megabytes_is_read(path: Path) -> None:
    values = [1, {"text": "x" * (5 * MAX_LOOKBACK)}, 2]
    path.write_text(json.dumps(values), encoding="utf-8")
    assert list(json_values(path)) == values


@given(values=st.lists(VALUES, max_size=6), chunk=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_the_list_under_a_name_is_read_as_json_reads_it(
    path: Path, values: list[object], chunk: int
) -> None:
    path.write_text(json.dumps({"info": {"values": 1}, "values": values, "after": [1]}, indent=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(json_field_values(path, "values")) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"questions": [{"a": 1}, {"a": ', "is incomplete: .* after value 1, near '.*{\"a\": '"),
        ('{"annotations": []}', "is incomplete: it has no list 'questions'"),
        ('{"questions": [{"a": 1}, {a: 2}]}', "is incomplete: .* after value 1, near '.*{a: 2}"),
        ('{"questions": [{"a": 1}, {a: 2}' + ' , {"a": 3}' * 200_000 + "]}", "is not valid JSON"),
    ],
)
def test_a_file_that_is_cut_off_or_malformed_is_refused_by_name(
    text: str, message: str, path: Path
) -> None:
    path.write_text(text)
    with pytest.raises(ReleaseError, match=f"{path} {message}"):
        list(json_field_values(path, "questions"))


def test_bytes_that_are_not_text_are_refused_by_name(path: Path) -> None:
    path.write_bytes(b'{"questions": [\xff')
    with pytest.raises(ReleaseError, match=f"{path} is not UTF-8: byte 16 of line 1 is 0xff"):
        list(json_field_values(path, "questions"))
