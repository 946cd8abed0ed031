"""Write the records of a release again, with the files of downloaded images in place of URLs."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from visionflan.atomic_write import atomic_path
from visionflan.fetch.shard_log import STATE_DIR, read_log
from visionflan.fetch.url_list import (
    MIXED,
    SCHEMES,
    ListColumns,
    file_records,
    list_files,
    suffix,
)
from visionflan.layouts.img2dataset import ROWS_PER_SHARD


class LocalFiles:
    """The files of downloaded images by row, with one shard in memory."""

    def __init__(self, out: Path) -> None:
        self.out, self.shard = out, -1
        self.files: dict[int, str] = {}
        self.rows: Iterator[int] = count()

    def localize(self, value: Any) -> Any:
        """Return a value of a record with files in place of its URLs, which are the next rows."""
        if isinstance(value, list):
            return [self.localize(one) for one in value]
        if isinstance(value, dict):
            return {name: self.localize(one) for name, one in value.items()}
        if isinstance(value, str) and value.strip().startswith(SCHEMES):
            return self.file(next(self.rows), value)
        return value

    def file(self, row: int, url: str) -> str:
        """Return the file of a row, relative to the output directory; its URL if there is none."""
        if row // ROWS_PER_SHARD != self.shard:
            self.shard = row // ROWS_PER_SHARD
            log = read_log(self.out / STATE_DIR / f"{self.shard:05d}.jsonl")
            latest = {record["row"]: record for record in log}
            self.files = {row: one["file"] for row, one in latest.items() if "file" in one}
        return self.files.get(row, url)


def write_local_records(path: Path, columns: ListColumns, out: Path) -> list[Path]:
    """Write the JSON records of a release beside their images, as JSON lines; return the files.

    An image that was not downloaded keeps its URL, so that an import accounts for its record.
    Nothing is written of lists whose images have no field of conversations.
    """
    files, written = LocalFiles(out), []
    for source in list_files(path):
        named, records = file_records(source, columns)
        if named.url not in MIXED or suffix(source) not in ("json", "jsonl"):
            return []
        target = out / f"{source.name.partition('.')[0]}.jsonl"
        with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8") as file:
            for record in records:
                if named.url in record:
                    record[named.url] = files.localize(record[named.url])
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        written.append(target)
    return written
