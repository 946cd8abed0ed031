"""Demo builds from the specimens of the catalog's datasets."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build
from visionflan.dataset_code import write_specimen

SPECIMEN_IMAGES = 24


@contextmanager
def specimens(tasks: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a temporary data root with the specimens of the datasets that have these tasks."""
    with TemporaryDirectory(prefix="visionflan-demo-") as directory:
        known = catalog.task_names()
        selected = catalog.match_tasks(tasks, known) or known
        for name in sorted({task.partition("/")[0] for task in selected}):
            write_specimen(name, catalog.load(name), Path(directory) / name, SPECIMEN_IMAGES)
        stamp_by_content(Path(directory))
        yield Path(directory)


def stamp_by_content(directory: Path) -> int:
    """Set modification times by content, so that a build from equal specimens can be resumed.

    Returns the time of the directory itself.
    """
    digest = hashlib.sha256()
    for path in sorted(directory.iterdir()):
        if path.is_dir():
            time = stamp_by_content(path)
        else:
            time = set_time(path, hashlib.sha256(path.read_bytes()).digest())
        digest.update(f"{path.name} {time}\n".encode())
    return set_time(directory, digest.digest())


def set_time(path: Path, digest: bytes) -> int:
    """Set the modification time of a file to the first bytes of a digest, and return it."""
    seconds = int.from_bytes(digest[:4], "big") >> 1
    os.utime(path, (seconds, seconds))
    return seconds


@contextmanager
def demo_build() -> Iterator[Path]:
    """Yield a temporary build of all specimens."""
    with demo_builds([BuildSettings()]) as (path,):
        yield path


@contextmanager
def demo_builds(settings: Sequence[BuildSettings]) -> Iterator[list[Path]]:
    """Yield temporary builds of the specimens, one for each settings; these have the same tasks."""
    with (
        specimens(settings[0].tasks) as data_root,
        TemporaryDirectory(prefix="visionflan-demo-") as directory,
    ):
        paths = [Path(directory) / f"build-{number}" for number in range(len(settings))]
        for path, each in zip(paths, settings, strict=True):
            build(data_root, path, each)
        yield paths
