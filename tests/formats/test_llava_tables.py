"""Parquet of LLaVA's conversations, with one image in a column, is read like JSON of them."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.helpers.board import board_image
from tests.helpers.llava_release import import_directory, talk


def row(number: int, image: Any, *turns: str, source: str = "vqa") -> dict[str, Any]:
    """Return a row as LLaVA-OneVision's data has it."""
    return {"id": f"r{number}", "image": image, "data_source": source, **talk(*turns)}


def test_rows_with_an_image_and_without_are_read(tmp_path: Path) -> None:
    images = [{"bytes": board_image(number), "path": f"{number}.jpg"} for number in range(3)]
    rows = [
        row(0, images[0], "<image>\nWhat?", "A board."),
        row(1, None, "One and one?", "Two.", source="text"),
        row(
            2,
            {"bytes": images[1]["bytes"], "path": None},
            "<image>\nWhat?",
            "A board.",
            "Why?",
            "So.",
        ),
        row(3, images[2], "No marker?", "No."),
        row(4, {"bytes": None, "path": None}, "<image>\nWhat?", "Nothing."),
    ]
    path = tmp_path / "d/onevision/train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{**one, "note": 1} for one in rows]), path)
    build, ledger = import_directory(tmp_path / "d")
    instances = list(build.instances())
    assert [[turn.text for turn in one.turns] for one in instances] == [
        ["One and one?", "Two."],
        ["<image>\nWhat?", "A board."],
        ["<image>\nWhat?", "A board.", "Why?", "So."],
    ]
    assert [build.image(one.images[0]) for one in instances[1:]] == [
        images[0]["bytes"], images[1]["bytes"],
    ]  # fmt: skip
    assert set(build.tasks) == {"lab/vqa", "lab/text"}
    assert sorted((line["kind"], line["reason"]) for line in ledger) == [
        ("dropped", "image_missing"), ("dropped", "image_token_mismatch"),
        ("note", "columns_left_out"),
    ]  # fmt: skip
