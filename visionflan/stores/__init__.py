"""Read and write directories of object stores, or of any other file system that fsspec reaches."""

import re
from pathlib import Path

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
SCHEME_OF_PATH = re.compile(r"(^|/)[A-Za-z][A-Za-z0-9+.-]+:/")  # a Path joins adjacent slashes


def is_url(text: str) -> bool:
    """Return whether a text is a URL such as `s3://bucket/name`, rather than a path."""
    return SCHEME.match(text) is not None


def path_was_url(path: Path) -> bool:
    """Return whether a path was made of a URL."""
    return SCHEME_OF_PATH.search(path.as_posix()) is not None
