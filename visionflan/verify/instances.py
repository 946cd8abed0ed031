"""Check the instances of a task: their digest, their counts, and each row."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.builder.assemble import digest_line
from visionflan.dataset import IMAGE_MARKER
from visionflan.plural import counted
from visionflan.storage.arrow_cache import ROWS_AT_ONCE
from visionflan.storage.image_index import ID_BYTES, ImageIndex
from visionflan.storage.schema import INSTANCES, instances_path


def check_task(
    path: Path,
    task: str,
    entry: dict[str, Any],
    index: ImageIndex | None,
    report: Callable[[str, str], object],
) -> int:
    """Report what is wrong with the instances of a task, and return how many were read.

    `entry` is that of the manifest. Without an index images are not looked up.
    """
    file = instances_path(path, task)
    name = str(file.relative_to(path))
    checker = RowChecker(task, index)
    try:
        for row in read_rows(file):
            for problem in checker.check(row):
                report(name, f"{task}: {problem}")
    except (pa.ArrowException, OSError, ValueError) as error:
        report(name, f"{task}: it is damaged ({error})")
        return checker.splits.total()
    for split in ("train", "held_out"):
        if (count := checker.splits[split]) != entry.get(split):
            rows = counted(count, "row")
            report(name, f"{task}: {rows} of {split}, the manifest has {entry.get(split)}")
    if checker.digest.hexdigest() != entry.get("digest"):
        report(name, f"{task}: its rows do not have the digest that the manifest records")
    return checker.splits.total()


def read_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of instances; raise ValueError if it has other columns."""
    with pq.ParquetFile(file) as table:
        schema = table.schema_arrow
        if schema.names != INSTANCES.names or schema.types != INSTANCES.types:
            raise ValueError("its columns are not those of instances")
        for batch in table.iter_batches(ROWS_AT_ONCE):
            yield from batch.to_pylist()


class RowChecker:
    """Checks, counts and digests the rows of one task."""

    def __init__(self, task: str, index: ImageIndex | None) -> None:
        self.task, self.index = task, index
        self.splits: Counter[str] = Counter()
        self.digest = hashlib.sha256()
        self.ids: set[str] = set()
        self.missing: dict[str, bool] = {}

    def check(self, row: dict[str, Any]) -> Iterator[str]:
        """Count a row, and yield what is wrong with it."""
        self.digest.update(digest_line(row))
        self.splits[row["split"]] += 1
        name = row["id"]
        if row["task"] != self.task or name != f"{self.task}/{row['key']}":
            yield f"row {name}: its id is not that of its task and key"
        if name in self.ids:
            yield f"row {name}: an earlier row has the same id"
        self.ids.add(name)
        markers = sum(turn["text"].count(IMAGE_MARKER) for turn in row["turns"])
        if markers != len(row["images"]):
            images = counted(len(row["images"]), "image")
            yield f"row {name}: it has {markers} {IMAGE_MARKER} and {images}"
        for image_id in row["images"]:
            if self.is_missing(image_id):
                yield f"row {name}: image {image_id} is not in the index"

    def is_missing(self, image_id: str) -> bool:
        """Return whether the index does not have an image."""
        if self.index is None:
            return False
        if image_id not in self.missing:
            self.missing[image_id] = not is_digest(image_id) or image_id not in self.index
        return self.missing[image_id]


def is_digest(text: str) -> bool:
    """Return whether a text is a sha256 in hexadecimal digits."""
    try:
        return len(bytes.fromhex(text)) == ID_BYTES
    except ValueError:
        return False
