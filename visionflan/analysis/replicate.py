"""The steps of a recipe with one seed, from which a study makes its arms.

Equal requests give equal steps, so that what arms have in common is trained once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from visionflan import recipes
from visionflan.analysis.arm import Arm
from visionflan.analysis.factor import Value
from visionflan.analysis.step import Step
from visionflan.analysis.steps.build_input import Build, BuildInput
from visionflan.analysis.steps.conversations import ConversationsStep
from visionflan.analysis.steps.evaluate import EvaluateStep
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.releases import ReleaseInput, Releases, SpecimensStep
from visionflan.analysis.steps.subset import SubsetStep
from visionflan.analysis.steps.train import ModelStep, TrainStep
from visionflan.analysis.task_table import TaskTable
from visionflan.errors import AnalysisError
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.evaluate.plan import EvalSelection
from visionflan.train.config import StageConfig, TrainConfig
from visionflan.train.selection import count_by_task

ALIGN, BASE, CHAT = "align", "base", "chat"
# Studies compare arms that see the same number of rows, so a batch is a number of rows.
BATCH_SIZE = 32
ANSWERS = "answers"  # the evaluation on held-out instances of the build


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """One seed, and one draw of tasks, of a study.

    Attributes:
        recipe: what is trained.
        tasks: the tasks of the build.
        held_out_tasks: those that no stage trains on.
        seed: of the weights, the order of rows and the draws.
        limit: the number of questions a task; None: all.
        conditions: the images that questions are asked with.
        data_root: the directory with the releases of benchmarks; None: drawn ones.
    """

    recipe: TrainConfig
    tasks: TaskTable
    held_out_tasks: tuple[str, ...]
    seed: int
    limit: int | None = None
    conditions: tuple[str, ...] = (ORIGINAL,)
    data_root: Path | None = None

    @cached_property
    def training_tasks(self) -> tuple[str, ...]:
        """The tasks that may be trained on."""
        return tuple(task for task in self.tasks.sizes if task not in self.held_out_tasks)

    @cached_property
    def training_build(self) -> Build:
        """The build without the tasks that are held out completely."""
        if not self.held_out_tasks:
            return self.tasks.build
        return SubsetStep(source=self.tasks.build, tasks=self.training_tasks)

    @cached_property
    def pretrained(self) -> PretrainStep | None:
        """The parts of a recipe that pretrains its own."""
        pretrain = self.recipe.pretrain
        if pretrain is None:
            return None
        if pretrain.synthetic_conversations is None:
            count = self.stage(CHAT).data.synthetic_conversations or 0
            pretrain = replace(pretrain, synthetic_conversations=count)
        recipe = replace(self.recipe, pretrain=pretrain)
        return PretrainStep(recipe=recipe, build=self.training_build, seed=self.seed)

    @cached_property
    def aligned(self) -> ModelStep:
        """The model after the alignment of its connector."""
        return self.train(ALIGN, None)

    @cached_property
    def base(self) -> ModelStep:
        """The model after the first stage of instruction tuning, on all training tasks."""
        return self.train(BASE, self.aligned)

    @cached_property
    def chat(self) -> ModelStep:
        """The model after the second stage, on conversations."""
        return self.train_chat(self.base)

    def stage(self, name: str) -> StageConfig:
        """Return a stage of the recipe, with batches of a number of rows."""
        stage = self.recipe.stage(name)
        if stage.batch_size is None:
            return replace(stage, batch_size=BATCH_SIZE, batch_tokens=None)
        return stage

    def num_steps(self, name: str) -> int:
        """Return the optimizer steps of a stage of the recipe on the training build.

        Where the recipe counts epochs, those of all its rows, although a few may be dropped.
        """
        stage = self.stage(name)
        if stage.steps is not None:
            return stage.steps
        rows = sum(self.tasks.sizes[task].train for task in self.training_tasks)
        if stage.data.max_instances is not None:
            rows = min(rows, stage.data.max_instances)
        assert stage.batch_size is not None
        return max(1, round((stage.epochs or 1) * rows / stage.batch_size))

    def train(
        self,
        name: str,
        model: ModelStep | None,
        *,
        build: Build | None = None,
        data: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> TrainStep:
        """Return the step that trains a stage of the recipe, with changes.

        Args:
            name: the stage of the recipe.
            model: the model that it starts from; None starts a new one.
            build: what it reads; by default what the stage names, or the training build.
            data: changed settings of the stage's data, such as `tasks` or `mixture`.
            changes: changed settings of the stage, such as `trainable` or `steps`.
        """
        stage = self.stage(name)
        stage = replace(stage, data=replace(stage.data, **(data or {})), **changes)
        return TrainStep(
            stage=stage,
            build=build or self.build_of(stage),
            model=self.pretrained if model is None else model,
            init=self.recipe.init,
            seed=self.seed,
            dtype=self.recipe.checkpoint_dtype,
        )

    def build_of(self, stage: StageConfig) -> Build:
        """Return the build of a stage."""
        return self.training_build if stage.data.build is None else BuildInput(stage.data.build)

    @cached_property
    def conversations(self) -> Build:
        """The conversations of the second stage: generated from the build, or the recipe's own."""
        data = self.stage(CHAT).data
        if data.synthetic_conversations is None:
            return self.build_of(self.stage(CHAT))
        return ConversationsStep(
            source=self.training_build, count=data.synthetic_conversations, seed=self.seed
        )

    @cached_property
    def conversation_rows(self) -> dict[str, int] | None:
        """How many conversations of each task the second stage may use; None if not known yet."""
        build = self.conversations
        if not isinstance(build, BuildInput):
            return None
        return count_by_task(build.directory, self.stage(CHAT).data)

    @cached_property
    def conversation_tasks(self) -> tuple[str, ...]:
        """The tasks of the second stage, those with held-out instances where any has; or all."""
        build, rows, data = self.conversations, self.conversation_rows, self.stage(CHAT).data
        if rows is None or not isinstance(build, BuildInput) or not (data.tasks or data.authors):
            return data.tasks
        entries = build.directory.manifest["tasks"]
        return tuple(task for task in rows if entries[task]["held_out"]) or tuple(rows)

    def train_chat(
        self, model: ModelStep, max_instances: int | None = None, **changes: Any
    ) -> TrainStep:
        """Return the step that trains the second stage on some of the conversations."""
        data: dict[str, Any] = {"synthetic_conversations": None}
        if max_instances is not None:
            data["max_instances"] = max_instances
        return self.train(CHAT, model, build=self.conversations, data=data, **changes)

    def evaluate(self, model: ModelStep, *builds: Build, **changes: Any) -> EvaluateStep:
        """Return the step that asks a model the held-out questions of the build, or of `builds`.

        `changes` are settings of the selection, such as `tasks` or `phrasings`.
        """
        selection = EvalSelection(conditions=self.conditions, limit=self.limit, max_new_tokens=32)
        return EvaluateStep(
            model=model,
            builds=builds or (self.tasks.build,),
            selection=replace(selection, **changes),
        )

    def evaluate_benchmarks(self, model: ModelStep, *benchmarks: str) -> EvaluateStep:
        """Return the step that asks a model the questions of benchmarks."""
        selection = EvalSelection(benchmarks=benchmarks, limit=self.limit)
        releases: Releases = SpecimensStep(benchmarks=benchmarks)
        if self.data_root is not None:
            releases = ReleaseInput(self.data_root, benchmarks)
        return EvaluateStep(model=model, builds=(), selection=selection, releases=releases)

    def arm(
        self,
        name: str,
        model: ModelStep,
        *,
        outputs: Mapping[str, Step] | None = None,
        notes: Mapping[str, float] | None = None,
        **factors: Value,
    ) -> Arm:
        """Return an arm that is asked the held-out questions, with other outputs beside."""
        answers = {ANSWERS: self.evaluate(model)}
        return Arm(
            name=name,
            model=model,
            outputs={**answers, **(outputs or {})},
            factors=factors,
            notes=notes or {},
        )


