"""Read a build directory: instances by position, images by content hash, from any process."""

import json
import os
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visionflan.catalog import unknown_name_error
from visionflan.errors import BuildError
from visionflan.storage.arrow_cache import arrow_cache_path
from visionflan.storage.image_index import ImageIndex
from visionflan.storage.instance import Instance, Split
from visionflan.storage.schema import BUILD_FORMAT, TaskInfo, read_instance

OPEN_SHARDS = 64


class BuildDirectory:
    """A whole build; what is opened stays usable after a fork and is opened anew after a spawn.

    With `verify` each image that is read must have the content that its id names.
    """

    def __init__(self, path: Path, *, verify: bool = False) -> None:
        self.path, self.verify = Path(path), verify
        if not (self.path / "manifest.json").is_file():
            raise BuildError(
                f"{self.path} holds no manifest.json: it is not a build directory, or its build "
                "was stopped; run the same build again to finish it"
            )
        self.manifest: dict[str, Any] = json.loads((self.path / "manifest.json").read_bytes())
        if (number := self.manifest.get("format")) != BUILD_FORMAT:
            raise BuildError(
                f"{self.path} has build format {number}, not {BUILD_FORMAT}: build it again with "
                "this version of visionflan"
            )
        for name, size in self.manifest["files"].items():
            file = self.path / name
            if not file.is_file() or file.stat().st_size != size:
                raise BuildError(f"{file} is not the file that the manifest names: build again")
        self.shard_fds: dict[str, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as a path."""
        return reopen, (self.path, self.verify)

    def __del__(self) -> None:
        """Close the shards."""
        for descriptor in getattr(self, "shard_fds", {}).values():
            os.close(descriptor)

    @property
    def digest(self) -> str:
        """The digest of all instances: the same for the same data, wherever it was built."""
        return str(self.manifest["digest"])

    @cached_property
    def tasks(self) -> dict[str, TaskInfo]:
        """The tasks that have instances here."""
        return {
            task: TaskInfo(**{name: kept[name] for name in TaskInfo.__dataclass_fields__})
            for task, kept in self.manifest["tasks"].items()
            if kept["kept"]
        }

    @cached_property
    def table(self) -> pa.Table:
        """All instances, in the order of their tasks and then of choice, memory-mapped."""
        return pa.ipc.open_file(
            pa.memory_map(str(arrow_cache_path(self.path, self.manifest)))
        ).read_all()

    @cached_property
    def batches(self) -> list[list[pa.Array]]:
        """The columns of each batch of the table."""
        return [batch.columns for batch in self.table.to_batches()]

    @cached_property
    def ends(self) -> list[int]:
        """The position after the last instance of each batch."""
        return list(accumulate(len(batch[0]) for batch in self.batches))

    @cached_property
    def index(self) -> ImageIndex:
        """Where the images lie."""
        return ImageIndex(self.path / "images.index")

    def instances(
        self, split: Split | None = None, tasks: Collection[str] | None = None
    ) -> "Instances":
        """Give the instances of a split and of some tasks; of all without them."""
        for task in tasks or ():
            if task not in self.manifest["tasks"]:
                raise unknown_name_error("task", task, list(self.tasks))
        chosen = np.ones(self.table.num_rows, dtype=bool)
        for column, wanted in (("split", None if split is None else [split]), ("task", tasks)):
            if wanted is not None:
                values = self.table[column].combine_chunks().dictionary_encode()
                known = np.isin(values.dictionary.to_pylist(), list(wanted))
                chosen &= known[values.indices.to_numpy()]
        return Instances(self, np.flatnonzero(chosen))

    def instance(self, position: int) -> Instance:
        """Give the instance at a position of the table."""
        batch = bisect_right(self.ends, position)
        columns = self.batches[batch]
        return read_instance(columns, position - self.ends[batch] + len(columns[0]))

    def image(self, image_id: str) -> bytes:
        """Read the encoded bytes of an image."""
        place = self.index.place(image_id)
        encoded = os.pread(self.shard_fd(place.shard), place.length, place.offset)
        if self.verify and sha256(encoded).hexdigest() != image_id:
            raise BuildError(
                f"{self.path / 'images' / place.shard} holds other bytes as {image_id}"
            )
        return encoded

    def describe_image_location(self, image_id: str) -> str:
        """Tell where an image lies."""
        return f"image {image_id[:12]} in {self.path / 'images' / self.index.place(image_id).shard}"

    def image_header(self, image_id: str) -> tuple[int, int, str]:
        """Give width, height and format of an image without reading it."""
        place = self.index.place(image_id)
        return place.width, place.height, place.format

    def image_group(self, image_id: str) -> str:
        """Name the group of images that look the same as this one."""
        return self.index.group(image_id)

    def shard_fd(self, shard: str) -> int:
        """Open a shard, once; reading at an offset shares no place with other processes."""
        if shard not in self.shard_fds:
            if len(self.shard_fds) >= OPEN_SHARDS:
                os.close(self.shard_fds.pop(next(iter(self.shard_fds))))
            self.shard_fds[shard] = os.open(self.path / "images" / shard, os.O_RDONLY)
        return self.shard_fds[shard]


class Instances(Sequence[Instance]):
    """Some instances of a build directory, by position."""

    def __init__(self, directory: BuildDirectory, positions: NDArray[np.int64]) -> None:
        self.directory, self.positions = directory, positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, place: int) -> Instance: ...
    @overload
    def __getitem__(self, place: slice) -> "Instances": ...
    def __getitem__(self, place: int | slice) -> "Instance | Instances":
        if isinstance(place, slice):
            return Instances(self.directory, self.positions[place])
        return self.directory.instance(int(self.positions[place]))

    def __iter__(self) -> Iterator[Instance]:
        return (self.directory.instance(int(position)) for position in self.positions)

    def column(self, name: str) -> list[Any]:
        """Give one field of each instance, without making the instances."""
        values: list[Any] = self.directory.table[name].take(self.positions).to_pylist()
        return values


def reopen(path: Path, verify: bool) -> BuildDirectory:
    """Open a build directory again in another process."""
    return BuildDirectory(path, verify=verify)
