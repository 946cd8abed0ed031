"""The releases of benchmarks that models are evaluated on: those that a user has, or drawn ones."""

import shutil
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.evaluate.demo import specimen_release
from visionflan.plural import counted


@dataclass(frozen=True)
class ReleaseInput:
    """A directory with a release of each benchmark, known by the names and sizes of its files."""

    path: Path
    benchmarks: tuple[str, ...]

    @cached_property
    def content(self) -> str:
        """The digest of the names and sizes of the files."""
        sizes = [
            f"{file.relative_to(self.path)} {file.stat().st_size}"
            for name in self.benchmarks
            for file in sorted((self.path / name).rglob("*"))
            if file.is_file()
        ]
        return sha256("\n".join(sizes).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class SpecimensStep(Step):
    """Draw a small release of each benchmark of classes, where the user names none."""

    kind: ClassVar[str] = "specimens"
    benchmarks: tuple[str, ...]
    copies: int = 10  # of each image of a specimen, which has one or two of a class

    @property
    def label(self) -> str:
        """What it does."""
        return f"draw {counted(len(self.benchmarks), 'benchmark')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """None."""
        return ()

    @property
    def content(self) -> str:
        """The digest of this step."""
        return self.digest

    def settings(self) -> dict[str, Any]:
        """Return the names, and the number of images."""
        return {"benchmarks": list(self.benchmarks), "copies": self.copies}

    def run(self, context: StepContext) -> None:
        """Write a directory for each benchmark."""
        for name in self.benchmarks:
            shutil.rmtree(context.directory / name, ignore_errors=True)
            specimen_release(name, context.directory / name, self.copies)


Releases = ReleaseInput | SpecimensStep


def release_parents(releases: Releases | None) -> tuple[Step, ...]:
    """Return the step that draws the releases, if one does."""
    return (releases,) if isinstance(releases, SpecimensStep) else ()


def release_root(releases: Releases, context: StepContext) -> Path:
    """Return the directory with one subdirectory for each benchmark."""
    if isinstance(releases, ReleaseInput):
        return releases.path.resolve()
    return context.output(releases)
