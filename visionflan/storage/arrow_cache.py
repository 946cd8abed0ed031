"""Memory-mapped Arrow copy of a build's instances, for random access; derived from its Parquet."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.errors import BuildError
from visionflan.storage.schema import INSTANCES

ROWS_AT_ONCE = 10_000


def arrow_cache_path(path: Path, manifest: dict[str, Any]) -> Path:
    """Return the Arrow copy of a build's instances, writing it if it does not exist.

    It is stored in the build directory, or in the user's cache if that is read-only.
    """
    digest: str = manifest["digest"]
    names = [name for name in manifest["files"] if name.startswith("instances/")]
    directories = [path / ".cache", user_cache_dir()]
    error = OSError()
    for directory in directories:
        file = directory / digest / "instances.arrow"
        if is_readable(file):
            return file
        try:
            write_arrow(file, [path / name for name in sorted(names)])
        except OSError as write_error:
            error = write_error
            continue
        return file
    raise BuildError(f"neither {directories[0]} nor {directories[1]} is writable: {error}")


def is_readable(file: Path) -> bool:
    """Return whether an Arrow file exists and is complete."""
    try:
        with pa.memory_map(str(file)) as source:
            pa.ipc.open_file(source)
    except (pa.ArrowException, OSError):
        return False
    return True


def user_cache_dir() -> Path:
    """Return the directory of this package in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visionflan"


def write_arrow(file: Path, instances: list[Path]) -> None:
    """Write the instances of all tasks into one file; processes may do so concurrently."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, INSTANCES) as writer:
            for path in instances:
                for batch in instance_batches(path):
                    writer.write_batch(batch)
        commit_file(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def instance_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the instances of a task; raise BuildError if their file is damaged."""
    try:
        with pq.ParquetFile(path) as table:
            yield from table.iter_batches(ROWS_AT_ONCE)
    except (pa.ArrowException, OSError) as error:
        raise BuildError(f"{path} is damaged ({error}): build it again") from error
