"""The records of a list are written beside their images: none replaced, none with another image."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.board import board_image
from tests.helpers.image_server import ImageServer
from tests.helpers.llava_release import record
from visionflan.cli.main import main


def download(path: Path, out: Path, *options: str) -> int:
    """Run the command with a server on this machine."""
    return main(["fetch", str(path), "--out", str(out), "--allow-private-hosts", *options])


def write(path: Path, records: Sequence[Any]) -> bytes:
    """Write records as a JSON list or JSON lines, by the name; return the bytes."""
    path.parent.mkdir(exist_ok=True)
    is_list = path.suffix == ".json"
    path.write_text(json.dumps(records) if is_list else "\n".join(map(json.dumps, records)))
    return path.read_bytes()


def read_records(path: Path) -> list[Any]:
    """Return the records of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_record_has_its_own_image_however_its_url_is_written(
    server: ImageServer, tmp_path: Path
) -> None:
    urls = [server.url(f"{number}.jpg") for number in range(4)]
    values = [f'"{urls[0]}"', f" {urls[1]}", "local.jpg", {"url": urls[2]}, urls[3]]
    write(tmp_path / "train.json", [record(value) for value in values] + ["no record"])
    assert download(tmp_path / "train.json", tmp_path / "out") == 0
    *written, other = read_records(tmp_path / "out/train.jsonl")
    images = [one["image"] for one in written]
    assert (images[2], other) == ("local.jpg", {})
    names = [images[0], images[1], images[3]["url"], images[4]]
    contents = [(tmp_path / "out" / name).read_bytes() for name in names]
    assert contents == [board_image(number) for number in range(4)]


def test_half_of_a_character_stays_in_its_record(server: ImageServer, tmp_path: Path) -> None:
    one = record(server.url("1.jpg"), id="\ud800")
    write(tmp_path / "train.json", [one, record(server.url("2\ud800"))])
    assert download(tmp_path / "train.json", tmp_path / "out") == 0
    first, second = read_records(tmp_path / "out/train.jsonl")
    assert first == {**one, "image": "00000/000000000.jpg"}
    assert second["image"] == server.url("2\ud800")


def test_a_list_is_not_replaced_by_its_records(
    server: ImageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = write(tmp_path / "d/train.jsonl", [record(server.url("1.jpg"))])
    assert download(tmp_path / "d/train.jsonl", tmp_path / "d") == 1
    assert "train.jsonl would be replaced by its records" in capsys.readouterr().err
    assert (tmp_path / "d/train.jsonl").read_bytes() == content
    assert not server.requests


def test_files_of_one_directory_have_records_of_their_own(
    server: ImageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate(("en", "de")):
        write(tmp_path / f"d/train.{name}.json", [record(server.url(f"{number}.jpg"), id=name)])
    (tmp_path / "d/first.txt").write_text(f"{server.url('5.jpg')}\n{server.url('6.jpg')}\n")
    assert download(tmp_path / "d", tmp_path / "out") == 0
    for number, name in enumerate(("en", "de")):
        (one,) = read_records(tmp_path / f"out/train.{name}.jsonl")
        assert one["id"] == name
        assert (tmp_path / "out" / one["image"]).read_bytes() == board_image(number)
    write(tmp_path / "d/train.en.jsonl", [record(server.url("7.jpg"))])
    assert download(tmp_path / "d", tmp_path / "out") == 1
    assert "would both be written to" in capsys.readouterr().err


def test_the_rows_of_another_list_do_not_replace_images(
    server: ImageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.csv").write_text(f"url,id\n{server.url(f'{number}.jpg')},{name}\n")
    out = tmp_path / "out"
    assert download(tmp_path / "a.csv", out) == 0
    assert download(tmp_path / "b.csv", out) == 1
    assert "has the images of the list a.csv" in capsys.readouterr().err
    assert (out / "00000/000000000.jpg").read_bytes() == board_image(0)
    assert download(tmp_path / "b.csv", out, "--id-column", "id") == 0
    assert (out / "b.jpg").read_bytes() == board_image(1)
    assert download(tmp_path / "a.csv", out) == 0
