"""An import downloads nothing: a record whose image is a web address is dropped with its reason."""

import json
from pathlib import Path

import pytest

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
