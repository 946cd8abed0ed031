"""Compare two checkpoints: their weights, and what the language model gets of the same images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.build_input import Build, build_parents, build_path
from visionflan.analysis.steps.train import ModelStep
from visionflan.analysis.weights.correlation import compare_weights
from visionflan.atomic_write import write_json
from visionflan.hashing import shuffled
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import RuntimeConfig

MAX_IMAGES = 500  # a similarity of features hardly changes with more


@dataclass(frozen=True, kw_only=True)
class ComparisonStep(Step):
    """Write what differs between two models to `facts.json`."""

    before: ModelStep
    after: ModelStep

    @property
    def label(self) -> str:
        """What it does."""
        names = (step.label.removeprefix("train ") for step in (self.before, self.after))
        return f"{self.kind.replace('_', ' the ')} of {' and '.join(names)}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """Both models."""
        return (self.before, self.after)

    def settings(self) -> dict[str, Any]:
        """Return nothing: the models decide."""
        return {}

    def checkpoints(self, context: StepContext) -> tuple[Path, Path]:
        """Return the checkpoints of both models."""
        before, after = (
            step.checkpoint(context.output(step)) for step in (self.before, self.after)
        )
        return before, after


@dataclass(frozen=True, kw_only=True)
class CompareWeightsStep(ComparisonStep):
    """Compare the weights of two models by part and layer."""

    kind: ClassVar[str] = "compare_weights"

    def run(self, context: StepContext) -> None:
        """Write the comparison of each layer."""
        rows = [row._asdict() for row in compare_weights(*self.checkpoints(context))]
        write_json(context.directory / "facts.json", {"weights": rows})


@dataclass(frozen=True, kw_only=True)
class CompareFeaturesStep(ComparisonStep):
    """Compare the connected features of two models on held-out images of a build."""

    kind: ClassVar[str] = "compare_features"
    build: Build

    @property
    def parents(self) -> tuple[Step, ...]:
        """Both models, and the build if a step writes it."""
        return (*super().parents, *build_parents(self.build))

    def settings(self) -> dict[str, Any]:
        """Return the build and the number of images."""
        return {"build": self.build.content, "max_images": MAX_IMAGES}

    def num_devices(self, runtime: RuntimeConfig) -> int:
        """Return one."""
        return 1

    def run(self, context: StepContext) -> None:
        """Write the similarity."""
        from visionflan.analysis.similarity import compare_features

        build = BuildDirectory(build_path(self.build, context))
        images = {image for i in build.instances("held_out") for image in i.images}
        chosen = shuffled(sorted(images), "compare features")[:MAX_IMAGES]
        similarity = compare_features(
            *self.checkpoints(context), build, chosen, device=context.runtime.device
        )
        write_json(context.directory / "facts.json", similarity._asdict())