def shorten(recipe: TrainConfig, factor: int) -> TrainConfig:
    """Return a recipe with a fraction of its steps, for `--quick`."""
    stages = tuple(
        replace(stage, steps=max(2, stage.steps // factor))
        if stage.steps
        else replace(stage, epochs=(stage.epochs or 1) / factor)
        for stage in recipe.stages
    )
    pretrain = recipe.pretrain
    if pretrain is not None:
        pretrain = replace(
            pretrain,
            vision_steps=max(2, pretrain.vision_steps // factor),
            language_steps=max(2, pretrain.language_steps // factor),
        )
    return replace(recipe, stages=stages, pretrain=pretrain)


def with_chat_stage(recipe: TrainConfig) -> TrainConfig:
    """Return a recipe such as base_13b with the second stage of chat_13b; others as they are."""
    name = recipe.name.replace(BASE, CHAT, 1)
    if name not in recipes.names() or any(stage.name == CHAT for stage in recipe.stages):
        return recipe
    return replace(recipe, stages=(*recipe.stages, recipes.find(name).stage(CHAT)))


def check_stages(recipe: TrainConfig) -> None:
    """Raise AnalysisError unless a recipe has the stages that studies vary."""
    names = [stage.name for stage in recipe.stages]
    if missing := [name for name in (ALIGN, BASE, CHAT) if name not in names]:
        raise AnalysisError(
            f"the recipe {recipe.name} has no stage {', '.join(missing)}, which studies need: use "
            "one with align, base and chat, such as tiny, chat_7b or chat_13b"
        )
