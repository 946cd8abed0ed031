"""The images that a part of a build stores, kept so that a killed build goes on after them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.image_shards import IMAGE_METADATA, ShardWriter
from visionflan.storage.schema import non_null_schema, write_table

# Pictures that were checked before their shard was whole, so that they are not checked again.
CHECKED = non_null_schema(
    picture=pa.string(), stamp=pa.string(), id=pa.string(), format=pa.string()
)


class StoredImage(NamedTuple):
    """What is kept of a checked picture."""

    id: str
    format: str


class ImageStore:
    """Store images in shards; `elsewhere` are the ids that other parts store.

    A shard counts once the facts of its images lie beside it: they are written after it.
    """

    def __init__(self, images: Path, folder: Path, name: str, elsewhere: Iterable[str]) -> None:
        self.folder, self.name = folder, name
        whole = list(complete_shards(images, folder, name))
        self.whole = len(whole)
        self.ids = set(elsewhere)
        for facts in whole:
            self.ids.update(facts["id"].to_pylist())
        self.shards = ShardWriter(images, name, first=self.whole)
        self.checked: list[dict[str, str]] = []

    def known(self) -> Iterator[tuple[str, str, StoredImage]]:
        """Yield the pictures that were checked, with the stamps that their files had."""
        for number in range(self.whole):
            table = pq.read_table(self.folder / f"checked-{number:05}.parquet")
            for row in table.to_pylist():
                yield row["picture"], row["stamp"], StoredImage(row["id"], row["format"])

    def note(self, picture: str, stamp: str, image: CheckedImage) -> None:
        """Remember that a picture was checked."""
        self.checked.append(
            {"picture": picture, "stamp": stamp, "id": image.id, "format": image.format}
        )

    def add(self, image: CheckedImage, encoded: bytes) -> None:
        """Store an image that is not stored yet."""
        self.ids.add(image.id)
        self.keep(self.shards.add(image, encoded))

    def close(self) -> None:
        """Finish the last shard."""
        self.keep(self.shards.close())

    def keep(self, facts: pa.Table | None) -> None:
        """Keep the facts of a shard that is whole, and what was checked until then."""
        if facts is None:
            return
        number = self.shards.number - 1
        table = pa.Table.from_pylist(self.checked, schema=CHECKED)
        write_table(self.folder / f"checked-{number:05}.parquet", table)
        write_table(self.folder / f"facts-{number:05}.parquet", facts)
        self.checked = []


def complete_shards(images: Path, folder: Path, name: str) -> Iterator[pa.Table]:
    """Yield the facts of the shards that are whole, up to the first that is not."""
    number = 0
    while (path := folder / f"facts-{number:05}.parquet").is_file():
        if not (images / f"{name}-{number:05}.parquet").is_file():
            return
        yield pq.read_table(path)
        number += 1


def load_image_metadata(folders: Iterable[Path]) -> pa.Table:
    """Gather the facts of the images of all parts."""
    paths = [path for folder in folders for path in sorted(folder.glob("facts-*.parquet"))]
    return pa.concat_tables([IMAGE_METADATA.empty_table(), *map(pq.read_table, paths)])
