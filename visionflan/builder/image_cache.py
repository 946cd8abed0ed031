"""What is known of the pictures of a build, so that each is read and checked once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from visionflan.builder.image_store import ImageStore, StoredImage
from visionflan.builder.image_workers import ImageCheckPool, ImageFault, ValidImage, check_picture
from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource, containing_file, describe_source

Item = TypeVar("Item")


class ImageCheckCache:
    """The outcomes of checks, and the bytes of those pictures that may still be stored."""

    def __init__(self, checker: ImageCheckPool) -> None:
        self.checker = checker
        self.known: dict[str, StoredImage | ImageFault] = {}
        self.remembered: dict[str, tuple[str, StoredImage]] = {}
        self.fresh: dict[str, ValidImage] = {}

    def remember(self, stored: ImageStore) -> None:
        """Take over what an earlier run has checked."""
        self.remembered.update((name, (at, known)) for name, at, known in stored.known())

    def is_known(self, picture: ImageSource) -> bool:
        """Whether a picture was checked, in this run or in one before it was killed."""
        name = describe_source(picture)
        if name not in self.known and name in self.remembered:
            at, known = self.remembered.pop(name)
            if at == file_stamp(picture):
                self.known[name] = known
        return name in self.known

    def checked(
        self, batch: Sequence[tuple[Item, Sequence[ImageSource]]], stored: ImageStore
    ) -> Iterator[Item]:
        """Yield each item once its pictures are known; they are fresh until the next."""
        shown = {describe_source(picture): picture for _, pictures in batch for picture in pictures}
        stream = self.checker.check(
            [picture for picture in shown.values() if not self.is_known(picture)]
        )
        for item, pictures in batch:
            names = [describe_source(picture) for picture in pictures]
            while any(name not in self.known for name in names):
                self.learn(*next(stream), stored)
            yield item
            for name in names:
                self.fresh.pop(name, None)

    def learn(
        self, picture: ImageSource, outcome: ValidImage | ImageFault, stored: ImageStore
    ) -> None:
        """Keep the outcome of a check."""
        name = describe_source(picture)
        if isinstance(outcome, ImageFault):
            self.known[name] = outcome
            return
        self.known[name] = StoredImage(outcome.image.id, outcome.image.format)
        self.fresh[name] = outcome
        stored.note(name, file_stamp(picture), outcome.image)

    def good(self, picture: ImageSource, image_id: str) -> ValidImage:
        """Give the bytes of a picture that was checked, reading it again if they are gone."""
        outcome = self.fresh.get(describe_source(picture)) or check_picture(picture)
        if isinstance(outcome, ImageFault) or outcome.image.id != image_id:
            raise UnusableError("image_changed", "the picture changed while the build ran")
        return outcome


def file_stamp(picture: ImageSource) -> str:
    """Tell size and time of change of the file that holds a picture."""
    known = containing_file(picture).stat()
    return f"{known.st_size} {known.st_mtime_ns}"
