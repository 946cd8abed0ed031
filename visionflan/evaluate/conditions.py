"""Image conditions: what a model is shown in place of an item's images.

A condition is defined here and nowhere else. The original images are scored; every other condition
is a control, which shows what the model does without them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from visionflan.hashing import pick

if TYPE_CHECKING:
    from PIL import Image

MIDDLE_GRAY = (127, 127, 127)
ORIGINAL = "original"
STROKE = "stroke: var(--text)"

ImageIds = tuple[str, ...]
GroupOf = Callable[[str], str]  # the group of near-duplicates that an image belongs to


class ImagePool:
    """The images of a task's items, from which other images than an item's own can be chosen."""

    def __init__(self, images: Iterable[tuple[ImageIds, GroupOf]]) -> None:
        self.images = dict(images)

    @cached_property
    def groups(self) -> dict[ImageIds, list[str]]:
        """The near-duplicate groups of the images of each item, ordered by image ids."""
        return {
            images: [group_of(image) for image in images]
            for images, group_of in sorted(self.images.items(), key=lambda entry: entry[0])
        }

    @cached_property
    def by_group(self) -> dict[str, set[ImageIds]]:
        """The images of all items that show an image of a group."""
        members: dict[str, set[ImageIds]] = defaultdict(set)
        for images, groups in self.groups.items():
            for group in groups:
                members[group].add(images)
        return members

    @cached_property
    def by_count(self) -> dict[int, list[ImageIds]]:
        """The images of all items by their number."""
        members: dict[int, list[ImageIds]] = defaultdict(list)
        for images in self.groups:
            members[len(images)].append(images)
        return members

    def swap(self, images: ImageIds, key: str) -> ImageIds:
        """Return another item's images, chosen by a hash of `key`; none if there are none.

        They are as many as the given ones, and none is a near-duplicate of a given one.
        """
        similar = [self.by_group[group] for group in self.groups[images]]
        avoid = set().union(*similar) | {images}
        chosen = pick(self.by_count[len(images)], 1, key, "swapped", avoid=avoid)
        return chosen[0] if chosen else ()


def keep(images: ImageIds, _key: str, _pool: ImagePool) -> ImageIds:
    """Return the item's own images."""
    return images


def swap(images: ImageIds, key: str, pool: ImagePool) -> ImageIds:
    """Return the images of another item of the task."""
    return pool.swap(images, key)


def to_gray(image: "Image.Image") -> "Image.Image":
    """Return a middle-gray image of the same size."""
    from PIL import Image  # slow to import, and the command line only needs the names

    return Image.new("RGB", image.size, MIDDLE_GRAY)


class Condition(NamedTuple):
    """One way to show an item's images."""

    name: str  # the value of `condition` in records and of `--conditions`
    label: str  # names the images in tables and on pages
    style: str  # CSS declarations of its line in charts
    image_free: bool = False  # nothing of the item's images is shown
    # From an item's image ids, its sample key and its task's pool to the ids of the images shown.
    select: Callable[[ImageIds, str, ImagePool], ImageIds] = keep
    # Changes each selected image; such images have no id, so `images_shown` is empty.
    transform: "Callable[[Image.Image], Image.Image] | None" = None


CONDITIONS: dict[str, Condition] = {
    condition.name: condition
    for condition in (
        Condition(ORIGINAL, "original images", STROKE),
        Condition("blank", "blank images", STROKE, image_free=True, transform=to_gray),
        Condition("swapped", "swapped images", f"{STROKE}; stroke-dasharray: 2 2.5", select=swap),
    )
}


def controls() -> list[Condition]:
    """Return every condition except that of the original images."""
    return [condition for name, condition in CONDITIONS.items() if name != ORIGINAL]


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of conditions, each once, in the order of `CONDITIONS`."""
    known = set(names)
    return tuple(name for name in CONDITIONS if name in known)


def unknown_conditions(names: Sequence[str]) -> list[str]:
    """Return the names that are no condition."""
    return [name for name in names if name not in CONDITIONS]
