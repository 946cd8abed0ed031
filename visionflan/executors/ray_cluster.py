"""Run calls on the machines of a Ray cluster, which says where and when each runs."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

import ray

from visionflan.executors.base import (
    STOP_S,
    CallExecutor,
    ClusterError,
    ProcessDiedError,
    Resources,
    pack_call,
    run_packed,
    unpack_outcome,
)

T = TypeVar("T")

PROBE_S = 10  # until a machine must have accepted a connection
CONNECT_S = 90  # until a cluster must have answered; one on a busy machine starts in up to 30 s
RETRIES = 3  # how often a call is repeated whose process or machine died


class RayExecutor(CallExecutor):
    """Run each call in a process of its own, on any machine of a cluster.

    A call whose process or machine dies is repeated. If this process ends, so do its calls.

    Args:
        address: `local` starts a cluster on this machine; `auto` takes the one that this machine
            belongs to; else as in `ray.init`, `HOST:PORT` or `ray://HOST:PORT`.
        num_cpus: the cores of a cluster that is started; None takes all of this machine.
    """

    def __init__(self, address: str, num_cpus: int | None = None) -> None:
        self.is_owner = not ray.is_initialized()
        self.left = threading.Event()
        if self.is_owner:
            connect(address, num_cpus, self.left)
        # As in ProcessExecutor, no call finds the memory and settings that another left.
        self.remote = ray.remote(max_calls=1, max_retries=RETRIES)(run_packed)
        self.running: dict[Future[Any], ray.ObjectRef[bytes]] = {}

    def submit_with(
        self, resources: Resources, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> "Future[T]":
        """Queue the call in the cluster."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        call = pack_call(function, args, kwargs)
        task = self.remote.options(num_cpus=resources.cpus, num_gpus=self.count_gpus(resources))
        reference = task.remote(call)
        self.running[future] = reference

        def settle(done: "Future[bytes]") -> None:
            try:
                future.set_result(unpack_outcome(outcome_of(done)))
            except BaseException as error:
                future.set_exception(error)
            self.running.pop(future, None)

        reference.future().add_done_callback(settle)
        return future

    def count_gpus(self, resources: Resources) -> int:
        """Return the GPUs to reserve. Raises ClusterError if no machine has enough."""
        if resources.gpus_required or not resources.gpus:
            return resources.gpus
        most = max((int(node["Resources"].get("GPU", 0)) for node in live_nodes()), default=0)
        if 0 < most < resources.gpus:
            raise ClusterError(
                f"no machine of the Ray cluster has {resources.gpus} GPUs: set "
                f"runtime.num_processes to {most} or less"
            )
        return resources.gpus if most else 0

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; with `cancel_futures`, the running calls are asked to end first."""
        if cancel_futures:
            for reference in list(self.running.values()):
                ray.cancel(reference)
        if wait or cancel_futures:
            wait_for(self.running, STOP_S if cancel_futures else None)
            if self.is_owner:
                ray.shutdown()
                self.left.set()


def wait_for(futures: dict["Future[Any]", Any], timeout: float | None) -> None:
    """Wait for the calls that still run."""
    wait(list(futures), timeout)


def live_nodes() -> list[dict[str, Any]]:
    """Return what Ray knows about each machine."""
    return [node for node in ray.nodes() if node["Alive"]]


def outcome_of(done: "Future[bytes]") -> bytes:
    """Return what a task returned. Raises ProcessDiedError if Ray could not run it."""
    try:
        return done.result()
    except ray.exceptions.WorkerCrashedError as error:
        raise ProcessDiedError(
            f"its process died {RETRIES + 1} times, as when memory runs out"
        ) from error
    except ray.exceptions.TaskCancelledError as error:
        raise ProcessDiedError("the work was stopped") from error
    except ray.exceptions.RayTaskError as error:
        # Our function raises nothing, so the machine could not load it.
        raise ProcessDiedError(
            f"a machine of the Ray cluster cannot load visionflan ({last_line(error)}): install "
            "the same version on all"
        ) from error
    except ray.exceptions.RayError as error:
        raise ProcessDiedError(
            f"the Ray cluster could not run it: {first_sentence(error)}"
        ) from error


def connect(address: str, num_cpus: int | None, left: threading.Event) -> None:
    """Join a cluster, or start one. Raises ClusterError if it does not answer in time.

    Ray would try for minutes, and would take over SIGTERM if called in the main thread. A cluster
    that it starts ends with the thread that called it, which therefore waits until `left` is set.
    """
    probe(address)
    # No option of Ray keeps its notes on processes that died out of the results on stdout.
    ray._private.worker.print_to_stdstream = ignore_lines
    # Versions of Ray differ in whether a call that reserves no GPU sees all of them.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    connected: Future[None] = Future()
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"include_dashboard": False, "num_cpus": num_cpus}

    def initialize() -> None:
        try:
            ray.init(address, **options)
        except BaseException as error:
            connected.set_exception(error)
        else:
            connected.set_result(None)
            left.wait()

    threading.Thread(target=initialize, daemon=True).start()
    try:
        connected.result(CONNECT_S)
    except FutureTimeoutError:
        raise ClusterError(
            f"the Ray cluster at {address} did not answer within {CONNECT_S} s: check the address"
        ) from None
    except Exception as error:  # of many kinds, by address and cause
        raise ClusterError(
            f"cannot join the Ray cluster at {address} ({first_sentence(error)}): check the "
            "address, the versions of Python and Ray, and set RAY_AUTH_MODE=token if it has a token"
        ) from error


def ignore_lines(*_: Any, **__: Any) -> None:
    """Print nothing."""


def probe(address: str) -> None:
    """Raise ClusterError unless a machine listens at an address that names one."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if address in ("auto", "local"):
        return
    if not separator or not port.isdecimal():
        raise ClusterError(
            f"{address!r} is no address of a Ray cluster: write local, auto, HOST:PORT or "
            "ray://HOST:PORT"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_S).close()
    except OSError as error:
        raise ClusterError(
            f"no Ray cluster listens at {address} ({error}): check the address, or start one with "
            "`ray start --head`"
        ) from error


def first_sentence(error: BaseException) -> str:
    """Return the first sentence of an error's message."""
    line = str(error).strip().partition("\n")[0]
    return line.partition(". ")[0] or type(error).__name__


def last_line(error: BaseException) -> str:
    """Return the last line of an error's message, which in a traceback is the cause."""
    return str(error).strip().rpartition("\n")[2]
