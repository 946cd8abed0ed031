"""Releases to try a build with: the specimens of the catalog's datasets."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build

PICTURES = 24


@contextmanager
def specimens(tasks: Iterable[str] = ()) -> Iterator[Path]:
    """Write the specimens of the datasets that the tasks are of, under one data root."""
    with TemporaryDirectory(prefix="visionflan-demo-") as folder:
        known = catalog.task_names()
        chosen = catalog.match_tasks(tasks, known) or known
        for name in sorted({task.partition("/")[0] for task in chosen}):
            catalog.load(name).write_specimen(Path(folder) / name, PICTURES)
        yield Path(folder)


@contextmanager
def demo_build() -> Iterator[Path]:
    """Build from the specimens, into a folder that goes away."""
    with specimens() as data_root, TemporaryDirectory(prefix="visionflan-demo-") as folder:
        build(data_root, Path(folder) / "build", BuildSettings())
        yield Path(folder) / "build"
