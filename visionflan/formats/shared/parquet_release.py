"""Releases of Parquet files with the images in their rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord, ReleaseImage
from visionflan.formats.shared.annotation_files import file_split, official_split, resolve
from visionflan.formats.shared.conversations import malformed, optional_text
from visionflan.image_sources import ParquetCell
from visionflan.storage.instance import Split

BATCH_ROWS = 100


@dataclass(frozen=True)
class ParquetForm:
    """A form of Parquet files.

    Attributes:
        columns: The columns that a file must have.
        parse: Parse a row, given its images; raise UnusableError if trainers cannot read it.
        used: Further columns that are read where a file has them; there are notes on all others.
        images: The column of the images, a list of them or one.
    """

    columns: tuple[str, ...]
    parse: Callable[[dict[str, Any], tuple[ReleaseImage, ...]], ConversationRecord]
    used: tuple[str, ...] = ()
    images: str = "images"

    def recognize(self, path: Path) -> bool:
        """Return whether a path is a file of this form, or a directory whose first file is one."""
        files = parquet_files(path)
        return bool(files) and set(self.columns) <= set(column_names(files[0]))

    def find_release(self, path: Path, images: Path | None = None) -> "ParquetRelease":
        """Find the files of a release: the file, or all in the directory."""
        path = resolve(path)
        if images is not None:
            raise ReleaseError(f"{path} contains its images itself: leave out --images")
        if not path.exists():
            raise ReleaseError(f"{path} does not exist")
        files = tuple(parquet_files(path))
        if not files:
            raise ReleaseError(f"{path} has no files *.parquet: pass the path of one file")
        return ParquetRelease(self, path, path if path.is_dir() else path.parent, files)


@dataclass(frozen=True)
class ParquetRelease:
    """A release of Parquet files.

    Attributes:
        form: what its rows are.
        annotations: its file, or its directory.
        images: the directory of its files.
        files: its files.
    """

    form: ParquetForm
    annotations: Path
    images: Path
    files: tuple[Path, ...]

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed rows; an unusable one comes as a BrokenRow with its reason."""
        for file in self.files:
            split = file_split(file)
            if len(self.files) > 1 and (other := official_split(file)):
                yield other
            else:
                yield from self.file_conversations(file, split or "train")

    def file_conversations(
        self, file: Path, split: Split
    ) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed rows of one file; the first has a note on columns that are not read."""
        notes = self.column_notes(file)
        for number, row in enumerate(self.rows(file)):
            try:
                if isinstance(row, UnusableError):
                    raise row
                record = self.form.parse(row, row_images(file, number, row, self.form.images))
            except UnusableError as error:
                yield BrokenRow(f"{file.name}: row {number}", error.reason, error.detail)
            else:
                yield record._replace(split=split, notes=(*record.notes, *notes))
                notes = ()

    def column_notes(self, file: Path) -> tuple[tuple[str, str], ...]:
        """Return a note on the columns of a file that are not read, if there are some."""
        known = {*self.form.columns, *self.form.used}
        others = ", ".join(name for name in column_names(file) if name not in known)
        detail = f"of all rows of {file.name}: {others}"
        return (("columns_left_out", detail),) if others else ()

    def rows(self, file: Path) -> Iterator[dict[str, Any] | UnusableError]:
        """Yield the rows of a file without the bytes of their images, or what is wrong with one."""
        wanted = {*self.form.columns, *self.form.used}
        try:
            # pyarrow cannot open a name that is not UTF-8
            with file.open("rb") as stream, pq.ParquetFile(stream) as opened:
                schema = opened.schema
                leaves = [schema.column(index).path for index in range(len(schema))]
                if missing := set(self.form.columns) - {leaf.partition(".")[0] for leaf in leaves}:
                    raise ReleaseError(f"{file} has no column {', '.join(sorted(missing))}")
                prefix = f"{self.form.images}."
                if any(leaf.startswith(prefix) and leaf.endswith(".path") for leaf in leaves):
                    leaves = [leaf for leaf in leaves if not leaf.endswith(".bytes")]
                leaves = [leaf for leaf in leaves if leaf.partition(".")[0] in wanted]
                for batch in opened.iter_batches(BATCH_ROWS, columns=leaves):
                    yield from batch_rows(batch)
        except (pa.ArrowException, OSError) as error:
            problem = " ".join(f"{error}".split())
            raise ReleaseError(f"{file} is not a complete Parquet file: {problem}") from error


def batch_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | UnusableError]:
    """Yield the rows of a batch; a text that is not UTF-8 costs its row alone."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for index in range(len(batch)):
            try:
                yield from batch.slice(index, 1).to_pylist()
            except UnicodeDecodeError as error:
                yield UnusableError("invalid_utf8", f"a text is not UTF-8: {error}")


def parquet_files(path: Path) -> list[Path]:
    """Return a file, or the Parquet files of a directory, else those of its directories, sorted."""
    if not path.is_dir():
        return [path] if path.suffix == ".parquet" and path.is_file() else []
    for pattern in ("*.parquet", "*/*.parquet"):
        # A pipe is left out: pyarrow would wait for it.
        if files := sorted(file for file in path.glob(pattern) if file.is_file()):
            return files
    return []


def column_names(path: Path) -> Sequence[str]:
    """Return the names of the columns of a file; none if it is no Parquet file."""
    try:
        with path.open("rb") as stream:
            names: list[str] = pq.read_schema(stream).names
    except (pa.ArrowException, OSError):
        return ()
    return names


def row_images(
    file: Path, number: int, row: dict[str, Any], column: str
) -> tuple[ReleaseImage, ...]:
    """Return the images of a row, whose names are their paths or else the number of the row."""
    value = row.get(column) or []
    images = value if isinstance(value, list) else [value]
    if not all(isinstance(image, dict) for image in images):
        raise malformed(f"`{column}`", value)
    return tuple(
        ReleaseImage(
            optional_text(image, "path") or f"{file.stem}-{number}",
            ParquetCell(file, column, number, index if images is value else None),
        )
        for index, image in enumerate(images)
    )
