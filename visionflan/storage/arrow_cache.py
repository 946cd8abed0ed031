"""Derive from a build's Parquet the memory-mapped table that gives any instance at once."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import commit_file
from visionflan.errors import BuildError
from visionflan.storage.schema import INSTANCES

ROWS_AT_ONCE = 10_000


def arrow_cache_path(path: Path, manifest: dict[str, Any]) -> Path:
    """Give the derived table of a build, written now if it is not there.

    It lies in the build directory, or in the user's cache where that cannot be written.
    """
    digest: str = manifest["digest"]
    names = [name for name in manifest["files"] if name.startswith("instances/")]
    places = [path / ".cache", user_cache_dir()]
    fault = OSError()
    for place in places:
        file = place / digest / "instances.arrow"
        if file.is_file():
            return file
        try:
            write_derived(file, [path / name for name in sorted(names)])
        except OSError as refused:
            fault = refused
            continue
        return file
    raise BuildError(f"neither {places[0]} nor {places[1]} can be written: {fault}")


def user_cache_dir() -> Path:
    """Name the folder in which the user's programs keep what they can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visionflan"


def write_derived(file: Path, instances: list[Path]) -> None:
    """Write the instances of all tasks one after another; processes may do so at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, INSTANCES) as writer:
        for path in instances:
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches(ROWS_AT_ONCE):
                    writer.write_batch(batch)
    commit_file(temporary, file)
