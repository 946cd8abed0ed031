"""Append answers in the order of generation, until `records.parquet` is written."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from visionflan.atomic_write import append_whole, naming_path
from visionflan.errors import EvaluationError
from visionflan.evaluate.records.files import JOURNAL, JOURNALS
from visionflan.evaluate.records.record import Record, record_from_row


def journal_of(directory: Path, rank: int) -> "Journal":
    """Return the journal of one of several processes in an evaluation directory."""
    return Journal(directory / (JOURNAL if rank == 0 else f"answers.{rank}.jsonl"))


def journals(directory: Path) -> list["Journal"]:
    """Return the journals of all processes that were ever interrupted in a directory."""
    return [Journal(path) for path in sorted(directory.glob(JOURNALS))]


class Journal:
    """A JSON Lines file of records that survives a kill: a torn line is skipped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, records: Iterable[Record]) -> None:
        """Append records, all of them or none; a line that an earlier kill tore is ended first."""
        lines = [json.dumps(record._asdict(), ensure_ascii=False) + "\n" for record in records]
        with naming_path(self.path), self.path.open("ab+", buffering=0) as file:
            if file.tell():
                file.seek(-1, 2)
                lines.insert(0, "" if file.read() == b"\n" else "\n")
            append_whole(file.fileno(), "".join(lines).encode())

    def __iter__(self) -> Iterator[Record]:
        """Yield the complete records; raise EvaluationError for a line of something else."""
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_bytes().split(b"\n"), start=1):
            try:
                record = record_from_row(json.loads(line))
            except ValueError:
                continue
            except (AttributeError, TypeError, RecursionError):
                raise EvaluationError(
                    f"{self.path}:{number}: the line is not an answer of this version: delete it"
                ) from None
            yield record
