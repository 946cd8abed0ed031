"""Read a build directory: instances by index, images by content hash, from any process."""

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
from visionflan.storage.stored_json import is_whole_manifest, load_object
from visionflan.stores import path_was_url

OPEN_SHARDS = 64


class BuildDirectory:
    """A complete build; usable after a fork, and pickled as its path.

    With `verify`, each image that is read is checked against the hash that is its id.

    Examples:
        >>> from visionflan import BuildDirectory
        >>> build = BuildDirectory("build")
        >>> instance = build.instances("train")[0]
        >>> [turn.role for turn in instance.turns]
        ['user', 'assistant']
        >>> len(build.image(instance.images[0]))  # the bytes of its file
        2575
        >>> build.image_header(instance.images[0])  # width, height, format
        (96, 96, 'jpeg')
    """

    def __init__(self, path: Path | str, *, verify: bool = False) -> None:
        self.path, self.verify = Path(path), verify
        self.manifest = read_manifest(self.path)
        self.shard_fds: dict[str, int] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; another process opens the files itself."""
        return reopen, (self.path, self.verify)

    def __del__(self) -> None:
        """Close the shards."""
        for descriptor in getattr(self, "shard_fds", {}).values():
            os.close(descriptor)

    @property
    def digest(self) -> str:
        """Return the digest of all instances; equal data has an equal digest on any machine."""
        return str(self.manifest["digest"])

    @cached_property
    def tasks(self) -> dict[str, TaskInfo]:
        """Return the tasks that have instances."""
        return {
            task: TaskInfo(**{name: entry[name] for name in TaskInfo.__dataclass_fields__})
            for task, entry in self.manifest["tasks"].items()
            if entry["written"]
        }

    @cached_property
    def table(self) -> pa.Table:
        """Return all instances, memory-mapped, ordered by task and then by sampling hash."""
        return pa.ipc.open_file(
            pa.memory_map(str(arrow_cache_path(self.path, self.manifest)))
        ).read_all()

    @cached_property
    def batches(self) -> list[list[pa.Array]]:
        """Return the columns of each record batch of the table."""
        return [batch.columns for batch in self.table.to_batches()]

    @cached_property
    def batch_ends(self) -> list[int]:
        """Return the index after the last instance of each record batch."""
        return list(accumulate(len(batch[0]) for batch in self.batches))

    @cached_property
    def index(self) -> ImageIndex:
        """Return the image index."""
        return ImageIndex(self.path / "images.index")

    def instances(
        self, split: Split | None = None, tasks: Collection[str] | None = None
    ) -> "Instances":
        """Return the instances of a split and of some tasks; None means all."""
        for task in tasks or ():
            if task not in self.manifest["tasks"]:
                raise unknown_name_error("task", task, list(self.tasks))
        mask = np.ones(self.table.num_rows, dtype=bool)
        for column, allowed in (("split", None if split is None else [split]), ("task", tasks)):
            if allowed is not None:
                values = self.table[column].combine_chunks().dictionary_encode()
                is_allowed = np.isin(values.dictionary.to_pylist(), list(allowed))
                mask &= is_allowed[values.indices.to_numpy()]
        return Instances(self, np.flatnonzero(mask))

    def instance(self, index: int) -> Instance:
        """Return the instance at an index of the table."""
        batch = bisect_right(self.batch_ends, index)
        columns = self.batches[batch]
        return read_instance(columns, index - self.batch_ends[batch] + len(columns[0]))

    def image(self, image_id: str) -> bytes:
        """Return the encoded bytes of an image."""
        location = self.index.locate(image_id)
        encoded = os.pread(self.shard_fd(location.shard), location.length, location.offset)
        if self.verify and sha256(encoded).hexdigest() != image_id:
            raise BuildError(
                f"{self.path / 'images' / location.shard} is damaged: the content of image "
                f"{image_id} has another hash"
            )
        return encoded

    def describe_image_location(self, image_id: str) -> str:
        """Return a description of where an image is stored, for messages."""
        shard = self.index.locate(image_id).shard
        return f"image {image_id[:12]} in {self.path / 'images' / shard}"

    def image_header(self, image_id: str) -> tuple[int, int, str]:
        """Return width and height in pixels and the format of an image, without reading it."""
        location = self.index.locate(image_id)
        return location.width, location.height, location.format

    def image_group(self, image_id: str) -> str:
        """Return the id of the first image in this image's group of near-duplicates."""
        return self.index.group(image_id)

    def shard_fd(self, shard: str) -> int:
        """Return the file descriptor of a shard; `pread` shares no position between processes."""
        if shard not in self.shard_fds:
            if len(self.shard_fds) >= OPEN_SHARDS:
                os.close(self.shard_fds.pop(next(iter(self.shard_fds))))
            self.shard_fds[shard] = os.open(self.path / "images" / shard, os.O_RDONLY)
        return self.shard_fds[shard]


class Instances(Sequence[Instance]):
    """A lazy sequence of instances of a build directory."""

    def __init__(self, directory: BuildDirectory, positions: NDArray[np.int64]) -> None:
        self.directory, self.positions = directory, positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Instance: ...
    @overload
    def __getitem__(self, index: slice) -> "Instances": ...
    def __getitem__(self, index: int | slice) -> "Instance | Instances":
        if isinstance(index, slice):
            return Instances(self.directory, self.positions[index])
        return self.directory.instance(int(self.positions[index]))

    def __iter__(self) -> Iterator[Instance]:
        return (self.directory.instance(int(position)) for position in self.positions)

    def column(self, name: str) -> list[Any]:
        """Return one field of every instance, without decoding the others."""
        values: list[Any] = self.directory.table[name].take(self.positions).to_pylist()
        return values


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a build; raise BuildError unless it is complete and of this format."""
    manifest = load_manifest(path)
    for name, size in manifest["files"].items():
        file = path / name
        if not file.is_file() or file.stat().st_size != size:
            raise BuildError(f"{file} is missing or differs from the manifest: build it again")
    return manifest


def load_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of a build, of which other files may be missing or damaged.

    Raises BuildError unless there is one of this format.
    """
    if not (path / "manifest.json").is_file():
        if path_was_url(path):
            raise BuildError(
                f"{path} is a URL: copy the build to a directory and name that "
                "(see docs/object-stores.md)"
            )
        raise BuildError(
            f"{path} has no manifest.json: it is not a build directory, or its build was "
            "interrupted; run the same build again to finish it"
        )
    manifest = load_object(path / "manifest.json")
    if manifest is None:
        raise BuildError(f"{path / 'manifest.json'} is damaged: run the same build again")
    if (number := manifest.get("format")) != BUILD_FORMAT:
        raise BuildError(
            f"{path} has build format {number}, not {BUILD_FORMAT}: build it again with this "
            "version of visionflan"
        )
    if not is_whole_manifest(manifest):
        raise BuildError(f"{path / 'manifest.json'} is damaged: run the same build again")
    return manifest


def reopen(path: Path, verify: bool) -> BuildDirectory:
    """Open a build directory that was pickled."""
    return BuildDirectory(path, verify=verify)
