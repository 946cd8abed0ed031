"""Pretrain the parts of a tiny model from scratch."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from visionflan.analysis.step import Step, StepContext
from visionflan.analysis.steps.build_input import Build, build_parents, build_path
from visionflan.storage.directory import BuildDirectory
from visionflan.train.config import RuntimeConfig, TrainConfig
from visionflan.train.config_io import to_json


@dataclass(frozen=True, kw_only=True)
class PretrainStep(Step):
    """Pretrain a vision tower and a language model on a build, as a recipe with `pretrain` does."""

    kind: ClassVar[str] = "pretrain"
    recipe: TrainConfig
    build: Build
    seed: int

    @property
    def label(self) -> str:
        """What it does."""
        return f"pretrain, seed {self.seed}"

    @property
    def parents(self) -> tuple[Step, ...]:
        """The build, if a step writes it."""
        return build_parents(self.build)

    def settings(self) -> dict[str, Any]:
        """Return what decides the weights."""
        init = self.recipe.init
        return {
            "pretrain": to_json(self.recipe.pretrain),
            "connector": to_json(init.connector),
            "family": init.family,
            "build": self.build.content,
            "seed": self.seed,
        }

    def num_devices(self, runtime: RuntimeConfig) -> int:
        """Return one: the parts are small."""
        return 1

    def run(self, context: StepContext) -> None:
        """Write `pretrain/vision_tower` and `pretrain/language_model`."""
        from visionflan.train.pretrain.tiny_model import pretrain_parts

        build = BuildDirectory(build_path(self.build, context))
        config = replace(self.recipe, build=build.path, seed=self.seed, runtime=context.runtime)
        pretrain_parts(config, build, context.directory, context.log)
