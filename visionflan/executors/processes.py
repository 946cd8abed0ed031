"""Run calls in processes of this machine."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from visionflan.executors.base import (
    STOP_S,
    CallExecutor,
    ProcessDiedError,
    Resources,
    pack_call,
    run_packed,
    unpack_outcome,
)

T = TypeVar("T")

START_LOCK = threading.Lock()  # the server of processes is started once


class ProcessExecutor(CallExecutor):
    """Run each call in a process of its own, at most `jobs` at a time.

    Unlike in a pool, a process that dies costs only its own call. Processes come from a server
    that has imported `preload`, so each starts in milliseconds. They end when this process does.
    """

    def __init__(self, jobs: int = 1, preload: tuple[str, ...] = ()) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([__name__, *preload])
        self.threads = ThreadPoolExecutor(jobs)
        self.processes: set[BaseProcess] = set()
        self.stopped = False

    def submit_with(
        self, resources: Resources, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> "Future[T]":
        """Start the call as soon as a process is free; `jobs` alone says how many fit."""
        return self.threads.submit(self.call, function, args, kwargs)

    def call(self, function: Callable[..., T], args: Any, kwargs: Any) -> T:
        """Run a call in a new process and return its result; raise what it raised."""
        call = pack_call(function, args, kwargs)
        with START_LOCK:
            if self.stopped:
                raise ProcessDiedError("the work was stopped")
            ours, theirs = self.context.Pipe(duplex=False)
            process = self.context.Process(target=serve_call, args=(theirs, call), daemon=False)
            process.start()
            self.processes.add(process)
            theirs.close()
        try:
            outcome = ours.recv_bytes()
        except (EOFError, ConnectionResetError):
            process.join()
            raise ProcessDiedError(f"its process {describe_exit(process.exitcode)}") from None
        finally:
            ours.close()
            process.join()
            self.processes.discard(process)
        result: T = unpack_outcome(outcome)
        return result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the running calls; with `cancel_futures`, ask their processes to end now."""
        if cancel_futures:
            with START_LOCK:
                self.stopped = True
                running = list(self.processes)
            for process in running:
                process.terminate()
            for process in running:
                process.join(STOP_S)
                process.kill()
        self.threads.shutdown(wait, cancel_futures=cancel_futures)


def serve_call(connection: Connection, call: bytes) -> None:
    """Run a call in this process and send its outcome.

    Ctrl-C in a terminal reaches all processes; only the parent's SIGTERM counts, once.
    """
    threading.Thread(target=exit_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupt)
    outcome = run_packed(call)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection.send_bytes(outcome)


def interrupt(number: int, _: object) -> None:
    """End the call as Ctrl-C would."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def exit_with_parent() -> None:
    """Stop this process when its parent ends, even if that is killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        signal.raise_signal(signal.SIGKILL)


def describe_exit(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
