"""Find the pictures that img2dataset fetched for a release which only lists addresses.

Layout: the owner's README and code (rom1504/img2dataset, README.md, img2dataset/reader.py,
downloader.py and writer.py) divide a list of addresses into shards of 10,000 rows and name a
picture by the place of its row: row 10,005 becomes `00001/000010005.jpg`, or the member
`000010005.jpg` of `00001.tar` with `--output_format webdataset`. Beside a shard lies
`00001.parquet` with the `url` and `key` of its rows. A row that could not be fetched has no
picture: the build finds it missing.

The address that a shard tells for a picture is held against that of the row, so that a list which
has changed since, or shards of another size, are refused and no picture gets the words of another.
"""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from visionflan.errors import ReleaseError
from visionflan.image_sources import ArchiveMember, ImageSource
from visionflan.specimens import write_image

ROWS_A_SHARD = 10_000
DIGITS = 9


class Fetched:
    """The pictures of one list, asked for in its order; what is told of one shard is held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shard: Path | None = None
        self.archived = False
        self.addresses: dict[str, str] = {}

    def picture(self, place: int, address: str) -> ImageSource:
        """Give the picture of the row in this place of the list, counted from zero."""
        shard = self.folder / f"{place // ROWS_A_SHARD:05}"
        if shard != self.shard:
            self.shard, self.addresses = shard, shard_addresses(shard)
            self.archived = shard.with_suffix(".tar").is_file()
        key = f"{place:0{DIGITS}}"
        if (told := self.addresses.get(key, address)) != address:
            raise ReleaseError(
                f"{shard}.parquet tells that {key}.jpg came from {told}, but the list has "
                f"{address} in this place: fetch the pictures of the list as it is now"
            )
        name = f"{key}.jpg"
        return ArchiveMember(shard.with_suffix(".tar"), name) if self.archived else shard / name


def shard_addresses(shard: Path) -> dict[str, str]:
    """Tell from which address each key of a shard came; nothing of one that was not fetched."""
    from pyarrow import ArrowException, parquet

    table = shard.with_suffix(".parquet")
    if not table.is_file():
        if shard.is_dir() or shard.with_suffix(".tar").is_file():
            raise ReleaseError(
                f"{table} is not there to tell from which addresses its pictures came: copy it "
                "from where img2dataset wrote it"
            )
        return {}
    try:
        columns = parquet.read_table(table, columns=["key", "url"]).to_pydict()
        addresses = dict(zip(columns["key"], columns["url"], strict=True))
    except (ArrowException, KeyError, OSError) as fault:
        raise ReleaseError(f"{table} is not a table of img2dataset: {fault}") from fault
    if any(len(key) != DIGITS for key in addresses):
        raise ReleaseError(
            f"{table} has keys that are not of {DIGITS} digits: fetch the pictures in shards of "
            f"{ROWS_A_SHARD:,} rows, as img2dataset does unless told otherwise"
        )
    return addresses


def write_fetched(
    folder: Path, pictures: Iterable[tuple[str, Image.Image]], *, archive: bool = False
) -> None:
    """Write drawn pictures and their addresses as img2dataset would have fetched them."""
    from pyarrow import parquet, table

    folder.mkdir(parents=True, exist_ok=True)
    images = {f"{place:0{DIGITS}}": pair for place, pair in enumerate(pictures)}
    if archive:
        write_archive(folder / "00000.tar", {key: image for key, (_, image) in images.items()})
    else:
        for key, (_, image) in images.items():
            write_image(folder / "00000" / f"{key}.jpg", image)
    columns = {"url": [address for address, _ in images.values()], "key": list(images)}
    parquet.write_table(table(columns), folder / "00000.parquet")


def write_archive(path: Path, images: dict[str, Image.Image]) -> None:
    """Write pictures into a tar archive."""
    with tarfile.open(path, "w") as archive:
        for key, image in images.items():
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=90)
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = stream.tell()
            stream.seek(0)
            archive.addfile(member, stream)
