"""What lies in a release and cannot be read is in the ledger; a damaged row costs itself."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visionflan import catalog
from visionflan.builder import release_reader
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.escaping import one_line

ENDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path.name),
    "link to its directory": lambda path: path.symlink_to("."),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


def build_one(root: Path, name: str, damage: Callable[[Path], object]) -> dict[str, Any]:
    catalog.load(name).write_specimen(root / "data" / name, 6)
    damage(root / "data" / name)
    settings = BuildSettings(tasks=(name,), include_evaluation_only=True)
    manifest = build(root / "data", root / "out", settings, workers=1)
    entry: dict[str, Any] = manifest["datasets"][name]
    return entry


@pytest.fixture(autouse=True)
def short_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_reader, "STALL_S", 20)


@pytest.mark.parametrize("end", ENDS)
def test_a_directory_that_cannot_be_read_is_in_the_ledger(tmp_path: Path, end: str) -> None:
    def damage(root: Path) -> None:
        directory = min(root.rglob("*.jpg")).parent
        directory.rename(root.parent / "aside")
        ENDS[end](directory)

    entry = build_one(tmp_path, "aid", damage)
    assert entry["broken"] == {"unreadable_path": 1}, entry


@pytest.mark.parametrize("name", ["loop.jpg", "a\n.jpg"])
def test_an_image_that_is_a_looping_link_costs_itself(tmp_path: Path, name: str) -> None:
    def damage(root: Path) -> None:
        (min(root.rglob("*.jpg")).parent / name).symlink_to(name)

    entry = build_one(tmp_path, "aid", damage)
    assert (entry["status"], entry["broken"], entry["rows_read"]) == ("built", {}, 7)


@pytest.mark.parametrize("end", ["pipe", "device"])
def test_a_second_image_that_is_no_file_costs_its_row(tmp_path: Path, end: str) -> None:
    catalog.load("spot_the_diff").write_specimen(tmp_path / "data/spot_the_diff", 6)
    second = min((tmp_path / "data").rglob("*_2.png"))
    second.unlink()
    ENDS[end](second)
    settings = BuildSettings(tasks=("spot_the_diff",))
    manifest = build(tmp_path / "data", tmp_path / "out", settings, workers=1)
    (task,) = manifest["tasks"].values()
    assert task["dropped"] == {"image_unreadable": 1}


def test_a_pipe_in_place_of_a_parquet_table_hangs_nothing(tmp_path: Path) -> None:
    def damage(root: Path) -> None:
        table = min((root / "data").glob("*.parquet"))
        table.unlink()
        os.mkfifo(table)

    entry = build_one(tmp_path, "pickapic", damage)
    assert "is a pipe or a device" in entry["message"], entry


def test_a_table_whose_name_is_not_utf8_is_read(tmp_path: Path) -> None:
    def damage(root: Path) -> None:
        table = min((root / "data").glob("*.parquet"))
        table.rename(table.with_name(f"train\udcff-{table.name}"))

    entry = build_one(tmp_path, "pickapic", damage)
    assert entry["status"] == "built", entry
    assert entry["rows_read"]


@pytest.mark.parametrize("name", ["a\n{}", "\udce9{}"])
def test_a_file_that_is_not_read_because_its_name_is_damaged_is_in_the_ledger(
    tmp_path: Path, name: str
) -> None:
    def damage(root: Path) -> None:
        (root / "Icon\r").touch()
        questions = root / "qa.894.raw.train.txt"
        questions.rename(questions.with_name(name.format(questions.name)))

    entry = build_one(tmp_path, "daquar", damage)
    assert entry["broken"] == {"damaged_name": 1}, entry


def test_an_array_that_is_damaged_costs_its_row(tmp_path: Path) -> None:
    def damage(root: Path) -> None:
        problem = min(root.rglob("*.npz"))
        with zipfile.ZipFile(problem, "w") as archive:
            archive.writestr("target.npy", b"no array")
            archive.writestr("image.npy", b"no array")

    entry = build_one(tmp_path, "raven", damage)
    assert entry["broken"] == {"unreadable_array": 1}, entry


@pytest.mark.parametrize(
    ("name", "emptied"),
    [
        ("crowdhuman", "annotation_val.odgt"),
        ("fgvc_aircraft", "images_variant_val.txt"),
        ("wikiart", "genre_val.csv"),
    ],
)
def test_an_emptied_list_is_told(tmp_path: Path, name: str, emptied: str) -> None:
    def damage(root: Path) -> None:
        (path,) = root.rglob(emptied)
        path.write_bytes(b"")

    assert f"{emptied} is empty" in build_one(tmp_path, name, damage)["message"]


def test_a_message_is_one_line_that_prints() -> None:
    assert one_line("a\0b\n c\u00a0\udcff é") == "a\\x00b c \\udcff é"


def test_a_directory_in_place_of_a_table_is_in_the_ledger(tmp_path: Path) -> None:
    def damage(root: Path) -> None:
        (root / "vqa/val.json").unlink()
        (root / "vqa/val.json").mkdir()

    entry = build_one(tmp_path, "vizwiz", damage)
    assert entry["broken"] == {"unreadable_path": 1}, entry


@pytest.mark.parametrize("damage", ["link", "renamed"])
def test_a_database_without_its_file_is_told(tmp_path: Path, damage: str) -> None:
    def damage_database(root: Path) -> None:
        database = min(root.glob("*_lmdb/data.mdb"))
        database.rename(database.with_suffix(".bak"))
        if damage == "link":
            database.symlink_to(database.name)

    entry = build_one(tmp_path, "lsun", damage_database)
    assert entry["status"] == "failed"
    assert "_lmdb/data.mdb" in entry["message"]


def test_a_database_whose_directory_has_another_name_is_told(tmp_path: Path) -> None:
    def damage(root: Path) -> None:
        directory = min(root.glob("*_lmdb"))
        directory.rename(root / "a\nb")

    assert build_one(tmp_path, "lsun", damage)["unread_directories"] == {"a\\nb": 1}
