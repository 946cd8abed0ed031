"""Stop calling a model when it is unavailable for every request."""

from dataclasses import dataclass, field
from threading import Lock

from visionflan.errors import LlmError
from visionflan.llm.base import ERROR_ACTIONS, LlmCallError


class CircuitOpenError(LlmError):
    """No more calls are made: the model failed in a way that concerns every request."""


@dataclass
class CircuitBreaker:
    """Counts the consecutive requests that ended in an outage, over all callers that share it.

    The circuit opens after `max_consecutive_outages` of them, or after one fatal error, and
    stays open; `open_reason` is the message of that error, empty while the circuit is closed.
    """

    max_consecutive_outages: int
    consecutive_outages: int = 0
    open_reason: str = ""
    lock: Lock = field(default_factory=Lock)

    def check(self) -> None:
        """Raise CircuitOpenError if the circuit is open."""
        if self.open_reason:
            raise CircuitOpenError(self.open_reason)

    def record_success(self) -> None:
        """Record that a request was answered."""
        with self.lock:
            self.consecutive_outages = 0

    def record_failure(self, error: LlmCallError) -> None:
        """Record that a request failed for good; open the circuit if its error kind says so."""
        opens = ERROR_ACTIONS[error.kind].opens_circuit
        with self.lock:
            if opens == "if_consecutive":
                self.consecutive_outages += 1
            else:
                self.consecutive_outages = 0
            too_many = self.consecutive_outages >= self.max_consecutive_outages
            if opens == "at_once" or too_many:
                self.open_reason = self.open_reason or str(error)
