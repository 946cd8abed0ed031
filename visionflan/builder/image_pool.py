"""A pool of processes that read and check images; the outcomes come in the order of the images."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pickle import PicklingError
from queue import SimpleQueue
from signal import SIGKILL
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from visionflan.builder.child_process import (
    JOIN_S,
    ChildProcess,
    interrupts_blocked,
    process_context,
)
from visionflan.builder.image_workers import ImageFault, Outcome, check_batch
from visionflan.errors import BuildError
from visionflan.image_sources import ImageSource, describe_source

BATCH_SIZE = 16  # images sent to a process together, and hashed at once
BATCHES_PER_WORKER = 6  # batches queued for each process

Batch = list[ImageSource]
Outcomes = Future[list[Outcome]]


class ImageCheckPool:
    """A pool of processes that read and check images.

    An image that kills its process, or exceeds the time limit, is identified and is a fault. Each
    process is served by a thread of the parent, so that it goes on while the parent writes.
    """

    def __init__(self, workers: int, start_method: str | None = None) -> None:
        self.jobs: SimpleQueue[tuple[Batch, Outcomes] | None] = SimpleQueue()
        self.workers = [ImageWorker(process_context(start_method)) for _ in range(workers)]
        self.threads = [
            Thread(target=worker.serve, args=(self.jobs,), daemon=True) for worker in self.workers
        ]
        with interrupts_blocked():  # only the main thread is interrupted
            for thread in self.threads:
                thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the processes; after an error without waiting for the current images."""
        if error_type is not None:
            for worker in self.workers:
                worker.kill()
        for _ in self.threads:
            self.jobs.put(None)
        for thread in self.threads:
            thread.join(JOIN_S)

    @property
    def seconds(self) -> float:
        """Return how long the processes have been checking images, all together."""
        return sum(worker.seconds for worker in self.workers)

    def check(self, images: Iterable[ImageSource]) -> Iterator[tuple[ImageSource, Outcome]]:
        """Yield each image with its outcome, in order, while later ones are being checked."""
        remaining = iter(images)
        queue: deque[tuple[Batch, Outcomes]] = deque()
        while True:
            while len(queue) < len(self.workers) * BATCHES_PER_WORKER and (
                batch := list(islice(remaining, BATCH_SIZE))
            ):
                queue.append((batch, self.submit(batch)))
            if not queue:
                return
            batch, outcomes = queue.popleft()
            yield from zip(batch, outcomes.result(), strict=True)

    def submit(self, batch: Batch) -> Outcomes:
        """Queue a batch of images, and return the future of their outcomes."""
        outcomes: Outcomes = Future()
        self.jobs.put((batch, outcomes))
        return outcomes


class ImageWorker:
    """A process that checks batches of images, and is replaced when an image kills it.

    Attributes:
        seconds: how long it has been checking images, without sending the outcomes.
    """

    def __init__(self, context: BaseContext) -> None:
        self.context = context
        self.seconds = 0.0
        self.lock = Lock()  # after `kill` no process is started
        self.killed = False
        self.start()

    def start(self, attempts: int = 3) -> None:
        """Start a process, and wait until it answers; one that is killed meanwhile is replaced."""
        with self.lock:
            if self.killed:
                raise BuildError("the processes that check images were stopped")
            self.process = ChildProcess(self.context, serve_batches)
        try:
            self.process.connection.recv()
        except (EOFError, OSError) as error:
            end = self.process.describe_end()
            if attempts > 1 and end.startswith("was ended by"):
                return self.start(attempts - 1)
            raise BuildError(
                f"a process that checks images {end} before it began; "
                "if it is spawned, a script must call build under `if __name__ == '__main__':`"
            ) from error

    def kill(self) -> None:
        """End the process at once."""
        with self.lock:
            self.killed = True
            self.process.kill()

    def serve(self, jobs: "SimpleQueue[tuple[Batch, Outcomes] | None]") -> None:
        """Check the batches of a queue until it holds None."""
        while (job := jobs.get()) is not None:
            batch, outcomes = job
            try:
                outcomes.set_result(self.check(batch))
            except BaseException as error:  # the main thread raises it
                outcomes.set_exception(error)
        self.process.close()

    def check(self, batch: Batch) -> list[Outcome]:
        """Check a batch; if the process dies of it, check each image in a process of its own."""
        try:
            return self.send(batch)
        except (EOFError, OSError):
            return [self.check_alone(image) for image in batch]

    def check_alone(self, image: ImageSource, attempts: int = 3) -> Outcome:
        """Check an image in a process of its own, to identify the one that kills it.

        SIGKILL comes from outside, such as from Linux when memory runs out, and is no proof.
        """
        self.process.close()
        self.start()
        try:
            (outcome,) = self.send([image])
        except (EOFError, OSError):
            if attempts > 1 and self.process.describe_end() == f"was ended by {SIGKILL.name}":
                return self.check_alone(image, attempts - 1)
            detail = "its worker process was killed or exceeded the time limit"
            outcome = ImageFault("image_crashed_decoder", detail)
        return outcome

    def send(self, batch: Batch) -> list[Outcome]:
        """Send a batch to the process and return the outcomes."""
        try:
            self.process.connection.send(batch)
        except (PicklingError, AttributeError) as error:
            raise unpicklable_error(batch[0], error) from error
        outcomes: list[Outcome]
        outcomes, seconds = self.process.connection.recv()
        self.seconds += seconds
        return outcomes


def unpicklable_error(image: ImageSource, error: Exception) -> BuildError:
    """Return the error of images that cannot be sent to a process; `image` is one of them."""
    return BuildError(
        f"{describe_source(image)} cannot be sent to a worker process ({error}): "
        "what computes an image must be a function of the dataset file"
    )


def serve_batches(connection: Connection) -> None:
    """Check the batches that arrive, until the parent ends this process."""
    connection.send(None)
    while True:
        batch: Batch = connection.recv()
        start = time.perf_counter()
        outcomes = check_batch(batch)
        connection.send((outcomes, time.perf_counter() - start))
