"""Evaluate a checkpoint."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.build_input import (
    Build,
    build_parents,
    build_path,
    phrasing_settings,
)
from visionflan.analysis.steps.releases import Releases, release_parents, release_root
from visionflan.analysis.steps.train import ModelStep
from visionflan.evaluate.plan import EvalSelection
from visionflan.evaluate.stages import evaluate_stages
from visionflan.train.config import RuntimeConfig
from visionflan.train.config_io import to_json

# What changes how fast answers come, and not the answers.
MACHINE_SETTINGS = ("batch_size", "cache")


@dataclass(frozen=True, kw_only=True)
class EvaluateStep(Step):
    """Evaluate a checkpoint on the held-out instances of builds, or on benchmarks.

    Attributes:
        model: the step with the checkpoint.
        builds: whose held-out instances are asked; empty for benchmarks.
        selection: what is asked, without the paths of builds and releases.
        releases: of the benchmarks that the selection names; None for builds.
    """

    kind: ClassVar[str] = "evaluate"
    model: ModelStep
    builds: tuple[Build, ...]
    selection: EvalSelection
    releases: Releases | None = None

    @property
    def label(self) -> str:
        """What it does."""
        return f"evaluate {self.model.label.removeprefix('train ')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The model, and the builds and releases that steps write."""
        return (self.model, *build_parents(*self.builds), *release_parents(self.releases))

    def settings(self) -> dict[str, Any]:
        """Return the selection, the builds and the releases."""
        selection = to_json(self.selection)
        for name in MACHINE_SETTINGS:
            del selection[name]
        settings = {"selection": selection, "builds": [build.content for build in self.builds]}
        if self.selection.phrasings == "all":
            settings |= phrasing_settings(*self.builds)
        return settings | ({"releases": self.releases.content} if self.releases else {})

    def num_devices(self, runtime: RuntimeConfig) -> int:
        """Return one."""
        return 1

    def run(self, context: StepContext) -> None:
        """Write the records and scores."""
        builds = tuple(build_path(build, context) for build in self.builds)
        data_root = release_root(self.releases, context) if self.releases else None
        checkpoint = self.model.checkpoint(context.output(self.model))
        evaluate_stages(
            checkpoint,
            replace(self.selection, builds=builds, data_root=data_root),
            context.directory,
            context.runtime.device,
            context.log,
        )

    def records(self, output: Path) -> Path:
        """Return the table of records of held-out tasks."""
        return output / "records.parquet"
