"""The outcomes of image checks in a build, so that each image is read and checked once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_store import ImageStore, StoredImage
from visionflan.builder.image_workers import ImageFault, check_source
from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource, containing_file, describe_source
from visionflan.storage.image_checks import ValidImage

Item = TypeVar("Item")


class ImageCheckCache:
    """The outcomes of image checks, by description of the image's source.

    Attributes:
        outcomes: the images checked in this run, or accepted from an earlier one.
        outcomes_from_previous_run: the stamp of its file and the outcome, of images that an
            interrupted run checked; accepted if the file still has that stamp.
        bytes_in_flight: checked images of the current item, whose bytes may still be stored.
    """

    def __init__(self, pool: ImageCheckPool) -> None:
        self.pool = pool
        self.outcomes: dict[str, StoredImage | ImageFault] = {}
        self.outcomes_from_previous_run: dict[str, tuple[str, StoredImage]] = {}
        self.bytes_in_flight: dict[str, ValidImage] = {}

    def load_previous(self, store: ImageStore) -> None:
        """Load the images that an interrupted run checked."""
        self.outcomes_from_previous_run.update(
            (source, (stamp, image)) for source, stamp, image in store.checked_images()
        )

    def is_checked(self, image: ImageSource) -> bool:
        """Return whether an image was checked, in this run or in an interrupted one."""
        source = describe_source(image)
        if source not in self.outcomes and source in self.outcomes_from_previous_run:
            stamp, outcome = self.outcomes_from_previous_run.pop(source)
            if stamp and stamp == file_stamp(image):
                self.outcomes[source] = outcome
        return source in self.outcomes

    def iter_checked(
        self, batch: Sequence[tuple[Item, Sequence[ImageSource]]], store: ImageStore
    ) -> Iterator[Item]:
        """Yield each item once its images are checked; their bytes are kept until the next item."""
        images = {describe_source(image): image for _, images in batch for image in images}
        stream = self.pool.check([image for image in images.values() if not self.is_checked(image)])
        for item, item_images in batch:
            sources = [describe_source(image) for image in item_images]
            while any(source not in self.outcomes for source in sources):
                self.add_outcome(*next(stream), store)
            yield item
            for source in sources:
                self.bytes_in_flight.pop(source, None)

    def add_outcome(
        self, image: ImageSource, outcome: ValidImage | ImageFault, store: ImageStore
    ) -> None:
        """Record the outcome of a check."""
        source = describe_source(image)
        if isinstance(outcome, ImageFault):
            self.outcomes[source] = outcome
            return
        stored = StoredImage(outcome.image.id, outcome.released_format, outcome.changes)
        self.outcomes[source] = stored
        self.bytes_in_flight[source] = outcome
        store.note(source, file_stamp(image), stored)

    def get_valid(self, image: ImageSource, image_id: str) -> ValidImage:
        """Return a checked image with its bytes, re-reading it if they were evicted.

        Raises UnusableError if the image has changed since.
        """
        outcome = self.bytes_in_flight.get(describe_source(image)) or check_source(image)
        if isinstance(outcome, ImageFault) or outcome.image.id != image_id:
            raise UnusableError("image_changed", "the image changed during the build")
        return outcome


def file_stamp(image: ImageSource) -> str:
    """Return size and modification time of the file that contains an image; empty if it is gone."""
    try:
        status = containing_file(image).stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
