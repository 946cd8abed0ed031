"""Write files and directories atomically: to a temporary name, then fsync, then rename."""

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from visionflan.errors import BuildError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success the file written there is synced and renamed to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with naming_path(path):
            yield temporary
            commit_file(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield an empty temporary directory; on success its files are synced and it becomes `path`."""
    temporary = path.with_name(f".{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with naming_path(path):
            yield temporary
            for file in temporary.iterdir():
                fsync_path(file)
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    fsync_path(path.parent)


@contextmanager
def new_directory(out: Path, last: str) -> Iterator[Path]:
    """Yield a temporary directory that becomes `out` at the end, or fills it where it is there.

    So `out` may be `.` or a mount point. The file `last` comes last and marks it as complete.
    Raises BuildError if another process is writing it.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - links are not followed
    is_there = out.is_dir()
    temporary = unfinished_directory(out)
    with ExitStack() as stack:
        try:
            stack.enter_context(sole_user(temporary))
        except BlockingIOError:
            raise BuildError(f"another command writes to {out}: wait for it to end") from None
        stack.callback(shutil.rmtree, temporary, ignore_errors=True)
        for path in temporary.iterdir():  # of an interrupted command
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with naming_path(out):
            yield temporary
        fsync_path(temporary)
        if is_there:
            for path in sorted(temporary.iterdir(), key=lambda path: path.name == last):
                path.rename(out / path.name)
            fsync_path(out)
        else:
            temporary.replace(out)
            fsync_path(out.parent)


def unfinished_directory(out: Path) -> Path:
    """Return what becomes `out`, or is in it until then; an interrupted command leaves it."""
    return (out if out.is_dir() else out.parent) / f".{out.name}.tmp"


def is_new(out: Path) -> bool:
    """Return whether a path does not exist, or is a directory with no content."""
    if not out.is_dir():
        return not out.exists()
    out = Path(os.path.abspath(out))  # noqa: PTH100 - links are not followed
    return all(path == unfinished_directory(out) for path in out.iterdir())


@contextmanager
def naming_path(path: Path) -> Iterator[None]:
    """Add a path to errors of the operating system that name none, such as that of a full disk.

    That of safetensors, which is no OSError and has the number of one in its text, becomes one.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)$", str(error))
        if type(error).__name__ != "SafetensorError" or number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


@contextmanager
def sole_user(directory: Path) -> Iterator[None]:
    """Create a directory and lock it; it has no lock on a file system that cannot lock directories.

    Raises BlockingIOError if another process has the lock, which ends with its holder. A directory
    into which nothing was written is removed again.
    """
    existed = directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass
        yield
    finally:
        if not existed:
            with suppress(OSError):  # it is not empty
                directory.rmdir()
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, waiting for another process that has it; it ends with the holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def append_whole(descriptor: int, content: bytes, *, sync: bool = False) -> None:
    """Append bytes to an open file; of what a full disk takes only in part, nothing is left."""
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def commit_file(temporary: Path, path: Path) -> None:
    """Sync a finished file to disk and rename it, so that `path` is never a partial file."""
    fsync_path(temporary)
    temporary.replace(path)
    fsync_path(path.parent)


def fsync_path(path: Path) -> None:
    """Flush a file or a directory to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file atomically, with sorted keys and one value per line."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
