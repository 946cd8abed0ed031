"""The outcomes of image checks in an import, so that each image is read and checked once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from visionflan.builder.image_pool import ImageCheckPool
from visionflan.builder.image_store import StoredImage
from visionflan.builder.image_workers import ImageFault, check_source
from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource, describe_source
from visionflan.storage.image_checks import ValidImage

Item = TypeVar("Item")


class ImageCheckCache:
    """The outcomes of image checks, by description of the image's source.

    Attributes:
        outcomes: the images checked so far.
        bytes_in_flight: checked images of the current item, whose bytes may still be stored.
    """

    def __init__(self, pool: ImageCheckPool) -> None:
        self.pool = pool
        self.outcomes: dict[str, StoredImage | ImageFault] = {}
        self.bytes_in_flight: dict[str, ValidImage] = {}

    def iter_checked(self, batch: Sequence[tuple[Item, Sequence[ImageSource]]]) -> Iterator[Item]:
        """Yield each item once its images are checked; their bytes are kept until the next item."""
        images = {describe_source(image): image for _, images in batch for image in images}
        stream = self.pool.check(
            [image for source, image in images.items() if source not in self.outcomes]
        )
        for item, item_images in batch:
            sources = [describe_source(image) for image in item_images]
            while any(source not in self.outcomes for source in sources):
                self.add_outcome(*next(stream))
            yield item
            for source in sources:
                self.bytes_in_flight.pop(source, None)

    def add_outcome(self, image: ImageSource, outcome: ValidImage | ImageFault) -> None:
        """Record the outcome of a check."""
        source = describe_source(image)
        if isinstance(outcome, ImageFault):
            self.outcomes[source] = outcome
            return
        stored = StoredImage(outcome.image.id, outcome.released_format, outcome.changes)
        self.outcomes[source] = stored
        self.bytes_in_flight[source] = outcome

    def get_valid(self, image: ImageSource, image_id: str) -> ValidImage:
        """Return a checked image with its bytes, re-reading it if they were evicted.

        Raises UnusableError if the image has changed since.
        """
        outcome = self.bytes_in_flight.get(describe_source(image)) or check_source(image)
        if isinstance(outcome, ImageFault) or outcome.image.id != image_id:
            raise UnusableError("image_changed", "the image changed during the build")
        return outcome
