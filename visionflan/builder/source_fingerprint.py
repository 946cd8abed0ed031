"""Fingerprint what a build depends on: settings, code, dataset files and releases."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import visionflan
from visionflan.dataset_files import dataset_files
from visionflan.layouts import is_image_name

# The code that can change a build. Other code of this package only starts, reads or shows builds,
# or draws specimens: these are releases, which have their own fingerprint.
PACKAGES = ("layouts", "storage", "builder")
IMAGE_MODULES = ("image_files.py", "image_pixels.py", "image_sources.py")
DATASET_MODULES = ("dataset.py", "dataset_code.py", "vocabulary.py")
OTHER_MODULES = ("escaping.py", "hashing.py", "parquet_cells.py", "prompt.py", "python_source.py")
MODULES = (*DATASET_MODULES, *IMAGE_MODULES, *OTHER_MODULES)
RESOURCES = ("imagenet_names.tsv", "tu_berlin_classes.tsv")
# The settings that change the instances of a dataset; others only choose and divide them.
PART_SETTINGS = ("seed", "hold_out_official", "phrasings", "prompt_style")
LMDB_LOCK = "lock.mdb"  # changed by every program that reads the database
READS_BUILDS = ("storage/arrow_cache.py", "storage/directory.py")
STARTS_BUILDS = (
    "builder/build_request.py",
    "builder/demo.py",
    "builder/preview.py",
    "builder/summary.py",
)


class DatasetFingerprint(NamedTuple):
    """The inputs of a dataset's part: its tasks, and digests of its file and release."""

    tasks: list[str]
    file: str
    release: str


class BuildFingerprint(NamedTuple):
    """The inputs of a build: its settings, a digest of the code, and its datasets."""

    settings: dict[str, Any]
    code: str
    datasets: dict[str, DatasetFingerprint]

    def as_json(self) -> dict[str, Any]:
        """Return the fingerprint as JSON values."""
        datasets = {name: dataset._asdict() for name, dataset in self.datasets.items()}
        return {"settings": self.settings, "code": self.code, "datasets": datasets}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the fingerprint from the output of `as_json`."""
        datasets = {name: DatasetFingerprint(**d) for name, d in stored["datasets"].items()}
        return cls(stored["settings"], stored["code"], datasets)

    def part_digest(self, name: str, limits: Mapping[str, int]) -> str:
        """Return the digest of all that the part of a dataset depends on.

        `limits` are the maximum numbers of instances of its tasks.
        """
        _, file, release = self.datasets[name]
        settings = [self.settings[setting] for setting in PART_SETTINGS]
        content = [name, self.code, settings, dict(limits), file, release]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def differing_settings(self, earlier: Self) -> list[str]:
        """Return the names of the settings that differ from those of an earlier build."""
        names = sorted(self.settings.keys() | earlier.settings.keys())
        return [n for n in names if self.settings.get(n) != earlier.settings.get(n)]

    def changes_since(self, earlier: Self) -> list[str]:
        """Return descriptions of what changed since an earlier build with equal settings."""
        changes = ["the code of visionflan"] if self.code != earlier.code else []
        if others := sorted(self.datasets.keys() ^ earlier.datasets.keys()):
            changes.append(f"which datasets are built ({', '.join(others)})")
        for name in sorted(self.datasets.keys() & earlier.datasets.keys()):
            now, before = self.datasets[name], earlier.datasets[name]
            if now.file != before.file:
                changes.append(f"the dataset file {name}")
            elif now.tasks != before.tasks:
                changes.append(f"the tasks of {name}")
            changes += [f"the release {name}"] if now.release != before.release else []
        return changes


def build_fingerprint(
    settings: dict[str, Any], tasks: Mapping[str, list[str]], releases: Callable[[str], str]
) -> BuildFingerprint:
    """Return the fingerprint of a build.

    `tasks` are the tasks to build of each dataset, and `releases` returns the digest of its
    release.
    """
    datasets = {
        name: DatasetFingerprint(names, files_digest(dataset_files(name)), releases(name))
        for name, names in tasks.items()
    }
    return BuildFingerprint(settings, files_digest(code_files()), datasets)


def files_digest(paths: Iterable[Path]) -> str:
    """Return a digest of the content of files."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def code_files() -> list[Path]:
    """Return the files of this package that can change a build."""
    root = Path(visionflan.__file__).parent
    unrelated = {root / name for name in (*READS_BUILDS, *STARTS_BUILDS)}
    files = [path for package in PACKAGES for path in (root / package).glob("**/*.py")]
    files += [root / name for name in MODULES]
    files += [root / "resources" / name for name in RESOURCES]
    return sorted(path for path in files if path not in unrelated)


def release_digest(root: Path) -> str:
    """Return a digest of the state of a release, wherever it is."""
    digest = hashlib.sha256()
    for line in release_stamps(root):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def release_stamps(root: Path) -> Iterator[str]:
    """Yield the state of two levels of directories and their files, without reading the files.

    Of images only the names count, through the modification time of their directory; an image
    that was changed in place is noticed when it is read again. What cannot be read has a state
    too: its reader says what is wrong.
    """
    for depth, directory in ((0, root), *((1, child) for child in subdirectories(root))):
        name = str(directory.relative_to(root))
        try:
            yield f"{name}\x1f{directory.stat().st_mtime_ns}\n"
            with os.scandir(directory) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            yield f"{name}\x1f{error.errno}\n"
            continue
        for name in names:
            if name != LMDB_LOCK and not is_image_name(name):
                yield from file_state(directory / name, depth)


def file_state(path: Path, depth: int) -> Iterator[str]:
    """Yield the state of a file; nothing for a directory."""
    try:
        status = path.stat()
    except OSError as error:
        yield f"{depth}\x1f{path.name}\x1f{error.errno}\n"
        return
    if not stat.S_ISDIR(status.st_mode):
        yield f"{depth}\x1f{path.name}\x1f{status.st_size}\x1f{status.st_mtime_ns}\n"


def subdirectories(root: Path) -> list[Path]:
    """Return the sorted directories in a directory; none if it cannot be listed."""
    try:
        with os.scandir(root) as entries:
            return sorted(Path(entry.path) for entry in entries if is_directory(entry))
    except OSError:
        return []


def is_directory(entry: "os.DirEntry[str]") -> bool:
    """Return whether an entry is a directory; a link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
