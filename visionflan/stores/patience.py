"""Repeat what fails because a store or the network is out of order for some minutes."""

import errno
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from visionflan.errors import VisionflanError
from visionflan.escaping import one_line

if TYPE_CHECKING:
    import tenacity

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 12  # with the delays between them, three and a half minutes or more
FIRST_DELAY_S, MAX_DELAY_S = 1.0, 30.0
# What is wrong with a request, or with this machine: another attempt would fail, too.
PERMANENT = (
    *(FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError),
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(NotImplementedError, TypeError, ValueError, VisionflanError),
)
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG}
# Of botocore, google.auth and azure, which may not be installed.
PERMANENT_NAMES = {
    *("NoCredentialsError", "PartialCredentialsError", "ParamValidationError", "ProfileNotFound"),
    *("DefaultCredentialsError", "ClientAuthenticationError"),
}


class StoreError(VisionflanError, OSError):
    """A store cannot be read or written; like a full disk, this is no fault of a dataset."""


class Patience:
    """Repeats calls to a store, after delays that double, and differ by up to a second.

    Args:
        log: receives a line for each attempt that failed and is repeated.
    """

    def __init__(self, log: Callable[[str], object]) -> None:
        self.log = log
        self.stopped = threading.Event()

    def stop(self) -> None:
        """End the delays of all threads, and repeat nothing from now on."""
        self.stopped.set()

    def wait(self, seconds: float) -> None:
        """Wait, unless stopped."""
        self.stopped.wait(seconds)

    def call(self, url: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of a call, which is repeated for some minutes if it fails for a while.

        Raises FileExistsError, FileNotFoundError and errors of the disk of this machine as they
        are; for all others StoreError with the URL.
        """
        import tenacity

        def announce(state: tenacity.RetryCallState) -> None:
            self.log(f"{url}: {describe_attempt(state)}")

        retrying = tenacity.Retrying(
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(ATTEMPTS),
                tenacity.stop_when_event_set(self.stopped),
            ),
            wait=tenacity.wait_exponential_jitter(FIRST_DELAY_S, MAX_DELAY_S),
            retry=tenacity.retry_if_exception(is_transient),
            before_sleep=announce,
            sleep=self.wait,
            reraise=True,
        )
        try:
            return retrying(function, *args, **kwargs)
        except (FileExistsError, FileNotFoundError, VisionflanError):
            raise
        except Exception as error:
            if is_of_disk(error):
                raise
            raise store_error(url, error) from error


def is_of_disk(error: BaseException) -> bool:
    """Return whether a disk is full, or cannot be written."""
    return isinstance(error, OSError) and error.errno in DISK_ERRORS


def is_transient(error: BaseException) -> bool:
    """Return whether another attempt may succeed."""
    if not isinstance(error, Exception) or isinstance(error, PERMANENT) or is_of_disk(error):
        return False
    return type(error).__name__ not in PERMANENT_NAMES


def describe_attempt(state: "tenacity.RetryCallState") -> str:
    """Return why an attempt failed, and when the next one begins."""
    assert state.outcome is not None
    return f"{describe(state.outcome.exception())}; trying again in {state.upcoming_sleep:.0f} s"


def store_error(url: str, error: Exception) -> StoreError:
    """Return the sentence about an error that is not repeated any more."""
    tried = f" (in {ATTEMPTS} attempts)" if is_transient(error) else ""
    return StoreError(
        f"{url} cannot be read or written{tried}: {describe(error)}; check the store and your "
        "rights, and run the same command again, which reuses what was finished"
    )


def describe(error: BaseException | None) -> str:
    """Return the kind of an error and what it says, in one line."""
    return one_line(f"{type(error).__name__}: {error}").removesuffix(":").removesuffix(".")
