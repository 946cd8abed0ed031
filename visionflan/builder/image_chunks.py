"""Check the images of a part in chunks: a chunk is checked and stored by one process, in one shard.

What a chunk contains depends on the images and their sizes alone, so that the shards of a part do
not depend on the number of processes. A chunk is complete once the metadata of its images is
stored, which is written last; a resumed build reuses it if its files did not change.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from visionflan.builder.image_store import (
    METADATA_FILES,
    StoredImage,
    read_complete_shard,
    read_or_none,
    write_shard_metadata,
)
from visionflan.builder.image_workers import ImageFault, Outcome
from visionflan.image_pixels import PixelChange
from visionflan.image_sources import ImageSource, containing_file, describe_source
from visionflan.storage import image_shards
from visionflan.storage.image_shards import IMAGE_METADATA, ShardWriter
from visionflan.storage.schema import non_null_list, non_null_schema, write_table

UNKNOWN_BYTES = 256 << 10  # what an image inside another file is assumed to have
CONTENT = "content"  # what the outcomes of a chunk say of its images and their files
CHANGE = pa.struct(non_null_schema(reason=pa.string(), detail=pa.string()))
# The outcomes of a chunk in the order of its images; the id of a fault is empty.
OUTCOMES = non_null_schema(
    id=pa.string(),
    released_format=pa.string(),
    changes=non_null_list(CHANGE),
    reason=pa.string(),
    detail=pa.string(),
)


class ImageChunk(NamedTuple):
    """Images that are checked together.

    Attributes:
        number: that of the shard.
        images: the images, each once.
        content: a digest of the names of the images, and of sizes and times of their files.
    """

    number: int
    images: Sequence[ImageSource]
    content: str


class PartImages(NamedTuple):
    """Where the images of a part are stored.

    Attributes:
        shards: the directory of the shards of the build.
        directory: the directory of the part, which has the metadata of the images.
        name: the name of the part.
    """

    shards: Path
    directory: Path
    name: str

    def metadata_path(self, number: int) -> Path:
        """Return the path of the metadata of the images in a shard."""
        return self.directory / f"metadata-{number:05}.parquet"

    def outcomes_path(self, number: int) -> Path:
        """Return the path of the outcomes of a chunk."""
        return self.directory / f"checked-{number:05}.parquet"


def iter_chunks(images: Iterable[ImageSource], first: int) -> Iterator[ImageChunk]:
    """Yield chunks of images, numbered from `first`, each for a shard of at most the usual size."""
    number, size = first, 0
    chunk: list[ImageSource] = []
    digest = sha256()
    for image in images:
        num_bytes, state = file_state(image)
        if chunk and (
            len(chunk) >= image_shards.SHARD_IMAGES or size + num_bytes > image_shards.SHARD_BYTES
        ):
            yield ImageChunk(number, chunk, digest.hexdigest())
            number, size, chunk, digest = number + 1, 0, [], sha256()
        chunk.append(image)
        size += num_bytes
        name = describe_source(image).encode("utf-8", "surrogatepass")
        digest.update(b"%b\0%b\0" % (name, state.encode()))
    if chunk:
        yield ImageChunk(number, chunk, digest.hexdigest())


def file_state(image: ImageSource) -> tuple[int, str]:
    """Return the size of an image, and size and time of its file; empty if that is not there."""
    try:
        status = os.stat(containing_file(image))  # noqa: PTH116 - called for millions of images
    except OSError:
        return 0, ""
    num_bytes = status.st_size if isinstance(image, Path) else UNKNOWN_BYTES
    return num_bytes, f"{status.st_size} {status.st_mtime_ns}"


def write_chunk(
    part: PartImages, chunk: ImageChunk, outcomes: Iterable[Outcome], stored: set[str]
) -> None:
    """Store the valid images of a chunk, its outcomes, and the metadata.

    `stored` are ids of images that earlier chunks store; it receives those of this one.
    """
    part.metadata_path(chunk.number).unlink(missing_ok=True)
    writer = ShardWriter(part.shards, part.name, first=chunk.number)
    rows: list[tuple[object, ...]] = []
    for outcome in outcomes:
        if isinstance(outcome, ImageFault):
            rows.append(("", "", [], *outcome))
            continue
        image = outcome.image
        changes = [change._asdict() for change in outcome.changes]
        rows.append((image.id, outcome.released_format, changes, "", ""))
        if image.id not in stored:
            stored.add(image.id)
            writer.add_to_shard(image, outcome.encoded)
    metadata = writer.close()
    schema = OUTCOMES.with_metadata({CONTENT: chunk.content})
    columns = [list(column) for column in zip(*rows, strict=True)]
    write_table(part.outcomes_path(chunk.number), pa.table(columns, schema=schema))
    empty = IMAGE_METADATA.empty_table()
    path = part.metadata_path(chunk.number)
    write_shard_metadata(part.shards, path, empty if metadata is None else metadata)


def read_chunk(part: PartImages, chunk: ImageChunk) -> list[StoredImage | ImageFault] | None:
    """Return the outcomes of a chunk that is complete; None if it is not, or of other content."""
    if read_complete_shard(part.shards, part.directory, part.name, chunk.number) is None:
        return None
    table = read_or_none(part.outcomes_path(chunk.number))
    if table is None or (table.schema.metadata or {}).get(b"content") != chunk.content.encode():
        return None
    columns = (table[name].to_pylist() for name in OUTCOMES.names)
    return [read_outcome(*row) for row in zip(*columns, strict=True)]


def read_outcome(
    image_id: str, released_format: str, changes: list[dict[str, str]], reason: str, detail: str
) -> StoredImage | ImageFault:
    """Return the outcome of an image from its row."""
    if not image_id:
        return ImageFault(reason, detail)
    return StoredImage(
        image_id, released_format, tuple(PixelChange(**change) for change in changes)
    )


def remove_chunks(part: PartImages, first: int) -> None:
    """Remove what an earlier run stored of chunks from a number on."""
    for path in part.directory.glob(METADATA_FILES):
        if (number := int(path.stem.rpartition("-")[2])) >= first:
            path.unlink()
            part.outcomes_path(number).unlink(missing_ok=True)
