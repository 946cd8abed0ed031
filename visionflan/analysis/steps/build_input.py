"""The builds that steps read: one that the user has, or one that another step writes."""

import json
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.builder.subset import subset_digest
from visionflan.errors import AnalysisError
from visionflan.storage.directory import BuildDirectory


@dataclass(frozen=True)
class BuildInput:
    """A finished build, known by its digest wherever it lies."""

    path: Path

    @cached_property
    def directory(self) -> BuildDirectory:
        """The opened build."""
        return BuildDirectory(self.path)

    @property
    def content(self) -> str:
        """The digest of its instances."""
        return self.directory.digest

    @property
    def phrasings(self) -> str:
        """The digest of the phrasings of its tasks, which the instances need not have."""
        phrasings = {task: info.phrasings for task, info in self.directory.tasks.items()}
        return sha256(json.dumps(phrasings, sort_keys=True).encode()).hexdigest()

    def subset_content(self, tasks: Collection[str]) -> str:
        """Return the digest of the instances of some tasks."""
        return subset_digest(self.directory, tasks)

    def __reduce__(self) -> tuple[type["BuildInput"], tuple[Path]]:
        """Pickle the path; another process opens the build itself."""
        return BuildInput, (self.path,)


@dataclass(frozen=True)
class CatalogInput:
    """All tasks of the catalog, in place of a build: studies of it are planned and cannot run."""

    path: ClassVar[Path] = Path("the catalog")  # for messages
    content: ClassVar[str] = "catalog"

    def subset_content(self, tasks: Collection[str]) -> str:
        """Return the digest of the names of some tasks."""
        return sha256("\n".join(sorted(tasks)).encode()).hexdigest()


class BuildStep(Step):
    """A step that writes a build, in `build/` of its output."""

    @property
    def content(self) -> str:
        """The digest by which steps that read the build know it."""
        return self.digest

    @property
    @abstractmethod
    def sources(self) -> tuple["Build", ...]:
        """The builds that it reads."""

    @property
    def parents(self) -> tuple[Step, ...]:
        """The builds that other steps write."""
        return build_parents(*self.sources)

    def open_sources(self, context: StepContext) -> list[BuildDirectory]:
        """Return the builds that it reads, opened."""
        return [BuildDirectory(build_path(source, context)) for source in self.sources]


Build = BuildInput | CatalogInput | BuildStep


def phrasing_settings(*builds: Build) -> dict[str, Any]:
    """Return the phrasings of builds that a user has, for steps that read them."""
    own = [build.phrasings for build in builds if isinstance(build, BuildInput)]
    return {"phrasings": own} if own else {}


def build_parents(*builds: Build) -> tuple[Step, ...]:
    """Return the builds that steps write."""
    return tuple(dict.fromkeys(build for build in builds if isinstance(build, BuildStep)))


def build_path(build: Build, context: StepContext) -> Path:
    """Return where a build lies."""
    if isinstance(build, CatalogInput):
        raise AnalysisError("a study runs on a build: name one with --build")
    if isinstance(build, BuildInput):
        return build.path.resolve()
    return context.output(build) / "build"
