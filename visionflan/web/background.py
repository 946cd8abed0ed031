"""Compute in the background, one call after the other, without keeping the server from ending."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class BackgroundCalls:
    """Calls functions in one thread, in the order in which they were submitted.

    An executor of the standard library would finish all of them before the process can end.
    """

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], None]] = deque()
        self.lock = Lock()
        self.is_running = False

    def submit(
        self,
        function: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Future[Result]:
        """Return the future result of a call."""
        future: Future[Result] = Future()

        def call() -> None:
            try:
                future.set_result(function(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        with self.lock:
            self.waiting.append(call)
            if not self.is_running:
                self.is_running = True
                Thread(target=self.run, daemon=True).start()
        return future

    def run(self) -> None:
        """Call what waits until nothing does."""
        while (call := self.next_call()) is not None:
            call()

    def next_call(self) -> Callable[[], None] | None:
        """Return the next call; None if the thread has to end, since nothing waits."""
        with self.lock:
            if self.waiting:
                return self.waiting.popleft()
            self.is_running = False
            return None
