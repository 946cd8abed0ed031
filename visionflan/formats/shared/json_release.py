"""Releases of JSON records: a form is recognized by its fields, and read record by record."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError, UnusableError
from visionflan.formats.base import ConversationRecord
from visionflan.formats.shared.annotation_files import (
    SUFFIXES,
    export_split,
    find_annotations,
    find_images,
    has_records,
    json_files,
    resolve,
    unreadable_files,
)
from visionflan.formats.shared.conversations import encodable, malformed
from visionflan.formats.shared.dataset_info import lists_datasets
from visionflan.formats.shared.json_records import json_records
from visionflan.formats.shared.yaml_lists import yaml_lists


@dataclass(frozen=True)
class JsonForm:
    """A form of JSON records, in a list or one a line.

    Attributes:
        noun: What the records are, for errors.
        matches: Return whether an object is a record of this form.
        parse: Parse a record, given the directory of the images; raise UnusableError if trainers
            cannot read it.
        names: Return the names of the images of a record; may raise UnusableError.
        excludes: Return whether a record belongs to another form, and with it the file.
        id_field: The field of a record's id.
        suffixes: Suffixes of the files in a directory; a file by itself may have another.
    """

    noun: str
    matches: Callable[[dict[str, Any]], bool]
    parse: Callable[[dict[str, Any], Path], ConversationRecord]
    names: Callable[[dict[str, Any]], Sequence[str]]
    excludes: Callable[[dict[str, Any]], bool] = lambda record: False
    id_field: str = "id"
    suffixes: tuple[str, ...] = SUFFIXES

    def matches_file(self, records: list[dict[str, Any]]) -> bool:
        """Return whether a file that begins with these records is of this form."""
        return any(map(self.matches, records)) and not any(map(self.excludes, records))

    def recognize(self, path: Path) -> bool:
        """Return whether a file, or one in a directory, has records of this form."""
        if path.is_dir():
            # A list in the directory says how its files are read.
            return not (lists_datasets(path) or yaml_lists(path)) and any(
                has_records(file, self.matches_file) for file in json_files(path, self.suffixes)
            )
        return path.is_file() and has_records(path, self.matches_file)

    def find_release(self, path: Path, images: Path | None = None) -> "JsonRelease":
        """Find the annotation files and the directory of the images of a release."""
        path = resolve(path)
        files = find_annotations(path, self.noun, self.matches_file, self.suffixes)
        damaged = unreadable_files(path, self.suffixes) if path.is_dir() else []
        unread = tuple(row for row in damaged if path / row.key not in files)
        release = JsonRelease(self, files, files[0].parent, unread)
        return release.with_images(images)

    def image_names(self, record: Any) -> Sequence[str]:
        """Return the image names of a record; none if it is malformed."""
        try:
            return self.names(record) if isinstance(record, dict) else ()
        except UnusableError:
            return ()

    def record_id(self, record: Any) -> str:
        """Return the id of a record if it is a text that can be stored."""
        value = record.get(self.id_field) if isinstance(record, dict) else ""
        try:
            return encodable(value) if isinstance(value, str) else ""
        except UnusableError:
            return ""


@dataclass(frozen=True)
class JsonRelease:
    """A release of JSON records.

    Attributes:
        form: What its records are.
        files: its annotation files, in one directory.
        images: the directory that image names are relative to.
        unread: files beside them that are damaged.
    """

    form: JsonForm
    files: tuple[Path, ...]
    images: Path
    unread: tuple[BrokenRow, ...] = ()

    @property
    def annotations(self) -> Path:
        """Return the annotation file, or the directory of several."""
        return self.files[0] if len(self.files) == 1 else self.files[0].parent

    def with_images(self, images: Path | None) -> "JsonRelease":
        """Return the release with a directory of images: the one named, or the one found."""
        if images is None:
            names = (name for record in self.records() for name in self.form.image_names(record))
            images = find_images(self.files[0], names)
        elif not images.is_dir():
            raise ReleaseError(
                f"{images} is not a directory: --images is the directory of the images"
            )
        return replace(self, images=resolve(images))

    def records(self) -> Iterator[Any | BrokenRow]:
        """Yield the raw records one by one, without loading an entire file."""
        for file in self.files:
            yield from json_records(file)

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed records; an unusable one comes as a BrokenRow with its reason."""
        yield from self.unread
        for file in self.files:
            split = export_split(file) or "train"
            for conversation in self.file_conversations(file):
                if isinstance(conversation, BrokenRow):
                    yield conversation
                else:
                    yield conversation._replace(split=split)

    def file_conversations(self, file: Path) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield the parsed records of one file."""
        for number, entry in enumerate(json_records(file), start=1):
            if isinstance(entry, BrokenRow):
                yield entry
                continue
            try:
                if not isinstance(entry, dict):
                    raise malformed("the record", entry)
                yield self.form.parse(entry, self.images)
            except UnusableError as error:
                key = ": ".join(filter(None, (f"record {number}", self.form.record_id(entry))))
                yield BrokenRow(f"{file.name}: {key}", error.reason, error.detail)
