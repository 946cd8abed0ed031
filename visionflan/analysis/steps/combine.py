"""Write one build of the instances of several."""

from dataclasses import dataclass
from typing import Any, ClassVar

from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.build_input import Build, BuildStep
from visionflan.builder.combine import combine_builds
from visionflan.plural import counted


@dataclass(frozen=True, kw_only=True)
class CombineStep(BuildStep):
    """Write one build of the instances of several."""

    kind: ClassVar[str] = "combine"
    builds: tuple[Build, ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"combine {counted(len(self.builds), 'build')}"

    @property
    def sources(self) -> tuple[Build, ...]:
        """The builds that it reads."""
        return self.builds

    def settings(self) -> dict[str, Any]:
        """Return the builds."""
        return {"builds": [source.content for source in self.builds]}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        combine_builds(self.open_sources(context), context.directory / "build")
