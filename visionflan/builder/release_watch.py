"""Watch what a process opens of a release: to refuse what would hang it, and to name what it skips.

Readers open files in their own ways, so that only the interpreter's audit events see all of them.
"""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from visionflan.builder.source_fingerprint import subdirectories
from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.escaping import escape_unprintable
from visionflan.layouts import is_image_file, is_image_name

LISTINGS = frozenset({"os.listdir", "os.scandir"})
TABLE_SUFFIXES = frozenset(
    {".csv", ".json", ".jsonl", ".mat", ".mdb", ".npy", ".npz", ".parquet", ".pkl", ".tsv", ".xml"}
)
DEPTH = 2  # levels of directories that are looked at
MAX_COUNTED = 100_000  # files that are counted in a directory that is not read
# What nobody writes into a name: control characters, and bytes that are not UTF-8.
DAMAGED_NAME = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
FOLDER_ICON = "Icon\r"  # what macOS puts into a directory that has an icon of its own


class ReleaseWatch:
    """Record the directories of a release in which a file is opened, or which are listed.

    Only a process that reads one release installs it, because an audit hook stays until its end.

    Attributes:
        opened: receives the path of each file that is opened.
        directories: the directories that were read.
        damaged_names: the damaged names among those of the files that were opened.
    """

    def __init__(self, root: Path, opened: Any) -> None:
        self.root, self.opened = str(root), opened
        self.prefixes = tuple({f"{self.root}{os.sep}", f"{os.path.realpath(root)}{os.sep}"})
        self.neighbors = f"{root.parent}{os.sep}"
        self.directories: set[str] = set()
        self.damaged_names: set[str] = {FOLDER_ICON}

    def install(self) -> None:
        """Begin to watch."""
        sys.addaudithook(self.audit)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Record a directory; refuse to open a pipe or a device, which might never end."""
        if event != "open" and event not in LISTINGS:
            return
        if not isinstance(args[0], str | bytes | os.PathLike):
            return
        path = os.path.abspath(os.fsdecode(args[0]))  # noqa: PTH100 - links are not followed
        if not f"{path}{os.sep}".startswith(self.prefixes):
            # Some readers look at the release of a neighbor, which may be as damaged.
            if event == "open" and path.startswith(self.neighbors):
                check_regular(path)
            return
        if event in LISTINGS:
            self.directories.add(path)
            return
        directory, name = os.path.split(path)
        self.directories.add(directory)
        if DAMAGED_NAME.search(name):
            self.damaged_names.add(name)
        self.opened.value = os.fsencode(path)[: len(self.opened) - 1]
        check_regular(path)

    def unread(self, used: Iterable[str]) -> dict[str, int]:
        """Return the directories with data in which nothing was read, with their numbers of files.

        `used` are the directories of the images of the rows.
        """
        read = set(self.ancestors([*self.directories, *used]))
        return dict(unread_directories(Path(self.root), read, DEPTH))

    def unreadable(self) -> Iterator[BrokenRow]:
        """Yield what lies in the directories that were read, and cannot be read itself.

        Listing and asking for a file pass such a path, and a damaged name, over in silence. Images
        are left out: those that are needed are looked for when they are checked.
        """
        read = {".", *self.ancestors(self.directories)}
        for name in sorted(read):
            for entry in entries_of(Path(self.root, name)):
                path = escape_unprintable(os.path.relpath(entry.path, self.root))
                if entry.name[0] == ".":
                    continue
                if problem := unreadable_as(entry):
                    yield BrokenRow(path, "unreadable_path", f"{path} {problem}")
                elif is_named_as_table(entry) and str(Path(name, entry.name)) not in read:
                    detail = f"{path} is a directory, not a file: copy the file itself there"
                    yield BrokenRow(path, "unreadable_path", detail)
                elif self.is_unread(entry):
                    detail = f"{path} was not read: give it the name that its owners gave it"
                    yield BrokenRow(path, "damaged_name", detail)

    def is_unread(self, entry: "os.DirEntry[str]") -> bool:
        """Return whether a file has a damaged name, and was not opened."""
        if entry.name in self.damaged_names or not DAMAGED_NAME.search(entry.name):
            return False
        return not is_image_name(entry.name) and entry.is_file()

    def ancestors(self, directories: Iterable[str]) -> Iterator[str]:
        """Yield directories of the release, and the directories that contain them."""
        for directory in set(directories):
            for prefix in self.prefixes:
                if f"{directory}{os.sep}".startswith(prefix):
                    inner = Path(directory[len(prefix) :])
                    yield from (str(path) for path in (inner, *inner.parents))


def check_regular(path: str) -> None:
    """Raise ReleaseError for a pipe, a socket or a device; reading one might never end."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - called for each file
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ReleaseError(f"{path} is a pipe or a device, not a file: copy the file itself there")


def entries_of(directory: Path) -> "list[os.DirEntry[str]]":
    """Return the sorted entries of a directory; none if it cannot be listed, or contains itself."""
    try:
        if directory.is_symlink() and contains(str(directory)):
            return []
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def unreadable_as(entry: "os.DirEntry[str]") -> str:
    """Return why an entry of a directory cannot be read; empty if it can, or is an image."""
    if entry.is_file(follow_symlinks=False) or is_image_name(entry.name):
        return ""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return f"cannot be followed: {error.strerror}; put there what it should lead to"
    if stat.S_ISDIR(mode):
        if entry.is_symlink() and contains(entry.path):
            return "leads to a directory that contains it: put there what it should lead to"
        readable = os.access(entry.path, os.R_OK | os.X_OK)
        return "" if readable else "cannot be listed: permit reading it"
    return "" if stat.S_ISREG(mode) else "is a pipe or a device: copy the file itself there"


def is_named_as_table(entry: "os.DirEntry[str]") -> bool:
    """Return whether a directory has the name of a table."""
    is_directory = entry.is_dir(follow_symlinks=False)
    return is_directory and Path(entry.name).suffix.lower() in TABLE_SUFFIXES


def contains(link: str) -> bool:
    """Return whether a link leads to one of the directories that contain it."""
    target, parent = Path(link).resolve(), Path(link).parent.resolve()
    return target == parent or target in parent.parents


def unread_directories(root: Path, read: set[str], depth: int) -> Iterator[tuple[str, int]]:
    """Yield the topmost directories with data that are not in `read`, and how many files each has.

    Directories that cannot be listed are left out: the reader names those that it needs.
    """
    pending = [(child, 1) for child in visible_subdirectories(root)]
    while pending:
        directory, level = pending.pop(0)
        name = str(directory.relative_to(root))
        if name in read:
            if level < depth:
                pending += [(child, level + 1) for child in visible_subdirectories(directory)]
        elif number := count_data(directory):
            yield escape_unprintable(name), number


def visible_subdirectories(directory: Path) -> list[Path]:
    """Return the sorted directories in a directory that are not hidden."""
    return [path for path in subdirectories(directory) if path.name[0] not in "._"]


def count_data(directory: Path) -> int:
    """Return the number of files under a directory, or 0 if none is an image or a table."""
    number, has_data = 0, False
    for _, _, files in os.walk(directory):
        number += len(files)
        has_data = has_data or any(map(is_data_file, files))
        if number >= MAX_COUNTED:
            break
    return number if has_data else 0


def is_data_file(name: str) -> bool:
    """Return whether a file is an image or a table by its suffix."""
    path = Path(name)
    return is_image_file(path) or path.suffix.lower() in TABLE_SUFFIXES
