"""Read lists of URLs: text, tables, JSON, and the ledgers of imports that found web addresses.

The forms are those of img2dataset (rom1504/img2dataset, README.md and img2dataset/reader.py): `txt`
with a URL a line, and `csv`, `tsv`, `json`, `jsonl` and `parquet` with a column of URLs, each but
the last one also compressed as `.gz`. A table may lack a header, as that of Conceptual Captions.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.builder.sampling import escape_surrogates
from visionflan.catalog import unknown_name_error
from visionflan.errors import ReleaseError
from visionflan.fetch.shard_log import UrlEntry
from visionflan.formats.shared.json_records import json_records
from visionflan.layouts import open_text
from visionflan.storage.schema import LEDGER

SCHEMES = ("http://", "https://")
URL_COLUMNS = ("url", "URL", "image_url", "imageURL", "image", "images")
MIXED = ("image", "images")  # columns in which other values than URLs are local files
REMOTE_IMAGE = "remote_image"  # the reason of imports
DETAIL_END = ": download it by `visionflan fetch`"  # after the URL, in the detail
MAX_CELL = 1 << 24  # characters
ROWS_AT_ONCE = 10_000
PROBED = 20  # records by which the columns of a file are recognized

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ListColumns:
    """The names of the columns of a list; "" for one that is recognized, or not there."""

    url: str = ""
    id: str = ""
    caption: str = ""
    hash: str = ""


def read_url_list(path: Path, columns: ListColumns) -> Iterator[UrlEntry]:
    """Yield the rows of a list, of the lists in a directory, or of the ledger of a build.

    Raises ReleaseError for a file of another form, and UnknownNameError for an unknown column.
    """
    row = 0
    for file in list_files(path):
        named, records = file_records(file, columns)
        for record in records:
            for entry in to_entries(record, named, row):
                yield entry
                row += 1


def file_records(path: Path, columns: ListColumns) -> tuple[ListColumns, Iterator[Record]]:
    """Return the columns of a file and its records."""
    records = file_reader(path)(path)
    first = list(islice(records, PROBED))
    return url_column(first, columns), chain(first, records)


def url_column(first: Sequence[Record], columns: ListColumns) -> ListColumns:
    """Return the columns of a file, by its first records; raise UnknownNameError for unknown ones.

    That of the URLs is recognized unless it is named.
    """
    known = list(dict.fromkeys(str(name) for record in first for name in record))
    url = columns.url or next((name for name in URL_COLUMNS if name in known), URL_COLUMNS[0])
    for name in (url, columns.id, columns.caption, columns.hash):
        if first and name and name not in known:
            hint = f"name one of {', '.join(known)} by --url-column"
            raise unknown_name_error("column", name, known, hint)
    return replace(columns, url=url)


def list_files(path: Path) -> list[Path]:
    """Return the files of a list: itself, the ledger of a build, or the lists in a directory."""
    if not path.exists():
        raise ReleaseError(f"{path} does not exist")
    if not path.is_dir():
        return [path]
    if (path / "ledger.parquet").is_file():
        return [path / "ledger.parquet"]
    files = sorted(file for file in path.iterdir() if file.is_file() and suffix(file) in READERS)
    if not files:
        raise ReleaseError(f"{path} has no list of URLs: name a file of {', '.join(READERS)}")
    return files


def suffix(path: Path) -> str:
    """Return the ending of a list's name, without that of its compression."""
    return Path(path.name.removesuffix(".gz")).suffix.removeprefix(".").lower()


def file_reader(path: Path) -> Callable[[Path], Iterator[Record]]:
    """Return the function that reads a file, by its name; raise ReleaseError for none."""
    if suffix(path) not in READERS:
        raise ReleaseError(f"{path} is no list of URLs: name a file of {', '.join(READERS)}")
    return READERS[suffix(path)]


def read_text(path: Path) -> Iterator[Record]:
    """Yield the lines of a text file that are not empty."""
    with open_text(path) as lines:
        yield from ({"url": line.strip()} for line in lines if line.strip())


def read_table(path: Path) -> Iterator[Record]:
    """Yield the rows of a CSV or TSV table; without a header its first URL makes the column."""
    delimiter = "\t" if suffix(path) == "tsv" else ","
    csv.field_size_limit(MAX_CELL)
    with open_text(path) as lines:
        if delimiter == "\t":
            rows = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        else:
            rows = csv.reader(lines)
        try:
            header, first = next(rows, []), list[list[str]]()
            if any(cell.startswith(SCHEMES) for cell in header):
                first = [header]
                header = ["url" if cell.startswith(SCHEMES) else "" for cell in header]
            for row in chain(first, rows):
                yield dict(zip(header, row, strict=False))
        except csv.Error as error:
            raise ReleaseError(f"{path} is not a table of {suffix(path)}: {error}") from error


def read_json(path: Path) -> Iterator[Record]:
    """Yield the records of a JSON list or of JSON lines; what is no record has no URL."""
    for record in json_records(path):
        yield record if isinstance(record, dict) else {}


def read_parquet(path: Path) -> Iterator[Record]:
    """Yield the rows of a Parquet table; those of a ledger are what an import found on the web."""
    try:
        with pq.ParquetFile(path) as table:
            names = table.schema_arrow.names
            is_ledger = names == LEDGER.names
            for batch in table.iter_batches(ROWS_AT_ONCE):
                rows = batch.to_pylist()
                yield from remote_images(rows) if is_ledger else rows
    except (pa.ArrowException, OSError) as error:
        raise ReleaseError(f"{path} is not a Parquet table: {error}") from error


def remote_images(rows: Sequence[Record]) -> Iterator[Record]:
    """Yield the URLs of records that an import dropped because their image is on the web."""
    for row in rows:
        if row["reason"] == REMOTE_IMAGE:
            yield {"url": row["detail"].removesuffix(DETAIL_END)}


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    "txt": read_text,
    "csv": read_table,
    "tsv": read_table,
    "json": read_json,
    "jsonl": read_json,
    "parquet": read_parquet,
}


def to_entries(record: Record, columns: ListColumns, row: int) -> Iterator[UrlEntry]:
    """Yield the URLs of a record, of which there can be several in `images`."""
    for url in urls(record.get(columns.url)):
        if columns.url in MIXED and not url.startswith(SCHEMES):
            continue
        yield UrlEntry(
            row,
            url,
            name=cell(record, columns.id),
            digest=cell(record, columns.hash),
            caption=cell(record, columns.caption),
        )
        row += 1


def urls(value: Any) -> list[str]:
    """Return the URLs in a value: a text, an object that has one, or a list of these."""
    if isinstance(value, list):
        return [url for one in value for url in urls(one)]
    if isinstance(value, dict):
        return [url for one in value.values() for url in urls(one) if url.startswith(SCHEMES)]
    return [clean_url(value) if isinstance(value, str) else ""]


def clean_url(text: str) -> str:
    """Return a URL without what some lists have around it: blanks and quotes."""
    return escape_surrogates(text.strip().strip('"'))


def cell(record: Record, column: str) -> str:
    """Return the text of a cell; "" for none."""
    value = record.get(column) if column else None
    return "" if value is None else escape_surrogates(str(value).strip())
