"""Run calls side by side: in processes of this machine, or on many machines with Ray.

Both are executors as in `concurrent.futures`, so the code that waits for results is the same.
"""

import multiprocessing
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, ParamSpec, TypeVar

from visionflan.errors import VisionflanError

P = ParamSpec("P")
T = TypeVar("T")

STOP_S = 60  # how long a process may take to save its state when it is asked to end
START_LOCK = threading.Lock()  # the server of processes is started once


class ProcessDiedError(VisionflanError):
    """A process ended without a result, as when memory runs out."""


class RemoteError(VisionflanError):
    """A call failed in another process; the message has its traceback."""


class ProcessExecutor(Executor):
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

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Start the call as soon as a process is free."""
        return self.threads.submit(self.call, function, args, kwargs)

    def call(self, function: Callable[..., T], args: Any, kwargs: Any) -> T:
        """Run a call in a new process and return its result; raise what it raised."""
        with START_LOCK:
            if self.stopped:
                raise ProcessDiedError("the work was stopped")
            ours, theirs = self.context.Pipe(duplex=False)
            process = self.context.Process(
                target=run_call, args=(theirs, function, args, kwargs), daemon=False
            )
            process.start()
            self.processes.add(process)
            theirs.close()
        try:
            succeeded, value = ours.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            raise ProcessDiedError(f"its process {describe_exit(process.exitcode)}") from None
        finally:
            ours.close()
            process.join()
            self.processes.discard(process)
        if not succeeded:
            raise value
        result: T = value
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


def run_call(connection: Connection, function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """Send whether a call succeeded, and its result or exception."""
    threading.Thread(target=exit_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, interrupt)
    outcome: tuple[bool, object]
    try:
        outcome = True, function(*args, **kwargs)
    except VisionflanError as error:
        outcome = False, error
    except KeyboardInterrupt:
        outcome = False, ProcessDiedError("the work was interrupted")
    except Exception:  # other exceptions may not survive a pipe
        outcome = False, RemoteError(traceback.format_exc())
    connection.send(outcome)


def interrupt(*_: object) -> None:
    """End the call as Ctrl-C would."""
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


class RayExecutor(Executor):
    """Run each call as a task of a Ray cluster, which places it and repeats it if a node dies.

    Args:
        address: As in `ray.init`: `auto`, `local`, or the address of a cluster.
        num_cpus: CPU cores that each call needs.
        num_gpus: GPUs that each call needs.
    """

    def __init__(self, address: str, num_cpus: float = 1, num_gpus: float = 0) -> None:
        import ray

        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
        self.remote: Any = ray.remote(num_cpus=num_cpus, num_gpus=num_gpus)(run_remote)

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Queue the call in the cluster."""
        future: Future[T] = self.remote.remote(function, args, kwargs).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; with `cancel_futures`, calls that still run there end."""
        import ray

        if wait or cancel_futures:
            ray.shutdown()


def run_remote(function: Callable[..., T], args: Any, kwargs: Any) -> T:
    """Run a call in a Ray worker."""
    return function(*args, **kwargs)


def open_executor(
    jobs: int, ray_address: str | None = None, *, preload: tuple[str, ...] = (), gpus: float = 0
) -> Executor:
    """Return an executor: Ray's if an address is given, else `jobs` processes of this machine."""
    if ray_address is not None:
        return RayExecutor(ray_address, num_gpus=gpus)
    return ProcessExecutor(jobs, preload)
