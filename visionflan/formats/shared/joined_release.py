"""Several annotation files that are imported as one release."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.errors import ReleaseError
from visionflan.formats.base import ConversationRecord, InstructionRelease, ReleaseImage
from visionflan.formats.shared.annotation_files import find_images
from visionflan.formats.shared.json_release import JsonRelease
from visionflan.image_sources import containing_file


@dataclass(frozen=True)
class JoinedRelease:
    """Annotation files that a list names, one after the other.

    Attributes:
        annotations: the list, or the only file.
        images: the directory that all images must be in.
        parts: the releases of the files.
        broken: what the list names and cannot be read.
    """

    annotations: Path
    images: Path
    parts: tuple[InstructionRelease, ...]
    broken: tuple[BrokenRow, ...] = ()

    def conversations(self) -> Iterator[ConversationRecord | BrokenRow]:
        """Yield what cannot be read, then the records of each file."""
        yield from self.broken
        for part in self.parts:
            yield from part.conversations() if part.images == self.images else contained(part)


def contained(part: InstructionRelease) -> Iterator[ConversationRecord | BrokenRow]:
    """Yield the records of a part; one whose image is outside of its own directory is broken."""
    for record in part.conversations():
        if isinstance(record, ConversationRecord) and not all(
            image_file(image).is_relative_to(part.images) for image in record.images
        ):
            key = f"{part.annotations.name}: {record.id}"
            yield BrokenRow(key, "image_outside_root", f"an image is not in {part.images.name}")
        else:
            yield record


def image_file(image: ReleaseImage) -> Path:
    """Return the path of the file of an image, without `..`."""
    return Path(os.path.normpath(containing_file(image.source)))


def common_directory(parts: Iterable[InstructionRelease], default: Path) -> Path:
    """Return the innermost directory that contains the images of all parts."""
    directories = [part.images for part in parts]
    return Path(os.path.commonpath(directories)) if directories else default


def locate_images(part: JsonRelease, listing: Path, images: Path | None) -> JsonRelease:
    """Return a part with its directory of images: the one named, or one next to the list.

    Where none contains an image, each record says that its image is missing.
    """
    if images is not None:
        return part.with_images(images)
    names = (name for record in part.records() for name in part.form.image_names(record))
    try:
        return part.with_images(find_images(listing, names))
    except ReleaseError:
        return part.with_images(listing.parent)
