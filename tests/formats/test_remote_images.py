"""An import downloads nothing: a record whose image is a web address is dropped with its reason."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image
from tests.helpers.llava_release import import_directory, record, write_release

ADDRESS = "https://example.org/cat.jpg"


def swift_record(image: str) -> dict[str, object]:
    return {
        "messages": [
            {"role": "user", "content": "<image>What is this?"},
            {"role": "assistant", "content": "A board."},
        ],
        "images": [image],
    }


@pytest.mark.parametrize("name", ["annotations.json", "train.jsonl"])
def test_a_web_address_costs_its_record(tmp_path: Path, name: str) -> None:
    if name.endswith(".jsonl"):
        rows = [swift_record(f"images/{number}.jpg") for number in range(4)]
        lines = "\n".join(map(json.dumps, [*rows, swift_record(ADDRESS)]))
        release = write_release(tmp_path / "swift", lines, name)
    else:
        records = [record(f"{number}.jpg", id=str(number)) for number in range(4)]
        release = write_release(tmp_path / "llava", [*records, record(ADDRESS, id="web")], name)
    build, ledger = import_directory(release)
    assert len(build.instances()) == 4
    dropped = [row for row in ledger if row["kind"] == "dropped"]
    assert [(row["reason"], ADDRESS in row["detail"]) for row in dropped] == [
        ("remote_image", True)
    ]


def test_a_cell_with_a_web_address_and_no_image_costs_its_row(tmp_path: Path) -> None:
    text = {"user": "What?", "assistant": "A board."}
    rows = [
        {"images": [{"bytes": board_image(0), "path": ADDRESS}], "texts": [text]},
        {"images": [{"bytes": None, "path": ADDRESS}], "texts": [text]},
    ]
    (tmp_path / "d").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d/train-0.parquet")
    build, ledger = import_directory(tmp_path / "d")
    assert len(build.instances()) == 1
    (dropped,) = [row for row in ledger if row["kind"] == "dropped"]
    assert dropped["reason"] == "remote_image"
    assert "visionflan fetch" in dropped["detail"]


def test_the_reason_has_the_address_for_the_command_that_downloads(tmp_path: Path) -> None:
    long = f"{ADDRESS}?{'x' * 1000}"
    _, ledger = import_directory(write_release(tmp_path / "r", [record(), record(long)]))
    assert ledger[0]["detail"] == f"{long}: download it by `visionflan fetch`"
