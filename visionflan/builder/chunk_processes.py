"""Check chunks of images in processes, each of which reads, decodes, hashes and stores its own."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pickle import PicklingError
from types import TracebackType
from typing import Self

from visionflan.builder.child_process import ChildProcess, process_context
from visionflan.builder.image_chunks import ImageChunk, PartImages, write_chunk
from visionflan.builder.image_pool import BATCH_SIZE, ImageCheckPool, unpicklable_error
from visionflan.builder.image_workers import Outcome, check_batch

SHOW_EVERY_S = 0.2  # how often a process sends how many images it has checked
POLL_S = 0.5  # how often the parent asks how many processes it may use


class ChunkProcesses:
    """Processes that check chunks of the images of a part.

    A chunk whose process dies is checked again here, its images in a pool that finds the one that
    did it.

    Args:
        part: Where the images are stored.
        count: Returns how many processes may work at the same time.
        start_method: That of `multiprocessing`, or None for the platform's.
    """

    def __init__(
        self, part: PartImages, count: Callable[[], int], start_method: str | None = None
    ) -> None:
        self.part, self.count, self.start_method = part, count, start_method
        self.context: BaseContext = process_context(start_method)
        self.started_pool: ImageCheckPool | None = None
        # The first one is started now: it shares no memory with what the caller reads later.
        self.idle = [self.start()]
        self.working: dict[Connection, tuple[ChildProcess, ImageChunk]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all processes."""
        for process in [*self.idle, *(process for process, _ in self.working.values())]:
            process.close()
        if self.started_pool is not None:
            self.started_pool.__exit__(error_type, error, trace)

    @property
    def pool(self) -> ImageCheckPool:
        """Return a pool that checks images one by one, and survives what an image does to it."""
        if self.started_pool is None:
            self.started_pool = ImageCheckPool(self.count(), self.start_method)
        return self.started_pool

    def start(self) -> ChildProcess:
        """Start a process."""
        return ChildProcess(self.context, serve_chunks, self.part)

    def check(self, chunks: Sequence[ImageChunk], progress: Callable[[int], object]) -> None:
        """Check chunks and store their images; `progress` receives the number of checked images.

        Raises OSError if they cannot be stored.
        """
        waiting = deque(chunks)
        while waiting or self.working:
            while waiting and len(self.working) < self.count():
                self.assign(waiting.popleft())
            for connection in wait(list(self.working), POLL_S):
                assert isinstance(connection, Connection)
                self.receive(connection, progress)

    def assign(self, chunk: ImageChunk) -> None:
        """Send a chunk to a process."""
        process = self.idle.pop() if self.idle else self.start()
        self.working[process.connection] = (process, chunk)
        try:
            process.connection.send(chunk)
        except (PicklingError, AttributeError) as error:
            raise unpicklable_error(chunk.images[0], error) from error
        except OSError:
            pass  # it died: its connection says so when it is read

    def receive(self, connection: Connection, progress: Callable[[int], object]) -> None:
        """Receive how many images were checked, that the chunk is stored, or why it is not."""
        process, chunk = self.working[connection]
        try:
            message: int | OSError | None = connection.recv()
        except (EOFError, OSError):
            del self.working[connection]
            process.close()
            outcomes = (outcome for _, outcome in self.pool.check(chunk.images))
            write_chunk(self.part, chunk, outcomes, set())
            return
        if isinstance(message, int):
            progress(message)
            return
        del self.working[connection]
        self.idle.append(process)
        if message is not None:
            raise message


def serve_chunks(connection: Connection, part: PartImages) -> None:
    """Check and store the chunks that arrive, until the parent ends this process."""
    stored: set[str] = set()
    while True:
        chunk: ImageChunk = connection.recv()
        try:
            write_chunk(part, chunk, counted_outcomes(chunk, connection), stored)
        except OSError as error:
            connection.send(error)
        else:
            connection.send(None)


def counted_outcomes(chunk: ImageChunk, connection: Connection) -> Iterator[Outcome]:
    """Yield the outcome of each image of a chunk; send now and then how many there were."""
    sent, last = 0, time.monotonic()
    for start in range(0, len(chunk.images), BATCH_SIZE):
        yield from check_batch(chunk.images[start : start + BATCH_SIZE])
        if (now := time.monotonic()) - last > SHOW_EVERY_S:
            connection.send(start - sent)
            sent, last = start, now
    connection.send(len(chunk.images) - sent)
