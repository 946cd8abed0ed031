"""Let one process at a time write a directory of a store, by a file that names the writer.

No store ends a lock with its holder. One whose process is no longer on this machine is taken over;
the others stay until somebody deletes the file.
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from visionflan.errors import BuildError
from visionflan.stores.file_store import FileStore
from visionflan.stores.patience import StoreError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class LockOwner(NamedTuple):
    """The process that has a lock, and a number of its own."""

    host: str
    boot: str
    process: int
    since: str
    token: str

    @classmethod
    def this_process(cls) -> Self:
        """Return a new owner: this process, from now on."""
        boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return cls(socket.gethostname(), boot, os.getpid(), since, secrets.token_hex(16))

    @classmethod
    def parse(cls, content: bytes) -> Self | None:
        """Return the owner that a lock file names; None if the file is damaged."""
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError):
            return None

    def is_gone(self) -> bool:
        """Return whether it was a process of this machine that has ended."""
        here = self.this_process()
        if (self.host, self.boot) != (here.host, here.boot):
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass
        return False


class StoreLock:
    """The lock of a directory of a store, for one build."""

    def __init__(self, store: FileStore, name: str) -> None:
        self.store, self.name = store, name
        self.owner = LockOwner.this_process()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock; raise BuildError if another process has it."""
        self.acquire()
        try:
            yield
        except BaseException:
            self.store.patience.stop()
            raise
        finally:
            with suppress(StoreError):
                if self.read() == self.owner:
                    self.store.delete([self.name])

    def acquire(self) -> None:
        """Write the lock file, unless another process has; that of one that has ended goes away."""
        other = self.read()
        if other is not None and other.is_gone():
            self.store.delete([self.name])
            other = None
        if other is None:
            # It may be there nevertheless: of another process, or of an attempt whose answer was
            # lost.
            with suppress(FileExistsError):
                self.store.create(self.name, json.dumps(self.owner._asdict()).encode())
            other = self.read()
        if other != self.owner:
            raise BuildError(
                f"{describe_owner(other)} is writing to {self.store.url}: wait for it to end, or "
                f"delete {self.store.url_of(self.name)} if it was killed"
            )

    def check(self) -> None:
        """Raise BuildError if another process has taken the lock over."""
        if (other := self.read()) != self.owner:
            raise BuildError(
                f"{describe_owner(other)} took {self.store.url} over while this build wrote to it: "
                "run only one of them, again, to complete the build"
            )

    def read(self) -> LockOwner | None:
        """Return who has the lock; None if there is none, or its file is damaged."""
        content = self.store.read(self.name)
        return None if content is None else LockOwner.parse(content)


def describe_owner(owner: LockOwner | None) -> str:
    """Return who has a lock, in words."""
    if owner is None:
        return "another build, whose lock file names no process,"
    return f"another build, process {owner.process} on {owner.host} since {owner.since},"
