"""Processes that may die: each has a pipe of its own, and its death costs what it was doing.

They are forked on Linux: a forked process starts in milliseconds, has the dataset files that the
caller loaded, and does not import the caller's script, which may have no `__main__` guard. Where
forking is not safe, as in macOS with its frameworks, they are spawned.

The pipe has one writer at each end, and the parent closes the child's end at once. A read therefore
ends when the child does, whatever it had half written; a pipe that several processes share would
keep the parent waiting.
"""

import gc
import multiprocessing
import os
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pyarrow as pa

from visionflan import catalog

OOM_SCORE = 900  # of 1000: when memory runs out, Linux ends these processes and not the parent
INTERRUPTS = {signal.SIGINT, signal.SIGTERM}
JOIN_S = 10  # how long a process may take to end by itself
START_LOCK = threading.Lock()  # no process inherits the child's end of another one's pipe
# A forked process, which may start others, inherits the lock as the thread that forked it held it.
os.register_at_fork(after_in_child=START_LOCK._at_fork_reinit)  # type: ignore[attr-defined]


def share_imports() -> None:
    """Import what Arrow imports when it is used first, such as pandas: once, not in each child."""
    pa.array([""])


def process_context(start_method: str | None = None) -> BaseContext:
    """Return the `multiprocessing` context with a start method, by default that of the platform."""
    default = "fork" if sys.platform == "linux" else "spawn"
    return multiprocessing.get_context(start_method or default)


class ChildProcess:
    """A process that runs `target(connection, *args)`, and the parent's end of its pipe.

    Only a `parent` may start others; they end with it.
    """

    def __init__(
        self,
        context: BaseContext,
        target: Callable[..., object],
        *args: Any,
        memory: int = 0,
        parent: bool = False,
    ) -> None:
        loose = tuple(catalog.loose_files.values())
        with START_LOCK, interrupts_blocked(), warnings.catch_warnings():
            # Python warns about forking with threads: no lock of theirs is used by the child.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.connection, theirs = context.Pipe()
            self.process = context.Process(  # type: ignore[attr-defined]
                target=run_child, args=(theirs, loose, memory, target, args), daemon=not parent
            )
            self.process.start()
            theirs.close()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()

    def close(self) -> None:
        """End the process at once, if it has not ended, and wait until it has."""
        self.connection.close()
        self.process.kill()
        self.process.join()

    def describe_end(self) -> str:
        """Return how the process ended, in words, after waiting for it."""
        self.process.join(JOIN_S)
        code: int | None = self.process.exitcode
        if code is None:
            return "did not end"
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"


def run_child(
    connection: Connection,
    loose: tuple[Path, ...],
    memory: int,
    target: Callable[..., object],
    args: tuple[Any, ...],
) -> None:
    """Run `target` in the child, which ignores Ctrl-C (the parent ends it) and obeys SIGTERM."""
    gc.freeze()  # what the parent has is neither searched for garbage nor copied for that
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    threading.Thread(target=exit_with_parent, daemon=True).start()
    with suppress(OSError):  # there is no such file outside Linux
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))
    if memory:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    for path in loose:
        catalog.load(catalog.add_file(path))
    with suppress(BrokenPipeError, ConnectionResetError, EOFError):  # the parent is gone
        target(connection, *args)


def exit_with_parent() -> None:
    """Exit when the parent does, even if it is killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C and SIGTERM in this thread, and in those and the processes that it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
