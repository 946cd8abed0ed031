"""Write the records of a release again, with the files of downloaded images in place of URLs."""

import json
from collections import deque
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from visionflan.atomic_write import atomic_path
from visionflan.errors import ReleaseError
from visionflan.fetch.shard_log import STATE_DIR, read_log
from visionflan.fetch.url_list import (
    MIXED,
    SCHEMES,
    ListColumns,
    clean_url,
    file_records,
    list_files,
    suffix,
    to_entries,
)
from visionflan.layouts.img2dataset import ROWS_PER_SHARD


class LocalFiles:
    """The files of downloaded images by row, with one shard in memory."""

    def __init__(self, out: Path) -> None:
        self.out, self.shard = out, -1
        self.files: dict[tuple[int, str], str] = {}  # by row and URL
        self.rows: Iterator[int] = count()

    def skip(self, number: int) -> None:
        """Pass over rows of a list without records."""
        deque(islice(self.rows, number), maxlen=0)

    def localize(self, value: Any) -> Any:
        """Return a value of a record with files in place of its URLs, which are the next rows."""
        if isinstance(value, list):
            return [self.localize(one) for one in value]
        if isinstance(value, dict):
            return {name: self.localize(one) for name, one in value.items()}
        if isinstance(value, str) and (url := clean_url(value)).startswith(SCHEMES):
            return self.file(next(self.rows), url) or value
        return value

    def file(self, row: int, url: str) -> str:
        """Return the file of a row, relative to the output directory; "" if there is none."""
        if row // ROWS_PER_SHARD != self.shard:
            self.shard = row // ROWS_PER_SHARD
            log = read_log(self.out / STATE_DIR / f"{self.shard:05d}.jsonl")
            self.files = {(one["row"], one["url"]): one.get("file", "") for one in log}
        return self.files.get((row, url), "")


def record_files(path: Path, columns: ListColumns, out: Path) -> dict[Path, Path]:
    """Return where the records of each file of a list are written; lists of other forms have none.

    Raises ReleaseError if that is a file of the list, or the place of two files.
    """
    targets: dict[Path, Path] = {}
    for source in list_files(path):
        named, _ = file_records(source, columns)
        if named.url not in MIXED or suffix(source) not in ("json", "jsonl"):
            continue
        target = out / f"{source.name.removesuffix('.gz').rpartition('.')[0]}.jsonl"
        if target.exists() and target.samefile(source):
            raise ReleaseError(
                f"{source} would be replaced by its records with files in place of URLs: name "
                "another directory as --out"
            )
        for other, taken in targets.items():
            if taken == target:
                raise ReleaseError(
                    f"the records of {other.name} and {source.name} would both be written to "
                    f"{target}: rename one of them"
                )
        targets[source] = target
    return targets


def write_local_records(path: Path, columns: ListColumns, out: Path) -> list[Path]:
    """Write the JSON records of a release beside their images, as JSON lines; return the files.

    An image that was not downloaded keeps its URL, so that an import accounts for its record.
    Nothing is written of lists whose images have no field of conversations.
    """
    files, targets = LocalFiles(out), record_files(path, columns, out)
    for source in list_files(path) if targets else ():
        named, records = file_records(source, columns)
        if source not in targets:
            files.skip(sum(1 for record in records for _ in to_entries(record, named, 0)))
            continue
        target = targets[source]
        with (
            atomic_path(target) as temporary,
            # Half of a character, which JSON can contain, is written as JSON escapes it.
            temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
        ):
            for record in records:
                if named.url in record:
                    record[named.url] = files.localize(record[named.url])
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return list(targets.values())
