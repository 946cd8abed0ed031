"""Tell whether what a part was built from is still the same: code, settings and release."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import visionflan
from visionflan import catalog
from visionflan.layouts import is_image_file

# The folders whose code decides what a build holds.
CODE = ("", "layouts/", "storage/", "builder/")


def source_digest(name: str, data_root: Path, *before: Any) -> str:
    """Sum up what a dataset's part follows from, and all that came before it."""
    digest = hashlib.sha256(json.dumps(before).encode())
    for path in [*code_files(), dataset_file(name)]:
        digest.update(path.read_bytes())
    for line in release_fingerprint(data_root / name):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def code_files() -> list[Path]:
    """Name the files of this package that a build runs through."""
    package = Path(visionflan.__file__).parent
    return sorted(path for part in CODE for path in package.glob(f"{part}*.py"))


def dataset_file(name: str) -> Path:
    """Name the file that declares a dataset: that of its tasks."""
    task = next(iter(catalog.load(name).tasks.values()))
    return Path(str(sys.modules[task.to_example.__module__].__file__))


def release_fingerprint(root: Path) -> Iterator[str]:
    """Tell the state of a release without reading it: two levels of folders, and their files.

    Of pictures only the names count in it, through the time at which their folder changed; a
    picture that was changed in its place is found when it is read again.
    """
    yield str(root)
    for depth, folder in ((0, root), *((1, child) for child in folders(root))):
        known = folder.stat()
        yield f"{folder}\x1f{known.st_mtime_ns}\n"
        with os.scandir(folder) as entries:
            files = [
                (entry.name, entry.stat())
                for entry in entries
                if not is_image_file(Path(entry.name)) and entry.is_file()
            ]
        for name, kept in sorted(files):
            yield f"{depth}\x1f{name}\x1f{kept.st_size}\x1f{kept.st_mtime_ns}\n"


def folders(root: Path) -> list[Path]:
    """Name the folders in a folder."""
    with os.scandir(root) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir())
