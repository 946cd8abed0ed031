"""Read and check images in worker processes; the outcomes come in the order of the images."""

import multiprocessing
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path
from pickle import PicklingError
from types import TracebackType
from typing import NamedTuple, Self

from visionflan import catalog
from visionflan.builder.memory_limit import memory_limit
from visionflan.errors import BuildError, UnusableError
from visionflan.image_sources import (
    ArchiveMember,
    ImageSource,
    LmdbEntry,
    ParquetCell,
    describe_source,
    read_encoded,
)
from visionflan.storage.image_checks import ValidImage, check_image

BATCH_SIZE = 8  # images sent to a worker together
BATCHES_PER_WORKER = 6  # batches queued for each worker
DECODE_TIMEOUT_S = 120  # seconds after which a worker that decodes one image is killed
# What reading and decoding one image may allocate; the largest accepted images need 1.6 GB.
DECODE_MEMORY = 2_000_000_000


class ImageFault(NamedTuple):
    """Why an image cannot be used: a reason code and a detail."""

    reason: str
    detail: str


Outcome = ValidImage | ImageFault


class ImageCheckPool:
    """A pool of processes that read and check images.

    An image that kills its process, or exceeds the time limit, is identified and is a fault.
    """

    def __init__(self, workers: int, start_method: str | None = None) -> None:
        self.workers = workers
        methods = multiprocessing.get_all_start_methods()
        # Forked workers do not import the caller's script, which may have no `__main__` guard.
        default = "fork" if "fork" in methods else "spawn"
        self.context = multiprocessing.get_context(start_method or default)
        self.other_processes = set(multiprocessing.active_children())
        self.pool = self.start(workers)

    def start(self, workers: int) -> ProcessPoolExecutor:
        """Start processes, and wait until one answers."""
        loose = tuple(catalog.loose_files.values())
        pool = ProcessPoolExecutor(workers, self.context, init_worker, (loose,))
        try:
            with warnings.catch_warnings():
                # Python warns about forking with threads: no lock of theirs is used by the workers.
                warnings.simplefilter("ignore", DeprecationWarning)
                pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise BuildError(
                "the worker processes do not start; if they are spawned, a script must call build "
                "under `if __name__ == '__main__':`"
            ) from error
        return pool

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
            for worker in set(multiprocessing.active_children()) - self.other_processes:
                worker.kill()
        self.pool.shutdown(cancel_futures=True)

    def check(self, images: Iterable[ImageSource]) -> Iterator[tuple[ImageSource, Outcome]]:
        """Yield each image with its outcome, in order, while later ones are being checked."""
        remaining = iter(images)
        queue: deque[tuple[list[ImageSource], Future[list[Outcome]]]] = deque()
        while True:
            while len(queue) < self.workers * BATCHES_PER_WORKER and (
                batch := list(islice(remaining, BATCH_SIZE))
            ):
                queue.append((batch, self.submit(batch)))
            if not queue:
                return
            batch, future = queue.popleft()
            try:
                outcomes = future.result()
            except BrokenProcessPool:
                outcomes = self.check_one_by_one(batch)
                queue = deque((other, self.submit(other)) for other, _ in queue)
            except (PicklingError, AttributeError) as error:
                raise BuildError(
                    f"{describe_source(batch[0])} cannot be sent to a worker process ({error}): "
                    "what computes an image must be a function of the dataset file"
                ) from error
            yield from zip(batch, outcomes, strict=True)

    def submit(self, batch: list[ImageSource]) -> "Future[list[Outcome]]":
        """Submit a batch to the pool, or to a new one if an image has just broken it."""
        try:
            return self.pool.submit(check_batch, batch)
        except BrokenProcessPool:
            self.pool.shutdown()
            self.pool = self.start(self.workers)
            return self.pool.submit(check_batch, batch)

    def check_one_by_one(self, batch: Sequence[ImageSource]) -> list[Outcome]:
        """Check each image in its own process, to identify the one that kills it."""
        outcomes: list[Outcome] = []
        for image in batch:
            with self.start(1) as pool:
                try:
                    outcomes += pool.submit(check_batch, [image]).result()
                except BrokenProcessPool:
                    detail = "its worker process was killed or exceeded the time limit"
                    outcomes.append(ImageFault("image_crashed_decoder", detail))
        return outcomes


def init_worker(loose: tuple[Path, ...]) -> None:
    """Initialize a worker: load loose dataset files, and set its signal handlers."""
    for path in loose:
        catalog.load(catalog.add_file(path))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process stops its workers
    threading.Thread(target=exit_with_parent, daemon=True).start()


def exit_with_parent() -> None:
    """Exit when the main process does, even if it is killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def check_batch(images: Sequence[ImageSource]) -> list[Outcome]:
    """Read and check images within a limit of memory; exceeding that of time kills the process."""
    outcomes = []
    for image in images:
        signal.alarm(DECODE_TIMEOUT_S)
        with memory_limit(DECODE_MEMORY):
            outcomes.append(check_source(image))
        signal.alarm(0)
    return outcomes


def check_source(image: ImageSource) -> Outcome:
    """Read and check one image."""
    try:
        return check_image(read_image_bytes(image))
    except UnusableError as error:
        return ImageFault(error.reason, error.detail)


def read_image_bytes(image: ImageSource) -> bytes:
    """Return the bytes of an image; raise UnusableError with the reason if it cannot be read."""
    try:
        return read_encoded(image)
    except UnusableError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnusableError("image_missing", error.strerror or "no such file") from error
    except KeyError as error:
        reason = (
            "image_missing"
            if isinstance(image, ArchiveMember | ParquetCell | LmdbEntry)
            else "image_unreadable"
        )
        raise UnusableError(reason, str(error.args[0] if error.args else error)) from error
    except OSError as error:
        raise UnusableError("image_unreadable", error.strerror or str(error)) from error
    except MemoryError as error:
        detail = "reading it needs more memory than the limit"
        raise UnusableError("image_too_large", detail) from error
    # Damaged archives, and functions that compute images, raise all kinds of exceptions.
    except Exception as error:
        raise UnusableError("image_unreadable", f"{type(error).__name__}: {error}") from error
