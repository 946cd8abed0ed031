"""Write the manifest of a build, with digests by which any change of its files is found later.

Images are not among these: their ids are digests of their contents.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visionflan.atomic_write import write_json

MANIFEST = "manifest.json"
OWN_DIGEST = "manifest_sha256"  # of all else in the manifest


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    """Add the digests of a build's files and of the manifest itself to it, and write it last."""
    names = digested_files(manifest)
    manifest["sha256"] = {name: file_digest(directory / name) for name in names}
    manifest[OWN_DIGEST] = manifest_digest(manifest)
    write_json(directory / MANIFEST, manifest)


def digested_files(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the files of a build without images."""
    return (name for name in manifest["files"] if not name.startswith("images/"))


def file_digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_digest(manifest: dict[str, Any]) -> str:
    """Return the sha256 of all that is in a manifest, except this digest."""
    content = {name: value for name, value in manifest.items() if name != OWN_DIGEST}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
