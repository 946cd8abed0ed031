"""Finished examples of tasks, which are rendered once and kept for the next requests."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from visionflan.builder.preview import PreviewSample, render_examples
from visionflan.web.sources import Sources

NUM_EXAMPLES = 12
MAX_SAMPLES = 24  # that are in memory, with their images

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


class SampleKey(NamedTuple):
    """A task, and where its examples are from."""

    dataset: str
    task: str
    from_release: bool


def example_cache(sources: Sources) -> RecentValues[SampleKey, PreviewSample]:
    """Return the examples of tasks by their keys."""

    def render(key: SampleKey) -> PreviewSample:
        root = sources.data_root if key.from_release else None
        return render_examples(key.dataset, key.task, NUM_EXAMPLES, root)

    return RecentValues(render, MAX_SAMPLES)
