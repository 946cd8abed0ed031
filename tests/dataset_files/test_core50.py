import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import core50
from visionflan.errors import ReleaseError
from visionflan.image_sources import read_encoded
from visionflan.specimens import write_image


def test_the_ten_kinds_stand_in_the_instruction() -> None:
    instruction = core50.dataset.tasks["object_detection"].instruction
    assert ", ".join(core50.KINDS[:-1]) + " or remote control?" in instruction


def test_the_object_of_the_published_instance_is_a_cup(tmp_path: Path) -> None:
    for name in ("s9/o41/C_09_41_288.png", "s9/o51/C_09_51_000.png"):
        write_image(tmp_path / "core50_128x128" / name, Image.new("RGB", (8, 8)))
    row, broken = core50.read(tmp_path)
    assert isinstance(row, core50.Row)
    assert (row.key, row.kind) == ("s9/o41/C_09_41_288.png", "cup")
    assert isinstance(broken, BrokenRow)


def test_an_archive_gives_the_same_rows_as_its_contents(tmp_path: Path) -> None:
    core50.specimen(tmp_path / "folder", 4)
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "zip/core50_128x128.zip", "w") as archive:
        for file in sorted((tmp_path / "folder").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path / "folder"))
    rows = {
        home: {(row.key, row.kind) for row in core50.dataset.rows(tmp_path / home)}
        for home in ("folder", "zip")
    }
    assert rows["folder"] == rows["zip"]
    first = next(core50.dataset.rows(tmp_path / "zip"))
    assert Image.open(io.BytesIO(read_encoded(first.image))).size == (128, 128)


def test_a_directory_without_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "core50_128x128").mkdir()
    with pytest.raises(ReleaseError, match="contains no frame"):
        list(core50.read(tmp_path))


def test_an_image_that_is_not_named_as_a_frame_is_no_silent_loss(tmp_path: Path) -> None:
    core50.specimen(tmp_path, 4)
    frame = min(tmp_path.rglob("*.png"))
    frame.rename(frame.with_name(f" {frame.name}"))
    (broken,) = (row for row in core50.read(tmp_path) if isinstance(row, BrokenRow))
    assert broken.reason == "malformed_name"
    assert frame.name in broken.key
