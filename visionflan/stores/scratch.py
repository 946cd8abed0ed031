"""Directories for temporary copies, removed also after the process that made one was killed."""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from visionflan.atomic_write import locked


@contextmanager
def open_scratch(parent: Path | None) -> Iterator[Path]:
    """Create an empty directory, by default among this machine's temporary ones; remove it at last.

    Those of processes of this machine that were killed are removed first.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    # On a shared file system a lock may hold on one machine only.
    prefix = f"visionflan-scratch-{socket.gethostname()}-{os.getuid()}-"
    with ExitStack() as stack:
        with locked(parent / f".{prefix}lock"):
            for directory in parent.glob(f"{prefix}*"):
                remove_unlocked(directory)
            directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            descriptor = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            with suppress(OSError):  # some file systems cannot lock a directory
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield directory


def remove_unlocked(directory: Path) -> None:
    """Remove a directory, unless a process still works in it."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(descriptor)
