"""Demo builds from the specimens of the catalog's datasets."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from visionflan import catalog
from visionflan.builder.plan import BuildSettings
from visionflan.builder.run import build

SPECIMEN_IMAGES = 24


@contextmanager
def specimens(tasks: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a temporary data root with the specimens of the datasets that have these tasks."""
    with TemporaryDirectory(prefix="visionflan-demo-") as directory:
        known = catalog.task_names()
        selected = catalog.match_tasks(tasks, known) or known
        for name in sorted({task.partition("/")[0] for task in selected}):
            catalog.load(name).write_specimen(Path(directory) / name, SPECIMEN_IMAGES)
        yield Path(directory)


@contextmanager
def demo_build() -> Iterator[Path]:
    """Yield a temporary build of all specimens."""
    with specimens() as data_root, TemporaryDirectory(prefix="visionflan-demo-") as directory:
        build(data_root, Path(directory) / "build", BuildSettings())
        yield Path(directory) / "build"
