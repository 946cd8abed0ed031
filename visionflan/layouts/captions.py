"""Share what releases have in common in which several people describe each picture."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from visionflan.dataset import Example
from visionflan.errors import UnusableError
from visionflan.layouts import is_folder

# The owners' archive unpacks into the first; the others are those of well-used copies.
FLICKR30K_FOLDERS = (
    "flickr30k-images",
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
    "images",
    "Images",
)


def flickr30k_pictures(root: Path) -> Path:
    """Find the folder of pictures in a release of Flickr30k."""
    folders = [root / name for name in FLICKR30K_FOLDERS]
    return next(filter(is_folder, folders), folders[0])


def numbered(image: Path, descriptions: Iterable[str], count: int, noun: str) -> Example:
    """Make a list of so many different descriptions the target, each in a line after its number."""
    given = list(descriptions)
    mended = [" ".join(description.split()) for description in given]
    different: dict[str, str] = {}
    for description in filter(None, mended):
        different.setdefault(description.casefold(), description)
    if len(different) < count:
        raise UnusableError(
            "too_few_captions", f"{len(different)} of {count} descriptions are there and differ"
        )
    lines = (f"{noun} {place}: {kept}" for place, kept in enumerate(different.values(), start=1))
    return Example(
        image=image,
        target="\n".join(islice(lines, count)),
        repaired=() if mended == given else ("trimmed_blanks",),
    )
