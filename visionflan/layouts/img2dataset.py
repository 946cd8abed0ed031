"""Find the images that img2dataset downloaded for a release which only lists URLs.

Layout: the owner's README and code (rom1504/img2dataset, README.md, img2dataset/reader.py,
downloader.py and writer.py) divide a list of URLs into shards of 10,000 rows and name an image by
the index of its row: row 10,005 becomes `00001/000010005.jpg`, or the member `000010005.jpg` of
`00001.tar` with `--output_format webdataset`. Next to a shard is `00001.parquet` with the `url` and
`key` of its rows. A row that could not be downloaded has no image: the build finds it missing.

The URL that a shard records for an image is compared with that of the row. A list that has changed
since, and shards of another size, are therefore refused, so no image gets the text of another.
"""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from visionflan.errors import ReleaseError
from visionflan.image_sources import ArchiveMember, ImageSource
from visionflan.specimens import write_image

ROWS_PER_SHARD = 10_000
DIGITS = 9


class DownloadedImages:
    """Look up the images of one URL list in order, with the URLs of one shard in memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.shard: Path | None = None
        self.archived = False
        self.urls: dict[str, str] = {}

    def image(self, index: int, url: str) -> ImageSource:
        """Return the image of the row with this index, counted from zero."""
        shard = self.directory / f"{index // ROWS_PER_SHARD:05}"
        if shard != self.shard:
            self.shard, self.urls = shard, shard_urls(shard)
            self.archived = shard.with_suffix(".tar").is_file()
        key = f"{index:0{DIGITS}}"
        if (source := self.urls.get(key, url)) != url:
            raise ReleaseError(
                f"{shard}.parquet records that {key}.jpg came from {source}, but the list has "
                f"{url} there: download the images of the current list"
            )
        name = f"{key}.jpg"
        return ArchiveMember(shard.with_suffix(".tar"), name) if self.archived else shard / name


def shard_urls(shard: Path) -> dict[str, str]:
    """Return the URL of each key of a shard; empty if the shard was not downloaded."""
    from pyarrow import ArrowException, parquet

    table = shard.with_suffix(".parquet")
    if not table.is_file():
        if shard.is_dir() or shard.with_suffix(".tar").is_file():
            raise ReleaseError(
                f"{table} is missing, which records the URLs of the images: copy it from where "
                "img2dataset wrote it"
            )
        return {}
    try:
        with table.open("rb") as stream:  # pyarrow waits for ever for a pipe
            columns = parquet.read_table(stream, columns=["key", "url"]).to_pydict()
        urls = dict(zip(columns["key"], columns["url"], strict=True))
    except (ArrowException, KeyError, OSError) as error:
        raise ReleaseError(f"{table} is not a table of img2dataset: {error}") from error
    if any(len(key) != DIGITS for key in urls):
        raise ReleaseError(
            f"{table} has keys that are not of {DIGITS} digits: download the images in shards of "
            f"{ROWS_PER_SHARD:,} rows, the default of img2dataset"
        )
    return urls


def write_downloads(
    directory: Path, images: Iterable[tuple[str, Image.Image]], *, archive: bool = False
) -> None:
    """Write drawn images and their URLs in the layout of img2dataset."""
    from pyarrow import parquet, table

    directory.mkdir(parents=True, exist_ok=True)
    images_by_key = {f"{index:0{DIGITS}}": pair for index, pair in enumerate(images)}
    if archive:
        write_archive(
            directory / "00000.tar", {key: image for key, (_, image) in images_by_key.items()}
        )
    else:
        for key, (_, image) in images_by_key.items():
            write_image(directory / "00000" / f"{key}.jpg", image)
    columns = {"url": [url for url, _ in images_by_key.values()], "key": list(images_by_key)}
    parquet.write_table(table(columns), directory / "00000.parquet")


def write_archive(path: Path, images: dict[str, Image.Image]) -> None:
    """Write images into a tar archive."""
    with tarfile.open(path, "w") as archive:
        for key, image in images.items():
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=90)
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = stream.tell()
            stream.seek(0)
            archive.addfile(member, stream)
