"""Files in forms that are not imported are refused by the names of these."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.llava_release import error_of, import_directory, record, write_release


def write_parquet(path: Path, **columns: list[Any]) -> None:
    pq.write_table(pa.table(columns), path)


def write_tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add(__file__, "0001.jpg")


FORMS: dict[str, tuple[str, str]] = {
    "wrapped.json": (json.dumps({"data": [record()]}, indent=1), "its list under `data`"),
    "one_line.json": (json.dumps({"data": [record()]}), "its list under `data`"),
    "record.json": (json.dumps(record(), indent=1), "write its records as a JSON list"),
    "object.json": (json.dumps({"a": {"b": 1}}, indent=1), "one JSON object"),
    "empty.json": ("", "is empty"),
    "blank.json": (" \n\n", "is empty"),
    "other.yaml": ("a: 1\n", "YAML"),
}


@pytest.mark.parametrize("name", FORMS)
def test_another_form_is_refused_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content, form = FORMS[name]
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_text(content)
    for path in (tmp_path / "d" / name, tmp_path / "d"):
        error = error_of(path, capsys)
        assert form in error
        assert name in error


def test_a_build_directory_needs_no_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build, _ = import_directory(write_release(tmp_path / "release", [record()]))
    assert "is a build directory already" in error_of(build.path, capsys)


def test_binary_forms_are_refused_by_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d").mkdir()
    path = tmp_path / "d/train-0.parquet"
    write_parquet(path, images=[[{"bytes": b"x"}]], labels=[7])
    for wrong in (path, path.parent):
        assert "columns `images`, `labels`" in error_of(wrong, capsys)
    path.write_bytes(b"PAR1 and nothing more")
    assert "truncated Parquet" in error_of(path, capsys)
    path.unlink()
    write_tar(tmp_path / "d/shard.tar")
    for wrong in (tmp_path / "d/shard.tar", tmp_path / "d"):
        assert "a tar archive" in error_of(wrong, capsys)
