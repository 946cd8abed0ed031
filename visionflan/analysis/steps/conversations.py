"""Generate conversations from the annotations of a build, by rule."""

from dataclasses import dataclass
from typing import Any, ClassVar

from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.build_input import Build, BuildStep
from visionflan.builder.conversations import write_conversations
from visionflan.plural import counted


@dataclass(frozen=True, kw_only=True)
class ConversationsStep(BuildStep):
    """Write a build of conversations."""

    kind: ClassVar[str] = "conversations"
    source: Build
    count: int
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"write {counted(self.count, 'conversation')}, seed {self.seed}"

    @property
    def sources(self) -> tuple[Build, ...]:
        """The build that it reads."""
        return (self.source,)

    def settings(self) -> dict[str, Any]:
        """Return the build, the number and the seed."""
        return {"build": self.source.content, "count": self.count, "seed": self.seed}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        (source,) = self.open_sources(context)
        write_conversations(source, context.directory / "build", self.count, self.seed)
