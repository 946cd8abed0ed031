"""Write a build with its training instances in several phrasings of their instructions."""

from dataclasses import dataclass
from typing import Any, ClassVar

from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.build_input import Build, BuildStep, phrasing_settings
from visionflan.builder.rephrase import rephrase_build


@dataclass(frozen=True, kw_only=True)
class RephraseStep(BuildStep):
    """Write a build in other phrasings; the last `held_back` of each task are left for tests."""

    kind: ClassVar[str] = "rephrase"
    source: Build
    held_back: int
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"phrase instructions in several ways, seed {self.seed}"

    @property
    def sources(self) -> tuple[Build, ...]:
        """The build that it reads."""
        return (self.source,)

    def settings(self) -> dict[str, Any]:
        """Return the build, and the choice of phrasings."""
        settings = {"build": self.source.content, "held_back": self.held_back, "seed": self.seed}
        return settings | phrasing_settings(self.source)

    def run(self, context: StepContext) -> None:
        """Write the build."""
        (source,) = self.open_sources(context)
        out = context.directory / "build"
        rephrase_build(source, out, held_back=self.held_back, seed=self.seed)
