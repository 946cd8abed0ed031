"""A directory of a store: list, read, write and copy its files, with patience."""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from visionflan.atomic_write import naming_path
from visionflan.stores.patience import Patience, StoreError, describe

T = TypeVar("T")

THREADS = 16  # files that are copied at the same time
# What listings of different stores call the version of a file, or else the time of its last change.
VERSIONS = (
    *("ETag", "etag", "md5Hash", "md5", "checksum", "blob_id", "generation", "version_id"),
    *("mtime", "LastModified", "last_modified", "modified", "updated", "created"),
)


class StoredFile(NamedTuple):
    """The size of a file of a store, and what differs if another content has that size."""

    size: int
    version: str


class FileStore:
    """A directory of a store, by its URL; its files have names relative to it.

    Args:
        url: such as `s3://bucket/directory`. The options of a store, such as a password, come from
            its own settings or from those of fsspec.
        log: receives a line for each attempt that failed and is repeated; by default, stderr does.
    """

    def __init__(self, url: str, log: Callable[[str], object] | None = None) -> None:
        import fsspec

        self.url, self.patience = url.rstrip("/"), Patience(log or write_line)
        try:
            self.files, root = fsspec.url_to_fs(self.url)
        except Exception as error:  # of many kinds: an unknown scheme, a missing package, an option
            raise StoreError(f"{url} cannot be opened: {describe(error)}") from error
        self.root = str(root).rstrip("/")

    def path(self, name: str) -> str:
        """Return what the file system calls a file."""
        return f"{self.root}/{name}" if name else self.root

    def url_of(self, name: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{name}" if name else self.url

    def call(self, name: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return the result of a call that reads or writes a file, with patience."""
        return self.patience.call(self.url_of(name), function, *args, **kwargs)

    def list_top(self) -> dict[str, bool]:
        """Return whether each entry of the directory is a directory, by its name."""
        try:
            entries = self.list_with(self.files.ls, "")
        except FileNotFoundError:
            return {}
        tops = ((str(e["name"]).rstrip("/").rpartition("/")[2], e["type"]) for e in entries)
        return {top: kind == "directory" for top, kind in tops if top not in ("", ".", "..")}

    def list_files(self, directory: str = "") -> dict[str, StoredFile]:
        """Return all files below a directory by their names relative to it, sorted.

        Raises StoreError for a name that no file of a disk can have.
        """
        listed = self.list_with(self.files.find, directory)
        start = len(self.path(directory).strip("/")) + 1
        entries = {str(path).lstrip("/")[start:]: info for path, info in listed.items()}
        folders = {folder for name in entries for folder in parents(name)}
        files: dict[str, StoredFile] = {}
        for name, info in sorted(entries.items()):
            size = int(info["size"] or 0)
            if not size and (name in folders or name.endswith("/") or not name):
                continue  # some programs write an empty file for a directory
            if name in folders or not set(name.split("/")).isdisjoint({"", ".", ".."}):
                raise StoreError(
                    f"{self.url_of(directory)} has the file {name!r}, which no disk can have: "
                    "rename or delete it"
                )
            version = next((str(info[key]) for key in VERSIONS if info.get(key)), "")
            files[name] = StoredFile(size, version)
        return files

    def list_with(self, function: Callable[..., Any], directory: str) -> Any:
        """Return what a function lists now; no listing is kept, which might need much memory."""
        self.files.invalidate_cache()
        try:
            return self.call(directory, function, self.path(directory), detail=True)
        finally:
            self.files.invalidate_cache()

    def read(self, name: str) -> bytes | None:
        """Return the content of a small file; None if there is none."""
        try:
            content: bytes = self.call(name, self.files.cat_file, self.path(name))
        except FileNotFoundError:
            return None
        return content

    def read_range(self, name: str, offset: int, length: int) -> bytes:
        """Return some bytes of a file."""
        content: bytes = self.call(
            name, self.files.cat_file, self.path(name), start=offset, end=offset + length
        )
        return content

    def create(self, name: str, content: bytes) -> None:
        """Write a small file that must be new; raise FileExistsError if it is there.

        S3 and Google Cloud Storage decide this in one step. In other stores two processes that
        write at the same moment may both succeed.
        """
        self.write(name, self.files.pipe_file, self.path(name), content, mode="create")

    def delete(self, names: Iterable[str]) -> None:
        """Delete files, one after another, if they are there."""
        for name in names:
            try:
                self.call(name, self.files.rm_file, self.path(name))
            except FileNotFoundError:
                continue

    def download(self, name: str, path: Path, size: int) -> None:
        """Copy a file of a known size to this machine."""

        def copy() -> None:
            self.files.get_file(self.path(name), str(path))
            if (arrived := path.stat().st_size) != size:
                raise ConnectionError(f"{arrived:,} of {size:,} bytes arrived")

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with naming_path(path):
                self.call(name, copy)
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.url_of(name)} was deleted while it was read: run the same command again"
            ) from error

    def upload(self, path: Path, name: str) -> None:
        """Copy a file of this machine into the store."""
        self.write(name, self.files.put_file, str(path), self.path(name))

    def write(self, name: str, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Call what writes a file, in a directory that is created where there are directories.

        In an object store there are none, and creating one would create a bucket.
        """
        try:
            if not self.files.async_impl:
                parent = self.path(name).rpartition("/")[0]
                self.call(name, self.files.makedirs, parent, exist_ok=True)
            self.call(name, function, *args, **kwargs)
        except FileNotFoundError as error:
            raise StoreError(
                f"{self.url} cannot be written: {describe(error)}; create the bucket or name "
                "another --out"
            ) from error

    def for_each(self, function: Callable[..., object], *arguments: Iterable[Any]) -> Iterator[int]:
        """Call a method for many files, some at the same time; yield how many are done.

        The first failure ends the calls that wait, and is raised.
        """
        failures: list[Exception] = []

        def call(*values: Any) -> None:
            try:
                if not failures:
                    function(*values)
            except Exception as error:
                self.patience.stop()
                failures.append(error)

        threads = ThreadPoolExecutor(THREADS)
        try:
            for done, _ in enumerate(threads.map(call, *arguments), start=1):
                if failures:
                    raise failures[0]
                yield done
        except BaseException:
            self.patience.stop()
            raise
        finally:
            threads.shutdown(cancel_futures=True)


def write_line(line: str) -> None:
    """Write a line to stderr, as from a process of which another one has the log."""
    sys.stderr.write(f"{line}\n")


def parents(name: str) -> Iterator[str]:
    """Yield the directories that contain a file."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
