"""The file with the reviews of a dataset: lines are only ever added, by one process at a time."""

import errno
import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from visionflan import catalog
from visionflan.atomic_write import append_whole
from visionflan.errors import ReviewError
from visionflan.plugins import PACKAGE
from visionflan.reviews.entry import ReviewEntry

DIRECTORY = "reviews"
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
FORBIDDEN_HINT = "review from a checkout that you may change, installed with `pip install -e`"


def review_file(name: str) -> Path:
    """Return the file with the reviews of a dataset.

    That of a dataset of another package, or of a loose file, is next to its dataset file.
    """
    is_ours = name in catalog.DATASETS.ours
    parent = PACKAGE if is_ours else catalog.file_of(name).parent
    return parent / DIRECTORY / f"{name}.jsonl"


def read_entries(path: Path) -> list[ReviewEntry]:
    """Return the entries of a review file in the order of time; none if there is no file."""
    try:
        with path.open("rb") as file:
            with suppress(OSError):  # of a file system that cannot lock
                fcntl.flock(file, fcntl.LOCK_SH)  # no line is half written
            return parse_lines(path, file.read())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReviewError(f"{path} cannot be read ({error.strerror or error})") from error


def parse_lines(path: Path, content: bytes) -> list[ReviewEntry]:
    """Return the entries in the content of a review file.

    Lines of a merged file may be in another order than that of time. Raises ReviewError for a line
    that is no entry.
    """
    entries = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            entries.append(ReviewEntry.from_line(line))
        except ValueError as error:
            message = f"{path}:{number}: the line {error}: correct the line or delete it"
            raise ReviewError(message) from None
    return sorted(entries, key=lambda entry: entry.when)


def append_entries(
    path: Path, make_entries: Callable[[Sequence[ReviewEntry]], list[ReviewEntry]]
) -> list[ReviewEntry]:
    """Add entries, made from those that are there, and return them.

    What `make_entries` raises leaves the file as it was, and so does a full disk.
    """
    make_entries(read_entries(path))  # what is refused makes no empty file
    with writing(path), path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = file.read()
        entries = make_entries(parse_lines(path, content))
        lines = "".join(entry.as_line() for entry in entries)
        separator = "\n" if content and not content.endswith(b"\n") else ""
        append_whole(file.fileno(), f"{separator}{lines}".encode(), sync=True)
    return entries


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Create the directory of a review file; an error of the system becomes a ReviewError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        hint = f": {FORBIDDEN_HINT}" if error.errno in FORBIDDEN else ""
        reason = error.strerror or str(error)
        raise ReviewError(f"{path} cannot be written ({reason}){hint}") from error
