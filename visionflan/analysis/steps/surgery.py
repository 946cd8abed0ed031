"""Make a checkpoint of the parts of others."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import ModelStep, part_content
from visionflan.analysis.weights.surgery import interpolate_part, randomize_part, replace_part
from visionflan.model.base import ModelPart
from visionflan.train.checkpoint import is_complete


class SurgeryStep(ModelStep):
    """Make a checkpoint without training."""

    def checkpoint(self, output: Path) -> Path:
        """Return the new checkpoint."""
        return output / "surgery" / "checkpoint"

    def run(self, context: StepContext) -> None:
        """Write the checkpoint, unless a process that was killed after that has written it."""
        if not is_complete(self.checkpoint(context.directory)):
            self.write(context)

    @abstractmethod
    def write(self, context: StepContext) -> None:
        """Write the checkpoint."""


@dataclass(frozen=True, kw_only=True)
class ReplaceStep(SurgeryStep):
    """Put a part of another model, a pretrained one, or one in a directory, in place.

    `weight` is the share of the other part: 1 replaces it, less interpolates between both.
    """

    kind: ClassVar[str] = "replace"
    model: ModelStep
    donor: ModelStep | PretrainStep | Path
    part: ModelPart
    weight: float = 1.0

    @property
    def label(self) -> str:
        """What it does."""
        share = "" if self.weight == 1 else f" to {self.weight:g}"
        part = self.part.replace("_", " ")
        return f"exchange the {part} of {self.model.label.removeprefix('train ')}{share}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The models that steps make."""
        return (self.model,) if isinstance(self.donor, Path) else (self.model, self.donor)

    def settings(self) -> dict[str, Any]:
        """Return the part and the share, and what is in the directory of a part."""
        settings = {"part": self.part, "weight": self.weight}
        donor = self.donor
        return settings | ({"donor": part_content(donor)} if isinstance(donor, Path) else {})

    def write(self, context: StepContext) -> None:
        """Write the checkpoint."""
        checkpoint = self.model.checkpoint(context.output(self.model))
        out = self.checkpoint(context.directory)
        if isinstance(self.donor, Path):
            replace_part(checkpoint, self.donor, self.part, out)
            return
        output = context.output(self.donor)
        if isinstance(self.donor, PretrainStep):
            replace_part(checkpoint, output / "pretrain" / self.part, self.part, out)
            return
        donor = self.donor.checkpoint(output)
        if self.weight == 1:
            replace_part(checkpoint, donor, self.part, out)
        else:
            interpolate_part(checkpoint, donor, self.part, self.weight, out)


@dataclass(frozen=True, kw_only=True)
class RandomizeStep(SurgeryStep):
    """Draw the connector of a model anew."""

    kind: ClassVar[str] = "randomize"
    model: ModelStep
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"draw a new connector for {self.model.label.removeprefix('train ')}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The model."""
        return (self.model,)

    def settings(self) -> dict[str, Any]:
        """Return the seed."""
        return {"seed": self.seed}

    def write(self, context: StepContext) -> None:
        """Write the checkpoint."""
        checkpoint = self.model.checkpoint(context.output(self.model))
        randomize_part(checkpoint, "connector", self.seed, self.checkpoint(context.directory))
