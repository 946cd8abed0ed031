"""Record the rows that a stage trains on, and how many of them it has seen."""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from visionflan.atomic_write import write_text
from visionflan.builder.conversations import conversations_origin
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.row_list import read_row_list
from visionflan.train.batch_sampler import BatchSampler
from visionflan.train.tokenized_dataset import TokenizedDataset


def write_rows(path: Path, dataset: TokenizedDataset) -> None:
    """Write the id and the task of each row as a line of JSON."""
    write_text(path, "".join(row_lines(dataset)))


def row_lines(dataset: TokenizedDataset) -> Iterator[str]:
    """Yield the line of each row; a prefix of the lines is what a smaller budget trains on."""
    ids, indices = dataset.instances.column("id"), dataset.instance_indices.tolist()
    for index, task in zip(indices, dataset.task_ids.tolist(), strict=True):
        yield json.dumps({"id": ids[index], "task": dataset.tasks[task]}) + "\n"


def data_summary(
    build: BuildDirectory, dataset: TokenizedDataset, row_list: Path | None = None
) -> dict[str, Any]:
    """Return what a stage trains on, and what was dropped or changed.

    `rows_sha256` is the digest of what `write_rows` writes, whether or not there is such a file.
    """
    digest = sha256()
    for line in row_lines(dataset):
        digest.update(line.encode())
    counts = np.bincount(dataset.task_ids, minlength=len(dataset.tasks)).tolist()
    return {
        "build": str(build.path),
        "digest": build.digest,
        "written_from": conversations_origin(build),
        "row_list": None if row_list is None else read_row_list(row_list).origin(),
        "instances": len(dataset),
        "tasks": dataset.tasks,
        "rows_by_task": dict(zip(dataset.tasks, counts, strict=True)),
        "rows_sha256": digest.hexdigest(),
        "dropped": dataset.dropped,
        "noted": dataset.noted,
    }


def seen_totals(sampler: BatchSampler, dataset: TokenizedDataset, steps: int) -> dict[str, int]:
    """Return how many rows and target tokens the first steps have, repetitions included."""
    totals = {"rows_seen": 0, "target_tokens_seen": 0}
    for rows in islice(sampler.from_step(0), steps):
        totals["rows_seen"] += len(rows)
        totals["target_tokens_seen"] += int(dataset.num_target_tokens[rows].sum())
    return totals
