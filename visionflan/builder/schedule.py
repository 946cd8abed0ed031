"""The time of datasets that are built side by side, whose images idle workers check as well.

It follows what `part_processes` does: a worker takes the next dataset, and once none is left, idle
workers check chunks of the images of those with most left.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class DatasetWork:
    """What is left to do for a dataset.

    Attributes:
        image_seconds: the time of one process to check and store the images.
        chunks: the number of chunks of images, that is of processes that can share this.
        other_seconds: the time of all else, which one process does.
    """

    image_seconds: float
    chunks: int
    other_seconds: float
    workers: int = 1

    def time_left(self) -> float:
        """Return the time until the images are checked, or then until the rest is done."""
        return self.image_seconds / self.workers or self.other_seconds

    def work(self, seconds: float) -> None:
        """Work for some time; after `time_left()` nothing remains, however that rounds."""
        is_done = seconds >= self.time_left()
        if self.image_seconds:
            self.image_seconds = 0.0 if is_done else self.image_seconds - seconds * self.workers
        else:
            self.other_seconds = 0.0 if is_done else self.other_seconds - seconds

    def can_share(self) -> bool:
        """Return whether one more process can check images."""
        return self.image_seconds > 0 and self.workers < self.chunks


def makespan(datasets: Sequence[DatasetWork], workers: int) -> float:
    """Return the time of datasets that are started one after the other as workers are free."""
    waiting, running, time = deque(datasets), list[DatasetWork](), 0.0
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(waiting.popleft())
        if not waiting:
            share_idle(running, workers)
        step = min(dataset.time_left() for dataset in running)
        for dataset in running:
            dataset.work(step)
        time += step
        running = [dataset for dataset in running if dataset.time_left() > 0]
    return time


def share_idle(running: Sequence[DatasetWork], workers: int) -> None:
    """Set how many workers check the images of each: idle ones where most are left."""
    for dataset in running:
        dataset.workers = 1
    for _ in range(workers - len(running)):
        shared = [dataset for dataset in running if dataset.can_share()]
        if shared:
            max(shared, key=DatasetWork.time_left).workers += 1
