"""A batch size that is halved when a batch does not fit in memory."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchSize:
    """The number of items to compute at once, halved for good whenever they do not fit in memory.

    Attributes:
        size: the current number
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def fit(self, compute: Callable[[int], Result], limit: int | None = None) -> Result:
        """Return `compute(size)` for the current size, or the first half of it that fits.

        `limit` is the number of items that are left; a smaller batch than that has no use. Raises
        the error of `compute` if it is another one, or if a single item does not fit.
        """
        size = self.size if limit is None else min(self.size, limit)
        while True:
            try:
                return compute(size)
            except Exception as error:  # torch has no one class for it
                if size == 1 or not is_out_of_memory(error):
                    raise
            # Out of the handler, where the error would keep the tensors of the batch alive.
            size = self.size = size // 2

    def run(
        self, items: Sequence[Item], compute: Callable[[Sequence[Item]], Result]
    ) -> Iterator[tuple[Sequence[Item], Result]]:
        """Yield items in batches that fit in memory, each with its result."""
        begin = 0
        while begin < len(items):
            batch, result = self.fit(
                partial(compute_first, items[begin:], compute), len(items) - begin
            )
            yield batch, result
            begin += len(batch)


def compute_first(
    items: Sequence[Item], compute: Callable[[Sequence[Item]], Result], size: int
) -> tuple[Sequence[Item], Result]:
    """Return the first `size` items, and the result of computing them."""
    return items[:size], compute(items[:size])


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that a batch did not fit in memory.

    torch has a class for it on GPUs, and only a message on CPUs.
    """
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "not enough memory" in str(error)
    )
