"""Plan a study: its replicates, their arms, and the steps that they share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from visionflan.analysis.arm import Arm
from visionflan.analysis.declaration import check_same_arms
from visionflan.analysis.factor import Factors
from visionflan.analysis.replicate import Replicate, check_stages, shorten
from visionflan.analysis.step import Step, with_ancestors
from visionflan.analysis.study import Study
from visionflan.analysis.task_table import TaskTable
from visionflan.errors import AnalysisError
from visionflan.evaluate.conditions import ORIGINAL
from visionflan.train.config import TrainConfig
from visionflan.train.config_io import to_json

QUICK_SHORTER = 20  # by how much `--quick` divides the steps of each stage
QUICK_LIMIT = 10  # questions a task
DEFAULT_LIMIT = 50


@dataclass(frozen=True, kw_only=True)
class StudySettings:
    """What a user chooses for a study.

    Attributes:
        name: the study.
        build: the directory of the build; None: plan with the tasks of the catalog.
        recipe: what is trained.
        seeds: the seed of each replicate.
        quick: shorten every stage and ask few questions, to see that all works.
        factors: the values of each factor.
        held_out_tasks: patterns of the tasks to leave out of training; empty: some by hash.
        limit: the number of questions a task.
        data_root: the directory with the releases of benchmarks; None: drawn ones.
        finished_runs: directories of runs to take steps from that equal those of the study.
    """

    name: str
    build: Path | None
    recipe: TrainConfig
    seeds: tuple[int, ...]
    quick: bool = False
    factors: Factors
    held_out_tasks: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT
    data_root: Path | None = None
    finished_runs: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what decides the outcome, other than the seeds and the build, as JSON values."""
        recipe = to_json(self.recipe)
        del recipe["runtime"], recipe["build"]
        return {
            "study": self.name,
            "recipe": recipe,
            "quick": self.quick,
            "factors": {name: list(values) for name, values in self.factors.items()},
            "held_out_tasks": list(self.held_out_tasks),
            "limit": self.limit,
        }


@dataclass(frozen=True)
class StudyPlan:
    """The arms of a study in each replicate.

    Attributes:
        study: what is asked.
        settings: what the user chose.
        replicates: each with its arms by name.
    """

    study: Study
    settings: StudySettings
    replicates: Sequence[tuple[Replicate, Mapping[str, Arm]]]

    @cached_property
    def targets(self) -> list[Step]:
        """The outputs of all arms."""
        return [step for arm in self.arms for step in arm.outputs.values()]

    @property
    def arms(self) -> Iterator[Arm]:
        """All arms of all replicates."""
        return (arm for _, arms in self.replicates for arm in arms.values())

    @cached_property
    def steps(self) -> list[Step]:
        """All steps, each once, parents first."""
        return list(with_ancestors(self.targets))

    @cached_property
    def held_out_tasks(self) -> tuple[str, ...]:
        """The tasks that no stage trains on."""
        return self.replicates[0][0].held_out_tasks

    @property
    def untestable_claims(self) -> Iterator[str]:
        """A sentence for each claim about an arm that is not planned."""
        _, arms = self.replicates[0]
        for claim in self.study.claims:
            if absent := [name for name in claim.contrast.weights if name not in arms]:
                yield f"not testable, since there is no arm {absent[0]}: {claim.sentence}"


def plan_study(study: Study, settings: StudySettings) -> StudyPlan:
    """Return the arms of a study; nothing is trained."""
    if not settings.seeds:
        raise AnalysisError("a study needs at least one seed: set --seeds")
    recipe = shorten(settings.recipe, QUICK_SHORTER) if settings.quick else settings.recipe
    check_stages(recipe)
    tasks = TaskTable.of_build(settings.build) if settings.build else TaskTable.of_catalog()
    held_out = tasks.select_held_out(settings.held_out_tasks) if study.holds_out_tasks else ()
    replicates = []
    for seed in settings.seeds:
        replicate = Replicate(
            recipe=recipe,
            tasks=tasks,
            held_out_tasks=held_out,
            seed=seed,
            limit=settings.limit,
            conditions=study.conditions or (ORIGINAL,),
            data_root=settings.data_root,
        )
        arms = study.make_arms(replicate, settings.factors)
        replicates.append((replicate, {arm.name: arm for arm in arms}))
    check_same_arms(study.title, [arms for _, arms in replicates])
    return StudyPlan(study, replace(settings, recipe=recipe), replicates)
