"""The builds that steps read: one that the user has, some tasks of it, or conversations from it."""

from abc import abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.builder.combine import combine_builds
from visionflan.builder.rephrase import rephrase_build
from visionflan.builder.reprompt import Question, reprompt_build
from visionflan.builder.subset import subset_digest, write_subset
from visionflan.errors import AnalysisError
from visionflan.plural import counted
from visionflan.storage.directory import BuildDirectory
from visionflan.synthesize.conversations import write_conversations


@dataclass(frozen=True)
class BuildInput:
    """A finished build, known by its digest wherever it lies."""

    path: Path = field(compare=False)

    @cached_property
    def directory(self) -> BuildDirectory:
        """The opened build."""
        return BuildDirectory(self.path)

    @property
    def content(self) -> str:
        """The digest of its instances."""
        return self.directory.digest

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
    @abstractmethod
    def content(self) -> str:
        """The digest by which steps that read the build know it."""


@dataclass(frozen=True, kw_only=True)
class SubsetStep(BuildStep):
    """Write the build of some tasks, so that training cannot see the others."""

    kind: ClassVar[str] = "subset"
    source: BuildInput | CatalogInput
    tasks: tuple[str, ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"select {counted(len(self.tasks), 'task')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """None."""
        return ()

    @cached_property
    def content(self) -> str:
        """The digest of the instances."""
        return self.source.subset_content(self.tasks)

    def settings(self) -> dict[str, Any]:
        """Return the digest of the instances."""
        return {"build": self.content}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        source = BuildDirectory(build_path(self.source, context))
        write_subset(source, context.directory / "build", self.tasks)


@dataclass(frozen=True, kw_only=True)
class ConversationsStep(BuildStep):
    """Generate conversations from the annotations of a build, by rule."""

    kind: ClassVar[str] = "conversations"
    source: "Build"
    count: int
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"write {counted(self.count, 'conversation')}, seed {self.seed}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The build, if a step writes it."""
        return build_parents(self.source)

    @property
    def content(self) -> str:
        """The digest of this step."""
        return self.digest

    def settings(self) -> dict[str, Any]:
        """Return the build, the number and the seed."""
        return {"build": self.source.content, "count": self.count, "seed": self.seed}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        source = BuildDirectory(build_path(self.source, context))
        write_conversations(source, context.directory / "build", self.count, self.seed)


@dataclass(frozen=True, kw_only=True)
class CombineStep(BuildStep):
    """Write one build of the instances of several."""

    kind: ClassVar[str] = "combine"
    sources: tuple["Build", ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"combine {counted(len(self.sources), 'build')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The builds that steps write."""
        return build_parents(*self.sources)

    @property
    def content(self) -> str:
        """The digest of this step."""
        return self.digest

    def settings(self) -> dict[str, Any]:
        """Return the builds."""
        return {"builds": [source.content for source in self.sources]}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        sources = [BuildDirectory(build_path(source, context)) for source in self.sources]
        combine_builds(sources, context.directory / "build")


@dataclass(frozen=True, kw_only=True)
class RephraseStep(BuildStep):
    """Write a build with its training instances in several phrasings of their instructions."""

    kind: ClassVar[str] = "rephrase"
    source: "Build"
    held_back: int
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"phrase instructions in several ways, seed {self.seed}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The build, if a step writes it."""
        return build_parents(self.source)

    @property
    def content(self) -> str:
        """The digest of this step."""
        return self.digest

    def settings(self) -> dict[str, Any]:
        """Return the build, and the choice of phrasings."""
        return {"build": self.source.content, "held_back": self.held_back, "seed": self.seed}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        source = BuildDirectory(build_path(self.source, context))
        out = context.directory / "build"
        rephrase_build(source, out, held_back=self.held_back, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class RepromptStep(BuildStep):
    """Write a build that asks a study's own questions about held-out images."""

    kind: ClassVar[str] = "reprompt"
    source: "Build"
    name: str
    questions: tuple[Question, ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"write the questions of {self.name}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The build, if a step writes it."""
        return build_parents(self.source)

    @property
    def content(self) -> str:
        """The digest of this step."""
        return self.digest

    def settings(self) -> dict[str, Any]:
        """Return the build and the questions."""
        questions = [question._asdict() for question in self.questions]
        return {"build": self.source.content, "name": self.name, "questions": questions}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        source = BuildDirectory(build_path(self.source, context))
        reprompt_build(source, context.directory / "build", self.name, self.questions)


Build = BuildInput | CatalogInput | BuildStep


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
