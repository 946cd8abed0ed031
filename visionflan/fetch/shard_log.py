"""What became of the URLs of a shard of 10,000 rows, in a log that outlives a kill.

A line of JSON is written after a file has its final name. What was cut off by a kill is an image
that is downloaded again, or a line that is not read.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import atomic_path
from visionflan.fetch.settings import FetchSettings
from visionflan.layouts.img2dataset import ROWS_PER_SHARD
from visionflan.storage.schema import write_table

STATE_DIR = ".fetch"
LEDGER = "fetch-ledger.parquet"
LEDGER_SCHEMA = pa.schema([(name, pa.string()) for name in ("key", "url", "reason", "detail")])
# The first five columns are those of img2dataset.
TABLE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("key", "url", "status", "error_message", "caption")),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("file", pa.string()),
        ("size", pa.int64()),
        ("sha256", pa.string()),
    ]
)


class UrlEntry(NamedTuple):
    """A row of a list.

    Attributes:
        row: its position in the list, from zero.
        url: the URL of the image; "" if the row names none.
        name: its id, which names its file; "" to name it by its row.
        path: the path of its file, relative to the output directory; "" to name it by its id.
        digest: the hash that its bytes must have, in hexadecimal digits; "" if none is stated.
        caption: its caption.
    """

    row: int
    url: str
    name: str = ""
    path: str = ""
    digest: str = ""
    caption: str = ""

    @property
    def key(self) -> str:
        """Return what identifies the row: its path, its id, or its row as img2dataset does."""
        return self.path or self.name or f"{self.row:09d}"


class ShardLog:
    """The rows of one shard that were downloaded, or why not."""

    def __init__(self, out: Path, shard: int) -> None:
        self.out, self.shard = out, shard
        self.path = out / STATE_DIR / f"{shard:05d}.jsonl"
        self.records = {record["key"]: record for record in read_log(self.path)}
        self.remaining = 0  # rows that are being downloaded
        self.is_read = False  # whether all rows of the shard were read from the list
        self.changed = False
        self.file = self.path.open("a", encoding="utf-8")
        if self.file.tell() and not ends_with_newline(self.path):
            self.file.write("\n")

    def needs_download(self, entry: UrlEntry, settings: FetchSettings) -> bool:
        """Return whether a row is still to be downloaded."""
        record = self.records.get(entry.key)
        if record is None or record["url"] != entry.url:
            return True
        if "reason" in record:
            return bool(record["again"]) or settings.retry_failed
        file = self.out / record["file"]
        return not file.is_file() or file.stat().st_size != record["size"]

    def add(self, entry: UrlEntry, outcome: dict[str, Any]) -> None:
        """Write what became of a row."""
        record = {"key": entry.key, "url": entry.url, "row": entry.row, **outcome}
        if entry.caption:
            record["caption"] = entry.caption
        self.records[entry.key] = record
        self.changed = True
        self.file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.file.flush()

    def close(self, table_dir: Path) -> None:
        """Close the log, and write its rows as a table like those of img2dataset."""
        self.file.close()
        path = table_dir / f"{self.shard:05d}.parquet"
        if self.records and (self.changed or not path.is_file()):
            rows = [to_row(record) for record in sorted_records(self.records.values())]
            write_table(path, pa.Table.from_pylist(rows, schema=TABLE_SCHEMA))


def shard_of(entry: UrlEntry) -> int:
    """Return the shard that a row belongs to."""
    return entry.row // ROWS_PER_SHARD


def sorted_records(records: Any) -> list[dict[str, Any]]:
    """Return records in the order of the list."""
    return sorted(records, key=lambda record: int(record["row"]))


def to_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a row of a table."""
    row = {name: record.get(name) for name in TABLE_SCHEMA.names}
    failed = "reason" in record
    message = f"{record['reason']}: {record['detail']}" if failed else None
    return row | {
        "status": "failed_to_download" if failed else "success",
        "error_message": message,
    }


def read_log(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log; one that a kill cut off is left out."""
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and {"key", "url", "row"} <= record.keys():
            yield record


def ends_with_newline(path: Path) -> bool:
    """Return whether the last byte of a file is a line end."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def write_ledger(out: Path) -> dict[str, int]:
    """Write the failures of all shards into the ledger; return their number by reason."""
    counts: dict[str, int] = {}
    with (
        atomic_path(out / LEDGER) as temporary,
        pq.ParquetWriter(temporary, LEDGER_SCHEMA, compression="zstd") as ledger,
    ):
        for path in sorted((out / STATE_DIR).glob("*.jsonl")):
            latest = {record["key"]: record for record in read_log(path)}
            failed = [record for record in sorted_records(latest.values()) if "reason" in record]
            for record in failed:
                counts[record["reason"]] = counts.get(record["reason"], 0) + 1
            rows = [{name: record[name] for name in LEDGER_SCHEMA.names} for record in failed]
            ledger.write_table(pa.Table.from_pylist(rows, schema=LEDGER_SCHEMA))
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
