"""Read and write directories of object stores, or of any other file system that fsspec reaches."""

import re

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")


def is_url(text: str) -> bool:
    """Return whether a text is a URL such as `s3://bucket/name`, rather than a path."""
    return SCHEME.match(text) is not None
