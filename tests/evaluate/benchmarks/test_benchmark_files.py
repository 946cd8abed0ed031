"""Truncated images and tables of a benchmark are refused."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from visionflan.drawing import canvas
from visionflan.errors import ReleaseError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import BenchmarkRow
from visionflan.evaluate.benchmark_files import image_error, reading_text, require_rows
from visionflan.layouts.arrays import write_idx, write_pickle


def encoded(form: str, mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    canvas("whole", form).convert(mode).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_an_image_that_was_cut_is_distinguished_from_one_that_is_complete(form: str) -> None:
    content = encoded(form)
    assert image_error(content) == ""
    for share in (0, 0.01, 0.3, 0.5, 0.9):
        assert image_error(content[: int(share * len(content))])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_every_kind_of_pixel_is_complete(mode: str) -> None:
    assert image_error(encoded("PNG", mode)) == ""


def test_an_image_that_only_lacks_its_closing_mark_can_be_read() -> None:
    assert image_error(encoded("PNG")[:-12]) == ""


def test_a_page_is_no_image() -> None:
    assert "cannot identify" in image_error(b"<html>moved</html>")


def test_nothing_is_not_passed_on() -> None:
    assert list(require_rows("here", [1, 2])) == [1, 2]
    with pytest.raises(ReleaseError, match="here is empty"):
        list(require_rows("here", []))


def test_bytes_that_are_no_text_are_reported_with_their_file() -> None:
    with pytest.raises(ReleaseError, match="here is incomplete or corrupted"), reading_text("here"):
        b"\xff".decode()


def specimen(name: str, root: Path) -> Path:
    write = benchmarks.load(name).write_specimen
    assert write
    write(root)
    return root


def rows(name: str, root: Path) -> list[BenchmarkRow]:
    return list(benchmarks.load(name).rows(root))


def test_an_image_that_was_cut_before_it_was_put_into_a_table_is_reported_by_its_row(
    tmp_path: Path,
) -> None:
    path = specimen("mmbench", tmp_path) / "mmbench_dev_20230712.tsv"
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    column = lines[0].index("image")
    content = encoded("JPEG")
    lines[3][column] = base64.b64encode(content[: len(content) // 2]).decode()
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    with pytest.raises(ReleaseError, match=r"20230712\.tsv, row 4 is not an image or is truncated"):
        rows("mmbench", tmp_path)


def test_a_row_of_too_many_cells_is_refused(tmp_path: Path) -> None:
    path = specimen("mmbench", tmp_path) / "mmbench_dev_20230712.tsv"
    path.write_text(path.read_text().rstrip("\n") + "\tmore\n")
    with pytest.raises(ReleaseError, match=r"line 13 .* has 12 cells, but the header has 11"):
        rows("mmbench", tmp_path)


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    path = specimen("mmmu", tmp_path) / "Art" / "validation-00000-of-00001.parquet"
    table = pq.ParquetFile(path).read()
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(ReleaseError, match=r"Art/validation-.*\.parquet is empty"):
        rows("mmmu", tmp_path)
    pq.write_table(table.drop_columns(["image_5"]), path)
    with pytest.raises(ReleaseError, match=r"Art/validation-.* has no column image_5"):
        rows("mmmu", tmp_path)


@pytest.mark.parametrize("content", [{"bytes": b"", "path": "x.png"}, {"bytes": b"\x89PNG\r\n"}])
def test_a_cell_without_a_complete_image_is_refused(
    content: dict[str, object], tmp_path: Path
) -> None:
    path = specimen("mmmu", tmp_path) / "Math" / "validation-00000-of-00001.parquet"
    table = pq.ParquetFile(path).read()
    (line,) = table.to_pylist()
    line["image_1"] = content
    pq.write_table(type(table).from_pylist([line], schema=table.schema), path)
    with pytest.raises(ReleaseError, match=r"question validation_Math_1 is not an image"):
        rows("mmmu", tmp_path)


def test_fewer_images_than_labels_are_refused(tmp_path: Path) -> None:
    path = specimen("cifar10", tmp_path) / "cifar-10-batches-py" / "test_batch"
    pixels = bytes(range(256)) * 12
    data = np.frombuffer(pixels, np.uint8).reshape(1, 3072)
    write_pickle(path, {"labels": [0, 1], "data": data})
    with pytest.raises(ReleaseError, match=r"test_batch does not have one of `labels`"):
        rows("cifar10", tmp_path)


def test_as_many_labels_as_images_may_not_be_none(tmp_path: Path) -> None:
    specimen("mnist", tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((0, 28, 28), np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.zeros(0, np.uint8))
    with pytest.raises(ReleaseError, match="t10k-labels-idx1-ubyte is empty"):
        rows("mnist", tmp_path)


def test_a_list_of_names_alone_is_refused(tmp_path: Path) -> None:
    path = specimen("miniimagenet", tmp_path) / "test.csv"
    path.write_text("filename,label\n")
    with pytest.raises(ReleaseError, match=r"test\.csv is empty"):
        rows("miniimagenet", tmp_path)


def test_questions_that_were_lost_are_missed_by_their_answers(tmp_path: Path) -> None:
    path = specimen("llava_bench", tmp_path) / "questions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ReleaseError, match=r"questions\.jsonl lacks the question 5"):
        rows("llava_bench", tmp_path)


def test_an_object_without_questions_is_refused(tmp_path: Path) -> None:
    path = specimen("mm_vet", tmp_path) / "mm-vet.json"
    path.write_text("{}")
    with pytest.raises(ReleaseError, match=r"mm-vet\.json must be an object of questions"):
        rows("mm_vet", tmp_path)
