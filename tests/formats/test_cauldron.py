"""Parquet of the Cauldron and FineVision is read with all its columns, or they are named."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.board import board_image
from tests.helpers.llava_release import error_of, import_directory
from tests.helpers.small_exports import write_exports
from visionflan.formats.exporting import export

PAIR = {"user": "What?", "assistant": "A board.", "source": "lab"}


def row(number: int, **more: Any) -> dict[str, Any]:
    """Return a row of the Cauldron."""
    return {"images": [{"bytes": board_image(number), "path": None}], "texts": [PAIR], **more}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def test_all_images_come_before_the_first_question(tmp_path: Path) -> None:
    two = row(0)["images"] + row(1)["images"]
    write(
        tmp_path / "d/train-00000-of-00001.parquet",
        row(0, images=two, texts=[PAIR, {**PAIR, "user": "And?", "assistant": "So."}]),
        row(2, texts=[{**PAIR, "user": "Is <image> a board?"}]),
        row(3, images=[], texts=[PAIR]),
        row(1, texts=[{**PAIR, "user": ""}]),
    )
    build, ledger = import_directory(tmp_path / "d")
    assert not ledger
    assert [[turn.text for turn in one.turns] for one in build.instances()] == [
        ["<image>\n<image>\nWhat?", "A board.", "And?", "So."],
        ["Is <image> a board?", "A board."],
        ["What?", "A board."],
        ["<image>", "A board."],
    ]
    assert {one.task for one in build.instances()} == {"lab/lab"}


def test_ratings_are_named_as_left_out_once_a_file(tmp_path: Path) -> None:
    ratings = {"source": "vqa", "relevance_ratings": [5], "relevance_min": 5}
    for number in range(2):
        rows = [row(2 * number, **ratings), row(2 * number + 1, **ratings)]
        write(tmp_path / f"d/train-{number}.parquet", *rows)
    build, ledger = import_directory(tmp_path / "d")
    assert set(build.tasks) == {"lab/vqa"}
    assert [line["reason"] for line in ledger] == ["columns_left_out"] * 2
    assert ledger[0]["detail"].endswith("train-0.parquet: relevance_ratings, relevance_min")


def test_the_directories_of_all_sources_are_read_together(tmp_path: Path) -> None:
    write(tmp_path / "d/ai2d/train-0.parquet", row(0))
    write(tmp_path / "d/vqa/train-0.parquet", row(1, texts=[{**PAIR, "source": "vqa"}]))
    write(tmp_path / "d/vqa/test-0.parquet", row(2))
    build, ledger = import_directory(tmp_path / "d")
    assert set(build.tasks) == {"lab/lab", "lab/vqa"}
    assert [(line["reason"], line["key"]) for line in ledger] == [("unread_file", "test-0.parquet")]


def test_bad_rows_have_their_reasons(tmp_path: Path) -> None:
    bad = [
        row(1, texts=[]),
        row(1, texts=None),
        row(1, texts=[{**PAIR, "assistant": None}]),
        row(1, texts=[{**PAIR, "assistant": " "}]),
        row(1, texts=[{**PAIR, "user": "<image><image>"}]),
        row(1, images=[{"bytes": None, "path": "x"}]),
    ]
    write(tmp_path / "d/a.parquet", row(0), *bad)
    build, ledger = import_directory(tmp_path / "d")
    assert len(build.instances()) == 1
    assert sorted(line["reason"] for line in ledger) == sorted(
        ["malformed_conversation"] * 3 + ["empty_target", "image_token_mismatch", "image_missing"]
    )


def test_a_text_that_is_not_utf_8_costs_its_row(tmp_path: Path) -> None:
    path = write(tmp_path / "d/a.parquet", *(row(n, source=f"source{n}") for n in range(3)))
    table = pq.read_table(path)
    damaged = pa.array([b"ok", b"\xff", b"ok"]).cast(pa.string(), safe=False)
    pq.write_table(table.set_column(2, "source", damaged), path, use_dictionary=False)
    build, ledger = import_directory(tmp_path / "d")
    assert len(build.instances()) == 2
    assert [(line["reason"], line["key"]) for line in ledger] == [
        ("invalid_utf8", "a.parquet: row 1")
    ]


def test_a_truncated_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "d/a.parquet", row(0))
    path.write_bytes(path.read_bytes()[:-20])
    assert "truncated Parquet" in error_of(path, capsys)


def test_datasets_loads_images_and_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    build = write_exports(tmp_path / "exports").build
    export(build, tmp_path / "out", "cauldron")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    for split, table in loaded.items():
        instances = {one.id: one for one in build.instances(split)}
        assert sorted(table["id"][:]) == sorted(instances)
        for loaded_row in table:
            one = instances[loaded_row["id"]]
            sizes = [image.size for image in loaded_row["images"]]
            assert sizes == [build.image_header(image)[:2] for image in one.images]
            answers = [pair["assistant"] for pair in loaded_row["texts"]]
            assert answers == [turn.text for turn in one.exchanges[1::2]]
            assert {pair["source"] for pair in loaded_row["texts"]} == {"drawn+color"}
