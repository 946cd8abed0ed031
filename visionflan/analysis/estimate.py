"""Estimate the time and the disk that the steps of a study will take."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from visionflan.analysis.execute import steps_to_run
from visionflan.analysis.plan import StudyPlan
from visionflan.analysis.step import Step
from visionflan.analysis.steps.evaluate import EvaluateStep
from visionflan.analysis.steps.pretrain import PretrainStep
from visionflan.analysis.steps.train import TrainStep
from visionflan.analysis.store import Store

# Seconds of the recipe tiny on one core, by kind of step and unit of work (see `units`). Used where
# no step of the kind is in the store yet.
TINY_SECONDS: Mapping[str, float] = {"pretrain": 0.15, "train": 0.12, "evaluate": 0.6}
OTHER_SECONDS = 10.0


class RemainingWork(NamedTuple):
    """What is left to do.

    Attributes:
        done: the number of steps that are finished, or that no missing one needs.
        missing: the number of the others.
        seconds: the time of those, one after the other; None if it is not known.
        num_bytes: their disk; None if some kind of them is not in the store yet.
    """

    done: int
    missing: int
    seconds: float | None
    num_bytes: float | None


class Cost(NamedTuple):
    """The medians over finished steps of a kind."""

    seconds: float  # of a unit of work, see `units`
    num_bytes: int


def estimate(
    plan: StudyPlan, store: Store, *, is_tiny: bool, adopted: Collection[str] = ()
) -> RemainingWork:
    """Estimate what is left, from finished steps of the same kind in the store.

    Where there are none, only the times of the recipe tiny are known. `adopted` has the digests of
    the steps that finished runs have done.
    """
    left = steps_to_run(plan.targets, store, adopted)
    done = [step for step in plan.steps if step.digest not in left]
    missing = [step for step in plan.steps if step.digest in left]
    costs = finished_costs(filter(store.is_done, done), store)
    seconds = [step_seconds(step, costs, is_tiny=is_tiny) for step in missing]
    sizes = [costs[step.kind].num_bytes if step.kind in costs else None for step in missing]
    return RemainingWork(len(done), len(missing), sum_known(seconds), sum_known(sizes))


def sum_known(values: Sequence[float | None]) -> float | None:
    """Return the sum of values; None if one is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def finished_costs(steps: Iterable[Step], store: Store) -> dict[str, Cost]:
    """Return what finished steps took, by kind; those of finished runs tell nothing."""
    by_kind = defaultdict[str, list[Cost]](list)
    for step in steps:
        seconds = store.record(step)["seconds"]
        if seconds is not None:
            cost = Cost(seconds / units(step), directory_bytes(store.output(step)))
            by_kind[step.kind].append(cost)
    return {
        kind: Cost(
            median(cost.seconds for cost in costs), round(median(cost.num_bytes for cost in costs))
        )
        for kind, costs in by_kind.items()
    }


def step_seconds(step: Step, costs: Mapping[str, Cost], *, is_tiny: bool) -> float | None:
    """Return the expected time of a step; None if nothing like it was measured."""
    if step.kind in costs:
        return costs[step.kind].seconds * units(step)
    if not is_tiny:
        return None
    return TINY_SECONDS.get(step.kind, OTHER_SECONDS) * units(step)


def units(step: Step) -> int:
    """Return the optimizer steps of a step that trains, and the questions a task of an evaluation.

    1 where they are not set, and for other steps.
    """
    if isinstance(step, EvaluateStep):
        return step.selection.limit or 1
    if isinstance(step, TrainStep):
        return step.stage.steps or 1
    if isinstance(step, PretrainStep):
        pretrain = step.recipe.pretrain
        assert pretrain is not None
        return pretrain.vision_steps + pretrain.language_steps
    return 1


def directory_bytes(path: Path) -> int:
    """Return the size of the files in a directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
