"""Read the names of a record's images, whatever type the form writes them in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visionflan.errors import UnusableError
from visionflan.formats.base import ReleaseImage
from visionflan.formats.shared.annotation_files import locate
from visionflan.formats.shared.conversations import encodable, is_missing, malformed

MAX_NAME = 4096  # characters of an image's path; what is longer is not a path
REMOTE = ("http://", "https://", "ftp://", "s3://", "gs://", "hf://")
NAME_KEYS = ("path", "image", "url")  # of an image that is an object
OTHER_MEDIA = ("video", "videos", "audio", "audios")


def image_names(record: dict[str, Any], *fields: str, objects: bool = True) -> tuple[str, ...]:
    """Return the image names of the first of these fields that has some.

    `objects`: a name may be the `path` of an object, as `datasets` and ms-swift write it.
    """
    value = next((v for field in fields if not is_missing(v := record.get(field))), None)
    if value is None:
        return ()
    names = value if isinstance(value, list) else [value]
    return tuple(image_name(name, objects=objects) for name in names)


def image_name(value: Any, *, objects: bool = True) -> str:
    """Return the name of one image: a text, or an object with its path."""
    if objects and isinstance(value, dict):
        value = next((value[key] for key in NAME_KEYS if not is_missing(value.get(key))), value)
    if not isinstance(value, str) or not value:
        raise malformed("the name of an image", value)
    if value.startswith("data:"):
        raise UnusableError("unsupported_media", f"an image is written as {value[:30]}...")
    if len(value) > MAX_NAME:
        raise malformed("the name of an image", value)
    if value.lower().startswith(REMOTE):
        raise remote_image(value)
    return encodable(value.removeprefix("file://"))


def remote_image(address: str) -> UnusableError:
    """Return the error for an image at a web address, which `visionflan fetch` reads from it."""
    return UnusableError("remote_image", f"{address}: download it by `visionflan fetch`")


def image_error(name: str, reason: str, detail: str) -> UnusableError:
    """Return the error for an image that cannot be read.

    A cell of a table without an image has its address as the name.
    """
    if reason == "image_missing" and len(name) <= MAX_NAME and name.lower().startswith(REMOTE):
        return remote_image(name)
    return UnusableError(reason, detail)


def release_images(names: Sequence[str], directory: Path) -> tuple[ReleaseImage, ...]:
    """Return images of these names in a directory."""
    return tuple(ReleaseImage(name, locate(directory, name)) for name in names)


def check_media(record: dict[str, Any]) -> None:
    """Raise UnusableError if a record has a medium that is not an image."""
    for field in OTHER_MEDIA:
        if not is_missing(record.get(field)):
            value = str(record[field])[:80]
            raise UnusableError("unsupported_media", f"the record has a {field}: {value}")
