"""Write a build that asks a study's own questions about held-out images."""

from dataclasses import dataclass
from typing import Any, ClassVar

from visionflan.analysis.step import StepContext
from visionflan.analysis.steps.build_input import Build, BuildStep
from visionflan.builder.reprompt import Question, reprompt_build


@dataclass(frozen=True, kw_only=True)
class RepromptStep(BuildStep):
    """Write a build of a study's own questions."""

    kind: ClassVar[str] = "reprompt"
    source: Build
    name: str
    questions: tuple[Question, ...]

    @property
    def label(self) -> str:
        """What it does."""
        return f"write the questions of {self.name}"

    @property
    def sources(self) -> tuple[Build, ...]:
        """The build that it reads."""
        return (self.source,)

    def settings(self) -> dict[str, Any]:
        """Return the build and the questions."""
        questions = [question._asdict() for question in self.questions]
        return {"build": self.source.content, "name": self.name, "questions": questions}

    def run(self, context: StepContext) -> None:
        """Write the build."""
        (source,) = self.open_sources(context)
        reprompt_build(source, context.directory / "build", self.name, self.questions)
