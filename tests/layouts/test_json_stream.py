"""Large JSON files are read part by part just as they would be read whole."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visionflan.errors import ReleaseError
from visionflan.layouts import json_stream as layouts_json
from visionflan.layouts.json_stream import CHUNK, FAR, json_members, json_values

NAMES = st.text(max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(NAMES, SCALARS, max_size=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "large.json"


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
@settings(max_examples=50, deadline=None)
@given(written=st.lists(VALUES, max_size=4), indent=st.none() | st.integers(0, 2))
def test_a_list_is_read_as_json_reads_it(
    path: Path, chunk: int, written: list[object], indent: int | None
) -> None:
    path.write_text(json.dumps(written, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts_json, "CHUNK", chunk)
        assert list(json_values(path)) == written


@pytest.mark.parametrize("chunk", [1, 7, CHUNK])
@settings(max_examples=50, deadline=None)
@given(written=st.dictionaries(NAMES, VALUES, max_size=4))
def test_an_object_is_read_as_json_reads_it(
    path: Path, chunk: int, written: dict[str, object]
) -> None:
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts_json, "CHUNK", chunk)
        assert list(json_members(path)) == list(written.items())


@pytest.mark.parametrize("text", ["", "{}", '"[', "[1, 2", '[{"a": 1}, {"a"', "[x]", "[1 :"])
def test_a_file_that_is_no_whole_list_is_refused_by_name(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"large\.json"):
        list(json_values(path))


def test_a_fault_far_from_the_end_is_named_with_what_stands_near_it(path: Path) -> None:
    path.write_text('{"a": 1, "b": oops, "c": "' + "x" * (FAR + CHUNK) + '"}', encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"near .*oops"):
        list(json_members(path))
