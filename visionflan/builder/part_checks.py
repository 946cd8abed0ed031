"""The checks of the images of a part: each image is checked once, in this run or an earlier one."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import NamedTuple

from visionflan.builder.chunk_processes import ChunkProcesses
from visionflan.builder.image_chunks import ImageChunk, iter_chunks, read_chunk, remove_chunks
from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_store import StoredImage
from visionflan.builder.image_workers import ImageFault
from visionflan.errors import BuildError
from visionflan.image_sources import ImageSource, describe_source


class PhaseProgress(NamedTuple):
    """How much of a phase of the work is done."""

    phase: str
    unit: str
    done: int
    total: int | None


ShowProgress = Callable[[PhaseProgress], object]


def count_units(progress: ShowProgress, phase: str, unit: str, total: int) -> Callable[[], object]:
    """Return a function that counts one unit of a phase as done."""
    done = count(1)
    return lambda: progress(PhaseProgress(phase, unit, next(done), total))


class PartChecks:
    """The outcomes of the checks of a part's images, and the processes that check them.

    Attributes:
        outcomes: by description of the image's source.
    """

    def __init__(self, processes: ChunkProcesses, progress: ShowProgress) -> None:
        self.processes, self.progress = processes, progress
        self.outcomes: dict[str, StoredImage | ImageFault] = {}
        self.num_chunks = 0

    @property
    def pool(self) -> ImageCheckPool:
        """Return a pool that checks images without storing them."""
        return self.processes.pool

    def check(self, images: Iterable[ImageSource]) -> None:
        """Check images that were not checked yet, and store the valid ones."""
        new: dict[str, ImageSource] = {}
        for image in images:
            if (source := describe_source(image)) not in self.outcomes:
                new[source] = image
        chunks = list(iter_chunks(new.values(), self.num_chunks))
        self.num_chunks += len(chunks)
        waiting = [chunk for chunk in chunks if not self.accept(chunk)]
        done, total = len(new) - sum(len(chunk.images) for chunk in waiting), len(new)

        def show(checked: int) -> None:
            nonlocal done
            done += checked
            phase = f"{self.processes.part.name}: checking"
            self.progress(PhaseProgress(phase, "images", done, total))

        self.processes.check(waiting, show)
        for chunk in waiting:
            if not self.accept(chunk):
                raise BuildError(
                    f"{self.processes.part.metadata_path(chunk.number)} was damaged while it was "
                    "written: check the disk, and run the same command again"
                )

    def accept(self, chunk: ImageChunk) -> bool:
        """Use the outcomes of a chunk that is complete; return whether it is."""
        outcomes = read_chunk(self.processes.part, chunk)
        if outcomes is None:
            return False
        self.outcomes.update(zip(map(describe_source, chunk.images), outcomes, strict=True))
        return True

    def close(self) -> None:
        """Remove what an earlier run stored of other chunks than these."""
        remove_chunks(self.processes.part, self.num_chunks)
