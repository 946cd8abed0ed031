"""Collect what the rows of official validation and test splits name, so that none is trained on."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, get_args

from visionflan.builder.split import HELD_OUT_SPLITS
from visionflan.dataset import Dataset
from visionflan.errors import UnusableError
from visionflan.image_sources import ImageSource, describe_source

IMAGE_TYPES = get_args(ImageSource)


@dataclass
class OfficialRows:
    """The images, by description, and the groups of the official validation and test rows.

    These rows may be sampled, beyond the maximum, dropped, or of no task that is built.
    """

    images: dict[str, ImageSource] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)

    def add_row(self, dataset: Dataset[Any], row: Any) -> None:
        """Add the group of a row, and the images in its fields, if its split is held out."""
        with suppress(UnusableError):  # an unknown split costs the row
            if dataset.official_split(row) in HELD_OUT_SPLITS:
                self.add_images(row_images(row))
                if group := dataset.hold_out_group(row):
                    self.groups.add(group)

    def add_images(self, images: Iterable[ImageSource]) -> None:
        """Add images."""
        self.images.update((describe_source(image), image) for image in images)


def row_images(value: Any) -> Iterator[ImageSource]:
    """Yield the images, or other files, in the fields of a row, and in tuples and lists of them."""
    if isinstance(value, IMAGE_TYPES):
        yield value
    elif isinstance(value, tuple | list):
        for element in value:
            yield from row_images(element)
    elif hasattr(value, "key"):  # a row that is no tuple
        yield from row_images([*getattr(value, "__dict__", {}).values()])
