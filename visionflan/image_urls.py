"""Where the images of a release that publishes URLs are on the web, and where they belong."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class ImageUrl(NamedTuple):
    """An image on the web that belongs into a directory of a release.

    Attributes:
        url: its URL.
        row: its row in the list, from zero.
        name: the path of its file in the directory; "" to name it by the row, as img2dataset does.
    """

    url: str
    row: int
    name: str = ""


class ImageUrls(NamedTuple):
    """The images of one directory of a release that publishes URLs.

    Attributes:
        directory: the directory, relative to that of the release.
        read: returns the images; it is called more than once.
    """

    directory: str
    read: Callable[[], Iterable[ImageUrl]]
