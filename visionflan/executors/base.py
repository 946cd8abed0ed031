"""What all executors share: how a call travels to another process, and its outcome back."""

import pickle
import traceback
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, ParamSpec, TypeVar

from visionflan.errors import VisionflanError

P = ParamSpec("P")
T = TypeVar("T")

STOP_S = 60  # how long a process may take to save its state when it is asked to end


class ProcessDiedError(VisionflanError):
    """A process ended without a result, as when memory runs out."""


class RemoteError(VisionflanError):
    """A call failed in another process; the message has its traceback."""


class ClusterError(VisionflanError):
    """A cluster cannot be reached, or lacks what a call needs."""


class Resources(NamedTuple):
    """What a call needs of a machine.

    Attributes:
        cpus: cores.
        gpus: accelerators.
        gpus_required: whether to wait for them where the cluster has none; else the call runs
            without.
    """

    cpus: int = 1
    gpus: int = 0
    gpus_required: bool = False


class CallExecutor(Executor):
    """An executor whose calls say what they need."""

    @abstractmethod
    def submit_with(
        self, resources: Resources, function: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> "Future[T]":
        """Queue a call for a machine that has what it needs."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Queue a call that needs one core."""
        return self.submit_with(Resources(), function, *args, **kwargs)


def pack_call(function: Callable[..., Any], args: Any, kwargs: Any) -> bytes:
    """Return a call as bytes, so that the other process can say why it cannot read it.

    Classes that it could not import, such as those of a loose file, travel with the call.
    """
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps((function, args, kwargs))
    except Exception as error:  # pickling calls code of any class
        raise RemoteError(f"it cannot be sent to another process: {error}") from error
    return packed


def run_packed(call: bytes) -> bytes:
    """Run a call; return whether it succeeded, with its result or exception, as bytes."""
    try:
        function, args, kwargs = pickle.loads(call)
        return pickle.dumps((True, function(*args, **kwargs)))
    except VisionflanError as error:
        return pack_error(error)
    except KeyboardInterrupt:
        return pack_error(ProcessDiedError("the work was interrupted"))
    except Exception:  # other exceptions may not survive the way back
        return pack_error(RemoteError(traceback.format_exc()))


def pack_error(error: VisionflanError) -> bytes:
    """Return an error of ours as bytes; of one that cannot be read back, its sentence."""
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)
    except Exception:  # as of an error whose constructor wants more than the message
        return pickle.dumps((False, RemoteError(str(error))))
    return packed


def unpack_outcome(outcome: bytes) -> Any:
    """Return the result of a call, or raise what it raised."""
    succeeded, value = pickle.loads(outcome)
    if not succeeded:
        raise value
    return value
