"""One process at a time writes a directory of a store."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from visionflan.errors import BuildError
from visionflan.stores.file_store import FileStore
from visionflan.stores.lock import LockOwner, StoreLock


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(f"file://{tmp_path}/build")


def owner(**changes: Any) -> bytes:
    """Return the lock file of this process, or with changes of another."""
    return json.dumps(LockOwner.this_process()._asdict() | changes).encode()


def ended_process() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_process_is_refused_until_the_first_is_done(store: FileStore) -> None:
    first, second = StoreLock(store, "lock.json"), StoreLock(store, "lock.json")
    with first.hold(), pytest.raises(BuildError) as raised, second.hold():
        pass
    host, since = first.owner.host, first.owner.since
    assert str(raised.value) == (
        f"another build, process {os.getpid()} on {host} since {since}, is writing to {store.url}: "
        f"wait for it to end, or delete {store.url}/lock.json if it was killed"
    )
    with second.hold():
        second.check()
    assert store.read("lock.json") is None


def test_a_failure_ends_the_lock(store: FileStore) -> None:
    with pytest.raises(KeyboardInterrupt), StoreLock(store, "lock.json").hold():
        raise KeyboardInterrupt
    assert store.read("lock.json") is None


def test_the_lock_of_a_killed_process_of_this_machine_is_taken_over(store: FileStore) -> None:
    store.create("lock.json", owner(process=ended_process()))
    with StoreLock(store, "lock.json").hold():
        pass


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"boot": "another"}])
def test_the_lock_of_another_machine_stays(store: FileStore, changes: dict[str, str]) -> None:
    content = owner(process=ended_process(), **changes)
    store.create("lock.json", content)
    with pytest.raises(BuildError, match="is writing to"), StoreLock(store, "lock.json").hold():
        pass
    assert store.read("lock.json") == content


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": "a"}'])
def test_a_damaged_lock_stays(store: FileStore, content: bytes) -> None:
    store.create("lock.json", content)
    lock = StoreLock(store, "lock.json")
    with pytest.raises(BuildError, match=r"^another build, whose lock file names no process, is"):
        lock.acquire()


def test_an_own_lock_whose_answer_was_lost_counts(store: FileStore) -> None:
    lock = StoreLock(store, "lock.json")
    store.create("lock.json", json.dumps(lock.owner._asdict()).encode())
    lock.acquire()


def test_who_loses_the_lock_learns_it(store: FileStore) -> None:
    lock = StoreLock(store, "lock.json")
    with lock.hold():
        store.delete(["lock.json"])
        store.create("lock.json", owner(token="other"))
        with pytest.raises(BuildError, match=r"^another build, process .* took file://.* over"):
            lock.check()
    assert store.read("lock.json") == owner(token="other")
