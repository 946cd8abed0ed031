"""A build that the pages show: read from any thread, and nothing outside of its directory."""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePath
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance

IMAGE_ID = re.compile("[0-9a-f]{64}")


class OpenBuild:
    """A complete build; opening it writes the copy of its instances for random access."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directory = BuildDirectory(path, verify=True)
        self.check_names()
        self.lock = Lock()  # of the files of the shards
        self.columns = {
            name: number for number, name in enumerate(self.directory.table.schema.names)
        }

    def check_names(self) -> None:
        """Raise BuildError if the build names a file outside of its directory."""
        inner = [PurePath(name) for name in self.manifest["files"]]
        shards = [PurePath(name) for name in self.directory.index.shards]
        outside = [name for name in inner if name.is_absolute() or ".." in name.parts]
        outside += [name for name in shards if len(name.parts) > 1 or ".." in name.parts]
        if outside:
            raise BuildError(f"{self.path} names a file outside of it, {outside[0]}: do not use it")

    @property
    def name(self) -> str:
        """Return the name of its directory."""
        return self.path.resolve().name

    @property
    def manifest(self) -> dict[str, Any]:
        """Return the manifest."""
        return self.directory.manifest

    def __len__(self) -> int:
        """Return the number of instances."""
        return int(self.directory.table.num_rows)

    def instance(self, index: int) -> Instance:
        """Return the instance at an index."""
        return self.directory.instance(index)

    def find(self, ids: Collection[str]) -> dict[str, int]:
        """Return the indices of the instances with some ids, as far as there are any."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        indices: dict[str, int] = {}
        for first, (column,) in self.batches("id"):
            rows = np.flatnonzero(pc.is_in(column, wanted).to_numpy(zero_copy_only=False))
            indices |= {column[row].as_py(): first + row for row in rows.tolist()}
        return indices

    def has_image(self, image_id: str) -> bool:
        """Return whether a text is the id of an image of this build."""
        return bool(IMAGE_ID.fullmatch(image_id)) and image_id in self.directory.index

    def image(self, image_id: str) -> bytes:
        """Return the encoded bytes of an image."""
        with self.lock:
            return self.directory.image(image_id)

    def batches(self, *names: str) -> "Iterator[ColumnBatch]":
        """Yield some columns of the instances in batches, with the index of the first one."""
        first = 0
        for columns in self.directory.batches:
            yield ColumnBatch(first, [columns[self.columns[name]] for name in names])
            first += len(columns[0])


class ColumnBatch(NamedTuple):
    """Some columns of consecutive instances."""

    first: int
    columns: list[pa.Array]


def rows_of_elements(lists: pa.ListArray, mask: pa.Array) -> NDArray[np.bool_]:
    """Return which lists have an element that `mask` selects; it is parallel to all elements."""
    has_element = np.zeros(len(lists), dtype=bool)
    lengths = np.diff(lists.offsets.to_numpy())
    parents = np.repeat(np.arange(len(lists)), lengths)
    has_element[parents[mask.to_numpy(zero_copy_only=False)]] = True
    return has_element


def joined(positions: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return arrays of positions as one."""
    return np.concatenate([np.zeros(0, np.int64), *positions])
