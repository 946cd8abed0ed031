"""The files of downloaded images: their names, their hashes, and copies for repeated URLs."""

import os
import shutil
from hashlib import new as new_hash
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote

from visionflan.fetch.settings import FetchError
from visionflan.fetch.shard_log import UrlEntry
from visionflan.hashing import stable_hash
from visionflan.image_files import SUFFIXES
from visionflan.layouts.img2dataset import ROWS_PER_SHARD

HASHES = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}  # by the number of digits
MAX_NAME = 150  # bytes of a file name made of an id


class FetchedImage(NamedTuple):
    """An image that was downloaded and checked.

    Attributes:
        path: its file.
        size: its bytes.
        sha256: its hash.
        width: in pixels.
        height: in pixels.
        format: a key of SUFFIXES.
    """

    path: Path
    size: int
    sha256: str
    width: int
    height: int
    format: str

    def as_record(self, out: Path) -> dict[str, Any]:
        """Return what the log has of the image, whose file is in an output directory."""
        record = self._asdict() | {"file": str(self.path.relative_to(out))}
        return {name: value for name, value in record.items() if name not in ("path", "format")}


def check_path(entry: UrlEntry) -> None:
    """Raise FetchError if the path that a list gives a file leads out of the directory."""
    path = PurePosixPath(entry.path)
    if path.is_absolute() or ".." in path.parts:
        raise FetchError("unsafe_path", f"{entry.path[:200]!r} leads out of the directory")


def check_digest(path: Path, expected: str) -> None:
    """Raise FetchError if a file has another hash than stated, whose length names the kind."""
    if not expected:
        return
    kind = HASHES.get(len(expected))
    if kind is None:
        raise FetchError("hash_mismatch", f"{expected[:150]!r} is no md5, sha1, sha256 or sha512")
    actual = new_hash(kind, path.read_bytes(), usedforsecurity=False).hexdigest()
    if actual != expected.lower():
        raise FetchError("hash_mismatch", f"its {kind} is {actual}, and the list has {expected}")


def file_name(entry: UrlEntry, image_format: str) -> str:
    """Return the path of a row's file: its own, made of its id, or that of img2dataset."""
    if entry.path:
        return entry.path
    suffixes = SUFFIXES[image_format]
    if entry.name:
        name = safe_name(entry.name)
        return name if name.lower().endswith(suffixes) else f"{name}{suffixes[0]}"
    return f"{entry.row // ROWS_PER_SHARD:05d}/{entry.row:09d}.jpg"


def without_suffix(name: str) -> str:
    """Return an id without the suffix of an image, which it may end with."""
    suffixes = [suffix for group in SUFFIXES.values() for suffix in group]
    return next((name[: -len(one)] for one in suffixes if name.lower().endswith(one)), name)


def safe_name(text: str) -> str:
    """Return an id as the name of a file, in which slashes and a first dot are escaped."""
    name = quote(text, safe=" !#$&'()+,;=@[]{}~")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 17]}-{stable_hash(text):016x}"


def link_image(image: FetchedImage, target: Path) -> FetchedImage:
    """Return an image that another row has, in a file of its own that shares its bytes on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target != image.path:
        target.unlink(missing_ok=True)
        try:
            os.link(image.path, target)
        except OSError:  # a file system without links
            shutil.copyfile(image.path, target)
    return image._replace(path=target)
