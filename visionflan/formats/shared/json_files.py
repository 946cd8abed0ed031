"""Write files of JSON records."""

import json
import os
from pathlib import Path
from typing import Any, TextIO


class JsonList:
    """Writes a JSON list of one record a line; without records there is no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fields: set[str] = set()  # of all records
        self.file: TextIO | None = None

    def add(self, record: dict[str, Any]) -> None:
        """Write a record."""
        self.fields.update(record)
        separator = ",\n" if self.file else "[\n"
        self.file = self.file or self.path.open("w", encoding="utf-8")
        self.file.write(separator + json.dumps(record, ensure_ascii=False))

    def close(self) -> None:
        """Write the end of the list, and sync the file."""
        if self.file is not None:
            self.file.write("\n]\n")
            self.sync(self.file)

    @staticmethod
    def sync(file: TextIO) -> None:
        """Sync and close a file."""
        file.flush()
        os.fsync(file.fileno())
        file.close()


class JsonLines(JsonList):
    """Writes one record a line; without records there is no file."""

    def add(self, record: dict[str, Any]) -> None:
        """Write a record."""
        self.fields.update(record)
        self.file = self.file or self.path.open("w", encoding="utf-8")
        self.file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Sync the file."""
        if self.file is not None:
            self.sync(self.file)
