"""Write the build of some tasks, so that training cannot see the others."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.build_input import Build, BuildInput, BuildStep, CatalogInput
from visionflan.builder.subset import write_subset
from visionflan.plural import counted


@dataclass(frozen=True, kw_only=True)
class SubsetStep(BuildStep):
    """Write the build of some tasks."""

    kind: ClassVar[str] = "subset"
    source: BuildInput | CatalogInput
    tasks: tuple[str, ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"select {counted(len(self.tasks), 'task')}"

    @property
    def sources(self) -> tuple[Build, ...]:
        """The build that it reads."""
        return (self.source,)

    @cached_property
    def content(self) -> str:
        """The digest of the instances."""
        return self.source.subset_content(self.tasks)

    def settings(self) -> dict[str, Any]:
        """Return the digest of the instances."""
        return {"build": self.content}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        (source,) = self.open_sources(context)
        write_subset(source, context.directory / "build", self.tasks)
