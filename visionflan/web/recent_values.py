"""The last results of a slow function, which is computed for one request at a time."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class RecentValues(Generic[Key, Value]):
    """The results of a slow function for its last arguments.

    It computes one at a time, so that requests cannot use all cores and all memory.
    """

    def __init__(self, function: Callable[[Key], Value], size: int) -> None:
        self.function, self.size = function, size
        self.values: OrderedDict[Key, Value] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Key) -> Value:
        """Return the result for an argument."""
        try:
            return self.values[key]
        except KeyError:
            with self.lock:
                if key not in self.values:
                    value = self.function(key)
                    while len(self.values) >= self.size:
                        self.values.popitem(last=False)
                    self.values[key] = value
                return self.values[key]
