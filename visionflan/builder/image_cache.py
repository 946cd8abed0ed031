"""What is known of the pictures of a build, so that each is read and checked once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from visionflan.builder.image_store import Known, Stored
from visionflan.builder.image_workers import Checker, Fault, Good, check_picture
from visionflan.errors import UnusableError
from visionflan.image_sources import Picture, describe, source

Item = TypeVar("Item")


class SeenPictures:
    """The outcomes of checks, and the bytes of those pictures that may still be stored."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.known: dict[str, Known | Fault] = {}
        self.remembered: dict[str, tuple[str, Known]] = {}
        self.fresh: dict[str, Good] = {}

    def remember(self, stored: Stored) -> None:
        """Take over what an earlier run has checked."""
        self.remembered.update((name, (at, known)) for name, at, known in stored.known())

    def is_known(self, picture: Picture) -> bool:
        """Whether a picture was checked, in this run or in one before it was killed."""
        name = describe(picture)
        if name not in self.known and name in self.remembered:
            at, known = self.remembered.pop(name)
            if at == stamp(picture):
                self.known[name] = known
        return name in self.known

    def checked(
        self, batch: Sequence[tuple[Item, Sequence[Picture]]], stored: Stored
    ) -> Iterator[Item]:
        """Yield each item once its pictures are known; they are fresh until the next."""
        shown = {describe(picture): picture for _, pictures in batch for picture in pictures}
        stream = self.checker.check(
            [picture for picture in shown.values() if not self.is_known(picture)]
        )
        for item, pictures in batch:
            names = [describe(picture) for picture in pictures]
            while any(name not in self.known for name in names):
                self.learn(*next(stream), stored)
            yield item
            for name in names:
                self.fresh.pop(name, None)

    def learn(self, picture: Picture, outcome: Good | Fault, stored: Stored) -> None:
        """Keep the outcome of a check."""
        name = describe(picture)
        if isinstance(outcome, Fault):
            self.known[name] = outcome
            return
        self.known[name] = Known(outcome.image.id, outcome.image.format)
        self.fresh[name] = outcome
        stored.note(name, stamp(picture), outcome.image)

    def good(self, picture: Picture, image_id: str) -> Good:
        """Give the bytes of a picture that was checked, reading it again if they are gone."""
        outcome = self.fresh.get(describe(picture)) or check_picture(picture)
        if isinstance(outcome, Fault) or outcome.image.id != image_id:
            raise UnusableError("image_changed", "the picture changed while the build ran")
        return outcome


def stamp(picture: Picture) -> str:
    """Tell size and time of change of the file that holds a picture."""
    known = source(picture).stat()
    return f"{known.st_size} {known.st_mtime_ns}"
