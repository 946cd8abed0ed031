"""Read and check pictures in worker processes; the answers come in the order of the questions."""

import multiprocessing
import os
import signal
import threading
import warnings
import zipfile
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
from visionflan.errors import BuildError, UnusableError
from visionflan.image_sources import (
    ArchiveMember,
    ImageSource,
    LmdbEntry,
    ParquetCell,
    describe_source,
    open_archive,
    read_encoded,
)
from visionflan.storage.image_checks import MAX_BYTES, CheckedImage, check_image

BATCH_SIZE = 8  # pictures that travel together
BATCHES_PER_WORKER = 6  # bundles that wait for each worker
DECODE_TIMEOUT_S = 120  # after which decoding one picture is given up


class ImageFault(NamedTuple):
    """Why a picture cannot be used."""

    reason: str
    detail: str


class ValidImage(NamedTuple):
    """A picture that can be used, and its bytes."""

    image: CheckedImage
    encoded: bytes


Outcome = ValidImage | ImageFault


class ImageCheckPool:
    """A pool of processes that read and check pictures.

    A picture that kills its process, or keeps it busy for too long, is found out and is a fault.
    """

    def __init__(self, workers: int, start_method: str | None = None) -> None:
        self.workers = workers
        methods = multiprocessing.get_all_start_methods()
        # Forked workers need nothing of the caller's script, which may have no `__main__` guard.
        default = "fork" if "fork" in methods else "spawn"
        self.context = multiprocessing.get_context(start_method or default)
        self.others = set(multiprocessing.active_children())
        self.pool = self.start(workers)

    def start(self, workers: int) -> ProcessPoolExecutor:
        """Start processes and see that they answer."""
        loose = tuple(catalog.loose_files.values())
        pool = ProcessPoolExecutor(workers, self.context, init_worker, (loose,))
        try:
            with warnings.catch_warnings():
                # Python warns of forks beside threads: the workers use no lock that one may hold.
                warnings.simplefilter("ignore", DeprecationWarning)
                pool.submit(os.getpid).result()
        except BrokenProcessPool as fault:
            raise BuildError(
                "the worker processes do not start; where they are spawned, a script builds under "
                "`if __name__ == '__main__':`"
            ) from fault
        return pool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the processes go; when the build was stopped, without waiting for a picture."""
        if kind is not None:
            for worker in set(multiprocessing.active_children()) - self.others:
                worker.kill()
        self.pool.shutdown(cancel_futures=True)

    def check(self, pictures: Iterable[ImageSource]) -> Iterator[tuple[ImageSource, Outcome]]:
        """Yield each picture with its outcome, in order, while others are on their way."""
        left = iter(pictures)
        waiting: deque[tuple[list[ImageSource], Future[list[Outcome]]]] = deque()
        while True:
            while len(waiting) < self.workers * BATCHES_PER_WORKER and (
                bundle := list(islice(left, BATCH_SIZE))
            ):
                waiting.append((bundle, self.submit(bundle)))
            if not waiting:
                return
            bundle, answer = waiting.popleft()
            try:
                outcomes = answer.result()
            except BrokenProcessPool:
                outcomes = self.one_by_one(bundle)
                waiting = deque((other, self.submit(other)) for other, _ in waiting)
            except (PicklingError, AttributeError) as fault:
                raise BuildError(
                    f"{describe_source(bundle[0])} cannot be sent to a worker process ({fault}): "
                    "what draws a picture is a function of the dataset file"
                ) from fault
            yield from zip(bundle, outcomes, strict=True)

    def submit(self, bundle: list[ImageSource]) -> "Future[list[Outcome]]":
        """Give a bundle to the pool, or to a new one where a picture has just broken it."""
        try:
            return self.pool.submit(check_pictures, bundle)
        except BrokenProcessPool:
            self.pool.shutdown()
            self.pool = self.start(self.workers)
            return self.pool.submit(check_pictures, bundle)

    def one_by_one(self, bundle: Sequence[ImageSource]) -> list[Outcome]:
        """Check each picture in a process of its own, to find the one that kills it."""
        outcomes: list[Outcome] = []
        for picture in bundle:
            with self.start(1) as pool:
                try:
                    outcomes += pool.submit(check_pictures, [picture]).result()
                except BrokenProcessPool:
                    outcomes.append(ImageFault("image_crashed_decoder", "its process died"))
        return outcomes


def init_worker(loose: tuple[Path, ...]) -> None:
    """Make a worker ready: loose dataset files by name, and an end when the build ends."""
    for path in loose:
        catalog.load(catalog.add_file(path))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the build itself ends its workers
    threading.Thread(target=exit_with_parent, daemon=True).start()


def exit_with_parent() -> None:
    """Leave no worker behind when the build is killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def check_pictures(pictures: Sequence[ImageSource]) -> list[Outcome]:
    """Read and check some pictures, each within its time."""
    outcomes = []
    for picture in pictures:
        signal.alarm(DECODE_TIMEOUT_S)
        outcomes.append(check_picture(picture))
        signal.alarm(0)
    return outcomes


def check_picture(picture: ImageSource) -> Outcome:
    """Read and check one picture."""
    try:
        content = read_image_bytes(picture)
        return ValidImage(check_image(content), content)
    except UnusableError as fault:
        return ImageFault(fault.reason, fault.detail)


def read_image_bytes(picture: ImageSource) -> bytes:
    """Read a picture's bytes; raises UnusableError with the reason where that cannot be done."""
    try:
        if (size := stored_size(picture)) > MAX_BYTES:
            raise UnusableError("image_too_large", f"{size:,} bytes, at most {MAX_BYTES:,}")
        return read_encoded(picture)
    except UnusableError:
        raise
    except (FileNotFoundError, NotADirectoryError) as fault:
        raise UnusableError("image_missing", fault.strerror or "no such file") from fault
    except KeyError as fault:
        reason = (
            "image_missing"
            if isinstance(picture, ArchiveMember | ParquetCell | LmdbEntry)
            else "image_unreadable"
        )
        raise UnusableError(reason, str(fault.args[0] if fault.args else fault)) from fault
    except OSError as fault:
        raise UnusableError("image_unreadable", fault.strerror or str(fault)) from fault
    # Archives and the code that computes pictures stumble over anything when they are damaged.
    except Exception as fault:
        raise UnusableError("image_unreadable", f"{type(fault).__name__}: {fault}") from fault


def stored_size(picture: ImageSource) -> int:
    """Give the size of a picture before it is read, where the file or the archive tells it."""
    if isinstance(picture, Path):
        return picture.stat().st_size
    if isinstance(picture, ArchiveMember):
        opened = open_archive(picture.archive, os.getpid())
        if isinstance(opened, zipfile.ZipFile):
            return opened.getinfo(picture.name).file_size
    return 0
