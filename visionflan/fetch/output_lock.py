"""Who writes into a directory of downloads: one process at a time, and the rows of one list."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visionflan.atomic_write import write_text
from visionflan.builder.sampling import escape_surrogates
from visionflan.errors import ReleaseError


@contextmanager
def lock_state(state: Path) -> Iterator[None]:
    """Lock the state of a download; the lock ends with the process, however it ends.

    Worker processes, which may outlive it for a moment, do not inherit the lock.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise ReleaseError(
                f"another process downloads into {state.parent}: wait for it to end"
            ) from None
        yield


def check_list_name(state: Path, name: str) -> None:
    """Note of which list a directory has the images by row; raise ReleaseError for another one."""
    file = state / "list.txt"
    if not name:
        return
    name = escape_surrogates(name)
    if file.is_file() and (earlier := file.read_text(encoding="utf-8")) != name:
        raise ReleaseError(
            f"{state.parent} has the images of the list {earlier}, whose rows name the files: name "
            f"another directory as --out, or ids of {name} by --id-column"
        )
    write_text(file, name)
