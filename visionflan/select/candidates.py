"""The rows of a build that a selection chooses from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from visionflan.catalog import match_tasks
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Split
from visionflan.storage.schema import instances_path


class Candidates(NamedTuple):
    """The rows of a split and of some tasks, ordered by task.

    Attributes:
        ids: their ids, (n).
        task_ids: the position of the task of each in `tasks`, (n).
        tasks: the ids of the tasks that have rows.
    """

    ids: pa.StringArray
    task_ids: NDArray[np.int32]
    tasks: list[str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)


def read_candidates(
    build: BuildDirectory, split: Split = "train", patterns: Sequence[str] = ()
) -> Candidates:
    """Return the rows of a split and of the tasks that match. Raises BuildError for none."""
    tasks = sorted(build.tasks)
    ids: list[pa.StringArray] = []
    numbers: list[NDArray[np.int32]] = []
    names: list[str] = []
    for task in match_tasks(patterns, tasks) if patterns else tasks:
        of_task = split_ids(instances_path(build.path, task), split)
        if len(of_task):
            numbers.append(np.full(len(of_task), len(names), np.int32))
            ids.append(of_task)
            names.append(task)
    if not names:
        raise BuildError(f"{build.path} has no row in the split {split} to select from")
    return Candidates(pa.concat_arrays(ids), np.concatenate(numbers), names)


def split_ids(path: Path, split: Split) -> pa.StringArray:
    """Return the ids of the rows of a task that are in a split."""
    try:
        table = pq.ParquetFile(path).read(columns=["id", "split"])
    except (pa.ArrowException, OSError) as error:
        raise BuildError(f"{path} is damaged ({error}): build it again") from error
    chosen = table.filter(pc.equal(table["split"], split))["id"].combine_chunks()
    return pa.concat_arrays(chosen.chunks) if isinstance(chosen, pa.ChunkedArray) else chosen
