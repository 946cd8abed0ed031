"""Evaluate a checkpoint."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.build_input import Build, build_parents, build_path
from visionflan.analysis.steps.train import ModelStep
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.stages import evaluate_stages
from visionflan.train.config_io import to_json

# What changes how fast answers come, and not the answers.
MACHINE_SETTINGS = ("batch_size", "cache")


@dataclass(frozen=True, kw_only=True)
class EvaluateStep(Step):
    """Evaluate a checkpoint on the held-out instances of builds, or on benchmarks."""

    kind: ClassVar[str] = "evaluate"
    model: ModelStep
    builds: tuple[Build, ...]
    selection: EvalSelection

    @property
    def label(self) -> str:
        """What it does."""
        return f"evaluate {self.model.label.removeprefix('train ')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The model, and the builds that steps write."""
        return (self.model, *build_parents(*self.builds))

    def settings(self) -> dict[str, Any]:
        """Return the selection and the builds."""
        selection = to_json(self.selection)
        for name in MACHINE_SETTINGS:
            del selection[name]
        return {"selection": selection, "builds": [build.content for build in self.builds]}

    def run(self, context: StepContext) -> None:
        """Write the records and scores."""
        builds = tuple(build_path(build, context) for build in self.builds)
        checkpoint = self.model.checkpoint(context.output(self.model))
        evaluate_stages(
            checkpoint,
            replace(self.selection, builds=builds),
            context.directory,
            context.runtime.device,
            context.log,
        )

    def records(self, output: Path) -> Path:
        """Return the table of records of held-out tasks."""
        return output / "records.parquet"
