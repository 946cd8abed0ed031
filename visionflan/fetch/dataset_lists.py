"""The images of a dataset that publishes URLs, as lists with the place that its reader expects."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from visionflan import catalog
from visionflan.builder.sampling import escape_surrogates
from visionflan.dataset_code import read_image_urls
from visionflan.fetch.shard_log import UrlEntry
from visionflan.image_urls import ImageUrl


class ImageList(NamedTuple):
    """The images of one directory of a release.

    Attributes:
        out: the directory.
        read: returns the rows.
        tables: whether the reader expects the layout and the tables of img2dataset.
    """

    out: Path
    read: Callable[[], Iterable[UrlEntry]]
    tables: bool


def dataset_lists(name: str, root: Path) -> Iterator[ImageList]:
    """Yield the lists of a dataset whose release is in a directory; raise ReleaseError for none."""
    for images in read_image_urls(name, catalog.load(name), root):
        first = next(iter(images.read()), None)
        if first is not None:
            out = root / images.directory
            yield ImageList(out, partial(read_entries, images.read), not first.name)


def read_entries(read: Callable[[], Iterable[ImageUrl]]) -> Iterator[UrlEntry]:
    """Yield the images of a directory as rows of a list."""
    for image in read():
        yield UrlEntry(image.row, escape_surrogates(image.url), path=escape_surrogates(image.name))
