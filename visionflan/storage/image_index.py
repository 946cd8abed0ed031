"""Look up an image by its id: a memory-mapped table sorted by content hash."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.atomic_write import atomic_path
from visionflan.errors import BuildError
from visionflan.storage.schema import non_null_schema

ID_BYTES = 32
IDS_AT_ONCE = 65_536  # that are Python objects at the same time

INDEX = non_null_schema(
    id=pa.binary(ID_BYTES),
    shard=pa.int32(),
    offset=pa.int64(),
    length=pa.int64(),
    width=pa.int32(),
    height=pa.int32(),
    format=pa.int32(),
    phash=pa.uint64(),
    group=pa.int32(),
)


class ImageLocation(NamedTuple):
    """The location of an image's bytes, and its header."""

    shard: str
    offset: int
    length: int
    width: int
    height: int
    format: str


def write_index(path: Path, metadata: pa.Table, group_ids: NDArray[np.int32]) -> None:
    """Write the index of images sorted by id; a group id is the row of the group's first image."""
    shards, formats = (
        sorted(pc.unique(metadata[name]).to_pylist()) for name in ("shard", "format")
    )
    table = pa.table(
        {
            "id": binary_ids(metadata["id"]),
            "shard": dictionary_codes(metadata["shard"], shards),
            "offset": metadata["offset"],
            "length": metadata["length"],
            "width": metadata["width"],
            "height": metadata["height"],
            "format": dictionary_codes(metadata["format"], formats),
            "phash": metadata["phash"],
            "group": pa.array(group_ids, pa.int32()),
        },
        schema=INDEX.with_metadata({"shards": "\n".join(shards), "formats": "\n".join(formats)}),
    )
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write_table(table.combine_chunks())


def dictionary_codes(names: pa.ChunkedArray, vocabulary: Sequence[str]) -> pa.Array:
    """Return the index of each name in the vocabulary."""
    return pc.index_in(names, pa.array(vocabulary, pa.string())).combine_chunks()


def binary_ids(ids: pa.ChunkedArray) -> pa.Array:
    """Return the bytes of ids in hexadecimal digits."""
    content = b"".join(
        bytes.fromhex("".join(ids.slice(start, IDS_AT_ONCE).to_pylist()))
        for start in range(0, len(ids), IDS_AT_ONCE)
    )
    return pa.Array.from_buffers(pa.binary(ID_BYTES), len(ids), [None, pa.py_buffer(content)])


def read_columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Return the columns of numbers of an index; raise ValueError unless they are whole."""
    if table.schema.names != INDEX.names or table.schema.types != INDEX.types:
        raise ValueError("its columns are not those of an index")
    table.validate()
    names = [name for name in table.schema.names if name != "id"] if table.num_rows else []
    return {name: table[name].chunk(0).to_numpy() for name in names}


class ImageIndex:
    """The index, opened for reading: binary search on the first eight bytes of the ids."""

    def __init__(self, path: Path) -> None:
        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all().combine_chunks()
            vocabularies = table.schema.metadata
            self.shards = vocabularies[b"shards"].decode().split("\n")
            self.formats = vocabularies[b"formats"].decode().split("\n")
            self.columns = read_columns(table)
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            raise BuildError(f"{path} is damaged ({error}): build it again") from error
        self.count = table.num_rows
        self.check_ranges(path)
        raw = table["id"].chunk(0).buffers()[1] if self.count else b""
        self.ids = np.frombuffer(raw, np.uint8, self.count * ID_BYTES).reshape(-1, ID_BYTES)
        self.prefixes = np.ascontiguousarray(self.ids[:, :8]).view(">u8").ravel().astype(np.uint64)

    def check_ranges(self, path: Path) -> None:
        """Raise BuildError if a number in a column cannot be right."""
        ends = {"shard": len(self.shards), "format": len(self.formats), "group": self.count}
        for name in ("offset", "length", *ends) if self.count else ():
            column = self.columns[name]
            if column.min() < 0 or (name in ends and column.max() >= ends[name]):
                raise BuildError(f"{path} is damaged (its {name} is out of range): build it again")

    def row(self, image_id: str) -> int:
        """Return the row of an image."""
        row = self.find(image_id)
        if row is None:
            raise BuildError(f"no image {image_id} is stored here")
        return row

    def find(self, image_id: str) -> int | None:
        """Return the row of an image; None if it is not stored here."""
        key = bytes.fromhex(image_id)
        row = int(np.searchsorted(self.prefixes, np.uint64(int.from_bytes(key[:8], "big"))))
        while row < self.count and self.ids[row].tobytes() < key:
            row += 1
        return row if row < self.count and self.ids[row].tobytes() == key else None

    def __contains__(self, image_id: str) -> bool:
        return self.find(image_id) is not None

    def phash(self, image_id: str) -> int:
        """Return the perceptual hash of an image."""
        return int(self.columns["phash"][self.row(image_id)])

    def locate(self, image_id: str) -> ImageLocation:
        """Return the location of an image's bytes, and its header."""
        row = self.row(image_id)
        column = self.columns
        return ImageLocation(
            self.shards[column["shard"][row]],
            int(column["offset"][row]),
            int(column["length"][row]),
            int(column["width"][row]),
            int(column["height"][row]),
            self.formats[column["format"][row]],
        )

    def group(self, image_id: str) -> str:
        """Return the id of the first image in this image's group of near-duplicates."""
        first: str = self.ids[self.columns["group"][self.row(image_id)]].tobytes().hex()
        return first
