"""Records as LLaVA publishes them, and small releases of them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image
from visionflan.cli.main import main
from visionflan.formats.importing import find_release, import_release
from visionflan.storage.directory import BuildDirectory


def record(image: Any = "0.jpg", **more: Any) -> dict[str, Any]:
    """Return a record as LLaVA publishes one."""
    return {
        "id": "1",
        "image": image,
        "conversations": [
            {"from": "human", "value": "<image>\nWhat is this?"},
            {"from": "gpt", "value": "A board."},
        ],
        **more,
    }


def talk(*turns: str) -> dict[str, Any]:
    """Return the turns of a record."""
    roles = ("human", "gpt")
    return {
        "conversations": [{"from": roles[n % 2], "value": turn} for n, turn in enumerate(turns)]
    }


def write_release(directory: Path, records: Any, name: str = "annotations.json") -> Path:
    """Write a release with four images, and one that is cut off."""
    (directory / "images").mkdir(parents=True)
    for number in range(4):
        (directory / f"images/{number}.jpg").write_bytes(board_image(number))
    (directory / "images/cut.jpg").write_bytes(board_image(5)[:-100])
    text = records if isinstance(records, str) else json.dumps(records)
    (directory / name).write_text(text)
    return directory


def import_directory(directory: Path, **more: Any) -> tuple[BuildDirectory, list[dict[str, Any]]]:
    """Import a release and return the build and its ledger."""
    import_release(find_release(directory), directory / "build", name="lab", **more)
    ledger = pq.read_table(directory / "build/ledger.parquet").to_pylist()
    return BuildDirectory(directory / "build", verify=True), ledger


def import_command(path: Path, *options: str) -> int:
    """Import a release by the command; return its exit code."""
    return main(["import", str(path), "--out", str(path.parent / "imported"), *options])


def error_of(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return the error of an import that must fail in one sentence and leave nothing."""
    assert import_command(path, *options) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert not (path.parent / "imported").exists()
    return errors[0]
