"""Store each image once, and only those that are used: what stores them sees one chunk of them."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.builder.image_chunks import PartImages
from visionflan.builder.image_store import (
    metadata_files,
    write_shard_metadata,
)
from visionflan.builder.parts import readable_part
from visionflan.storage.image_checks import CheckedImage
from visionflan.storage.image_shards import ShardWriter


def remove_unused_images(part: PartImages, used: Set[str]) -> None:
    """Remove from the shards of a part the images that no instance has, as of dropped rows."""
    for path in metadata_files([part.directory]):
        ids = pq.read_table(path, columns=["id"])["id"].to_pylist()
        keep = np.array([image_id in used for image_id in ids], dtype=bool)
        if not keep.all():
            rewrite_shard(part.shards, path, keep)


def remove_repeated_images(
    images: Path,
    directories: Sequence[Path],
    editing: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Remove from the shards of each part the images that an earlier part stores.

    A shard is written again under its name, in a context of `editing`, so that each part stays
    complete by itself, but for images that others store.
    """
    files = metadata_files(directories)
    lengths = [pq.read_metadata(path).num_rows for path in files]
    repeated = np.split(is_repeated(files), np.cumsum(lengths))
    for path, rows in zip(files, repeated, strict=False):
        if rows.any():
            with editing(f"{path.parent.name}-{shard_number(path):05}.parquet"):
                rewrite_shard(images, path, ~rows)


def shard_number(metadata_file: Path) -> int:
    """Return the number of a shard from the name of the file of its metadata."""
    return int(metadata_file.stem.rpartition("-")[2])


def is_repeated(files: Sequence[Path]) -> NDArray[np.bool_]:
    """Return whether each image of the files of metadata is also in an earlier row, (images,)."""
    ids = (pq.read_table(path, columns=["id"])["id"].to_pylist() for path in files)
    content = b"".join(bytes.fromhex("".join(names)) for names in ids)
    words = np.frombuffer(content, np.uint64).reshape(-1, 4)
    order = np.lexsort(words.T)
    equal = (words[order[1:]] == words[order[:-1]]).all(axis=1)
    repeated = np.zeros(len(words), dtype=bool)
    repeated[order[1:][equal]] = True
    return repeated


def rewrite_shard(images: Path, metadata_file: Path, keep: NDArray[np.bool_]) -> None:
    """Write a shard again with some of its images, and then the file of its metadata."""
    metadata = pq.read_table(metadata_file)
    number = shard_number(metadata_file)
    shard = images / metadata["shard"][0].as_py()
    writer = ShardWriter(images, metadata_file.parent.name, first=number)
    for keep_it, image, encoded in zip(
        keep, checked_images(metadata), image_bytes(shard), strict=True
    ):
        if keep_it:
            writer.add_to_shard(image, encoded)
    complete = writer.close()
    if complete is None:
        shard.unlink()
        complete = metadata.slice(0, 0)
    write_shard_metadata(images, metadata_file, complete)


def checked_images(metadata: pa.Table) -> Iterator[CheckedImage]:
    """Yield what is known of each image of a shard."""
    for row in metadata.select(list(CheckedImage._fields)).to_pylist():
        yield CheckedImage(**row)


def image_bytes(shard: Path) -> Iterator[bytes]:
    """Yield the bytes of each image of a shard."""
    with pq.ParquetFile(shard) as file:
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=["bytes"])["bytes"].to_pylist()


def parts_without_images(directories: Sequence[Path]) -> list[Path]:
    """Return the parts that have an instance with an image that no part stores."""
    stored = pa.chunked_array(
        [
            pq.read_table(path, columns=["id"])["id"].combine_chunks()
            for path in metadata_files(directories)
        ],
        pa.string(),
    )
    missing = []
    for directory in directories:
        with readable_part(directory):
            images = pq.read_table(directory / "instances.parquet", columns=["images"])["images"]
        used = pc.unique(pc.list_flatten(images))
        if not pc.all(pc.is_in(used, stored), min_count=0).as_py():
            missing.append(directory)
    return missing
