"""Read releases in which several annotators describe each image."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from visionflan.dataset import Example
from visionflan.errors import UnusableError
from visionflan.layouts import is_folder

# The owners' archive unpacks into the first; the others are those of popular copies.
FLICKR30K_FOLDERS = (
    "flickr30k-images",
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
    "images",
    "Images",
)


def flickr30k_images(root: Path) -> Path:
    """Find the image directory of a release of Flickr30k."""
    folders = [root / name for name in FLICKR30K_FOLDERS]
    return next(filter(is_folder, folders), folders[0])


def make_numbered_example(
    image: Path, descriptions: Iterable[str], count: int, noun: str
) -> Example:
    """Make an example whose target is a numbered list of `count` distinct descriptions."""
    originals = list(descriptions)
    trimmed = [" ".join(description.split()) for description in originals]
    distinct: dict[str, str] = {}
    for description in filter(None, trimmed):
        distinct.setdefault(description.casefold(), description)
    if len(distinct) < count:
        raise UnusableError(
            "too_few_captions", f"only {len(distinct)} of {count} descriptions exist and differ"
        )
    lines = (f"{noun} {number}: {text}" for number, text in enumerate(distinct.values(), start=1))
    return Example(
        image=image,
        target="\n".join(islice(lines, count)),
        repaired=() if trimmed == originals else ("trimmed_blanks",),
    )
