"""Lists of URLs are read in the forms of img2dataset, and from the ledgers of imports."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.llava_release import import_directory, record, write_release
from visionflan import catalog
from visionflan.cli.main import main
from visionflan.errors import ReleaseError, UnknownNameError
from visionflan.fetch.dataset_lists import dataset_lists
from visionflan.fetch.shard_log import UrlEntry
from visionflan.fetch.url_list import ListColumns, read_url_list
from visionflan.image_sources import containing_file

A, B = "https://example.org/a.jpg", "https://example.org/b,c.jpg"
ROWS = [{"url": A, "caption": "an a", "id": 7}, {"url": B, "caption": 'a "b"', "id": 8}]


def write_csv(path: Path) -> None:
    path.write_text(f'id,caption,url\n7,an a,{A}\n8,"a ""b""","{B}"\n')


def write_tsv(path: Path) -> None:
    path.write_text(f'caption\turl\tid\nan a\t{A}\t7\na "b"\t{B}\t8\n')


WRITERS: dict[str, Callable[[Path], object]] = {
    "list.csv": write_csv,
    "list.tsv": write_tsv,
    "list.tsv.gz": lambda path: path.write_bytes(
        gzip.compress(f'caption\turl\tid\nan a\t{A}\t7\na "b"\t{B}\t8\n'.encode())
    ),
    "list.json": lambda path: path.write_text(json.dumps(ROWS)),
    "list.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    "list.parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_each_form_has_the_same_rows(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    columns = ListColumns(id="id", caption="caption")
    for path in (tmp_path / name, tmp_path):
        assert list(read_url_list(path, columns)) == [
            UrlEntry(0, A, name="7", caption="an a"),
            UrlEntry(1, B, name="8", caption='a "b"'),
        ]


def test_text_and_tables_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{A}\r\n\n{B}\n")
    assert list(read_url_list(tmp_path / "list.txt", ListColumns())) == [
        UrlEntry(0, A),
        UrlEntry(1, B),
    ]
    (tmp_path / "cc.tsv").write_text(f'a "quoted caption\t{A}\n\nanother\t{B}\n')
    rows = [(entry.row, entry.url) for entry in read_url_list(tmp_path / "cc.tsv", ListColumns())]
    assert rows == [(0, A), (1, ""), (2, B)]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([{"image": A}, {"image": "local.jpg"}, {"text": 1}], [A]),
        ([{"images": [A, {"url": B}, {"path": "x.jpg"}]}], [A, B]),
        ([{"image_url": A}, {"image_url": None}, 3], [A, "", ""]),
        ([{"url": f' "{A}" '}, {"url": "http://a/\ud800"}], [A, "http://a/\\ud800"]),
    ],
)
def test_records_name_images_in_many_ways(
    records: list[Any], expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "train.json").write_text(json.dumps(records))
    entries = list(read_url_list(tmp_path / "train.json", ListColumns()))
    assert [entry.url for entry in entries] == expected
    assert [entry.row for entry in entries] == list(range(len(expected)))


def test_the_ledger_of_an_import_has_the_images_on_the_web(tmp_path: Path) -> None:
    records = [record("0.jpg"), record(A), record("none.jpg"), record(B)]
    build, _ = import_directory(write_release(tmp_path / "release", records))
    entries = list(read_url_list(build.path, ListColumns()))
    assert [entry.url for entry in entries] == [A, B]


def test_what_is_no_list_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text(f"address\n{A[8:]}\n")
    with pytest.raises(UnknownNameError, match="name one of address by --url-column"):
        list(read_url_list(tmp_path / "list.csv", ListColumns()))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReleaseError, match="is not a Parquet table"):
        list(read_url_list(tmp_path / "bad.parquet", ListColumns()))
    with pytest.raises(ReleaseError, match="does not exist"):
        list(read_url_list(tmp_path / "none", ListColumns()))
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(ReleaseError, match="name a file of txt, csv, tsv"):
        list(read_url_list(tmp_path / "notes.md", ListColumns()))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReleaseError, match="has no list of URLs"):
        list(read_url_list(tmp_path / "empty", ListColumns()))
    (tmp_path / "local.json").write_text(json.dumps([{"image": "a.jpg"}]))
    assert main(["fetch", str(tmp_path / "local.json"), "--out", str(tmp_path / "out")]) == 1
    assert "the list names no image to download" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["urls.txt"],
        ["urls.txt", "--out", "a", "--data-root", "b"],
        ["--dataset", "wit", "--out", "a"],
        ["--dataset", "wit"],
        ["--demo", "--out", "a"],
    ],
)
def test_wrong_usage_has_exit_code_2(arguments: list[str]) -> None:
    assert main(["fetch", *arguments]) == 2


PUBLISHED_AS_URLS = ("conceptual_captions", "ocr_vqa", "redcaps", "vqg", "wit")


@pytest.mark.parametrize("name", PUBLISHED_AS_URLS)
def test_images_of_a_dataset_go_where_its_reader_looks(name: str, tmp_path: Path) -> None:
    dataset = catalog.load(name)
    dataset.write_specimen(tmp_path, 12)
    destinations: dict[Path, str] = {}
    for images in dataset_lists(name, tmp_path):
        for entry in images.read():
            indexed = f"{entry.row // 10_000:05}/{entry.row:09}.jpg"
            destinations[images.out / (entry.path or indexed)] = entry.url
    assert all(url.startswith("http") for url in destinations.values())
    if name in ("conceptual_captions", "wit"):  # whose reader compares the URLs with the tables
        shutil.rmtree(tmp_path / "images")
    read = {containing_file(row.image) for row in dataset.rows(tmp_path)}
    assert read
    assert {path for path in read if path.parent.name != "train2014"} == destinations.keys()


def test_a_dataset_with_images_is_not_published_as_urls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fetch", "--dataset", "caltech101", "--data-root", str(tmp_path)]
    assert main(arguments) == 1
    assert "caltech101 is not published as URLs" in capsys.readouterr().err
    assert main(["fetch", "--dataset", "wit", "--data-root", str(tmp_path)]) == 1
    assert "it must contain the lists of wit" in capsys.readouterr().err
