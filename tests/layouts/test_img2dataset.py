"""Images downloaded for a list of URLs are matched with its rows, or refused."""

from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet, table

from visionflan.errors import ReleaseError
from visionflan.image_sources import ArchiveMember, describe_source, read_encoded
from visionflan.layouts.img2dataset import DownloadedImages, write_downloads

GRAY = Image.new("RGB", (8, 8), (128, 128, 128))
ADDRESSES = ("http://a/0.jpg", "http://a/1.jpg")


def write_and_open(directory: Path, *, archive: bool) -> DownloadedImages:
    write_downloads(directory, [(address, GRAY) for address in ADDRESSES], archive=archive)
    return DownloadedImages(directory)


@pytest.mark.parametrize("archive", [False, True])
def test_a_row_finds_its_image_in_a_directory_or_an_archive(tmp_path: Path, archive: bool) -> None:
    image = write_and_open(tmp_path, archive=archive).image(1, ADDRESSES[1])
    assert isinstance(image, ArchiveMember) == archive
    assert describe_source(image).endswith("000000001.jpg")
    assert read_encoded(image).startswith(b"\xff\xd8")


def test_the_second_ten_thousand_rows_are_looked_for_in_the_second_shard(tmp_path: Path) -> None:
    image = write_and_open(tmp_path, archive=False).image(10_005, "http://a/2.jpg")
    assert image == tmp_path / "00001" / "000010005.jpg"


def test_a_list_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"000000000\.jpg came from http://a/0\.jpg"):
        write_and_open(tmp_path, archive=False).image(0, ADDRESSES[1])


def test_shards_of_another_size_are_refused(tmp_path: Path) -> None:
    parquet.write_table(table({"key": ["00000000"], "url": ["u"]}), tmp_path / "00000.parquet")
    with pytest.raises(ReleaseError, match="shards of 10,000 rows"):
        DownloadedImages(tmp_path).image(0, "u")


@pytest.mark.parametrize("content", [None, b"torn"])
def test_a_shard_without_its_addresses_is_refused(tmp_path: Path, content: bytes | None) -> None:
    images = write_and_open(tmp_path, archive=True)
    (tmp_path / "00000.parquet").unlink()
    if content is not None:
        (tmp_path / "00000.parquet").write_bytes(content)
    with pytest.raises(ReleaseError, match=r"00000\.parquet"):
        images.image(0, ADDRESSES[0])
