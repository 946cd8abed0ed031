"""Show the progress of long work: a bar in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

Item = TypeVar("Item")

LINE_INTERVAL_S = 30


class ProgressBar:
    """The progress of one piece of work, written to stderr.

    Where stderr is no terminal, as in a job's log file, a line with the rate and the time left is
    written at the first update after every 30 seconds.

    Args:
        title: What is being done.
        total: The number of units; None if it is not known.
        unit: The plural of what is counted.
        initial: The number of units that an earlier run has done.
        leave: Whether a terminal keeps the bar at the end.
        silent: Whether nothing is shown, as in all but one of several processes.
        clock: The clock, in seconds.
    """

    def __init__(  # noqa: PLR0913 - all but two have defaults
        self,
        title: str,
        total: int | None = None,
        *,
        unit: str,
        initial: int = 0,
        leave: bool = False,
        silent: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.initial = self.done = initial
        self.silent, self.clock, self.note = silent, clock, ""
        self.start = self.last_line = clock()
        self.bar: Any = None
        if sys.stderr.isatty() and not silent:
            from tqdm import tqdm  # slow to import, and not needed in a log file

            self.bar = tqdm(total=total, desc=title, unit=f" {unit}", initial=initial, leave=leave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bar."""
        self.close()

    def iterate(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items, and count each when it has been used."""
        with self:
            for item in items:
                yield item
                self.update()

    def update(self, count: int = 1, note: str | None = None) -> None:
        """Count units that are done; a note, such as the loss, is shown until the next one."""
        self.done += count
        self.note = self.note if note is None else note
        if self.bar is not None:
            if note is not None:
                self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(count)
        elif not self.silent and (now := self.clock()) - self.last_line >= LINE_INTERVAL_S:
            self.last_line = now
            sys.stderr.write(f"{self.line(now - self.start)}\n")
            sys.stderr.flush()

    def advance_to(self, done: int) -> None:
        """Count units until `done` are done."""
        self.update(done - self.done)

    def clear(self) -> None:
        """Remove the bar from the terminal, for a line to be written, until its next update."""
        if self.bar is not None:
            self.bar.clear()

    def line(self, elapsed: float) -> str:
        """Return a line with what is done, the rate and the time left."""
        of_total = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{self.title}: {self.done:,}{of_total} {self.unit}"]
        if rate := (self.done - self.initial) / elapsed if elapsed > 0 else 0:
            parts.append(f"{rate:,.1f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each")
            if self.total is not None:
                parts.append(f"{duration(max(0, self.total - self.done) / rate)} left")
        return ", ".join(parts + [self.note] * bool(self.note))

    def close(self) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"
