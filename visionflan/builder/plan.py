"""Decide from the settings and the data root which tasks of which datasets are built."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from visionflan import catalog
from visionflan.dataset import EVALUATION_ONLY, Dataset
from visionflan.errors import BuildError
from visionflan.storage.schema import TaskInfo

License = Literal["commercial", "research", "any"]


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """What a build is asked for; the same settings on the same input give the same build.

    `tasks` and `hold_out_tasks` are names or patterns such as `coco/*`; no `tasks` means all.
    """

    tasks: tuple[str, ...] = ()
    max_per_task: int = 10_000
    seed: int = 0
    include_sensitive: bool = False
    include_evaluation_only: bool = False
    hold_out_images: float = 0.05
    hold_out_tasks: tuple[str, ...] = ()
    max_per_held_out_task: int = 1_000
    license: License = "any"

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if min(self.max_per_task, self.max_per_held_out_task) < 1:
            raise BuildError("max_per_task and max_per_held_out_task must be at least 1")
        if not 0 <= self.hold_out_images < 1:
            raise BuildError("hold_out_images must be at least 0 and below 1")

    def as_json(self) -> dict[str, Any]:
        """Give the settings as JSON keeps them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


@dataclass
class BuildPlan:
    """The datasets that are built, with their tasks; and what is said of the others."""

    tasks: dict[str, list[str]] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    not_built: dict[str, dict[str, Any]] = field(default_factory=dict)
    excluded_tasks: dict[str, str] = field(default_factory=dict)
    unknown_directories: list[str] = field(default_factory=list)


def plan(data_root: Path, settings: BuildSettings) -> BuildPlan:
    """Find what is wanted, allowed and there."""
    made = BuildPlan()
    chosen = by_dataset(requested_tasks(settings))
    for name, tasks in chosen.items():
        dataset = catalog.load(name)
        if why := license_refusal(dataset, settings):
            made.not_built[name] = {"status": "excluded", "message": why, **provenance(dataset)}
            continue
        allowed = [
            task
            for task in tasks
            if settings.include_sensitive or not dataset.tasks[task].sensitive
        ]
        for task in sorted(set(tasks) - set(allowed)):
            made.excluded_tasks[f"{name}/{task}"] = "sensitive: it asks about a person"
        if not allowed:
            why = "all tasks ask about a person; see --include-sensitive"
            made.not_built[name] = {"status": "excluded", "message": why, **provenance(dataset)}
        elif not (data_root / name).is_dir():
            made.not_built[name] = {
                "status": "missing",
                "message": f"{name} is not in the data root",
                "obtain": dataset.obtain,
                "tree": dataset.tree,
                **provenance(dataset),
            }
        else:
            made.tasks[name] = allowed
    made.held_out = held_out_tasks(made, settings)
    made.unknown_directories = sorted(
        path.name
        for path in data_root.iterdir()
        if path.is_dir() and path.name[0] != "." and path.name not in catalog.names()
    )
    return made


def requested_tasks(settings: BuildSettings) -> list[str]:
    """Name the tasks that the settings ask for, in order."""
    known = catalog.task_names()
    if not settings.tasks:
        return known
    chosen = set(catalog.match_tasks(settings.tasks, known))
    if not settings.include_sensitive:
        for name in chosen & set(settings.tasks):
            dataset, _, task = name.partition("/")
            if catalog.load(dataset).tasks[task].sensitive:
                raise BuildError(f"{name} asks about a person: add --include-sensitive to build it")
    return [name for name in known if name in chosen]


def by_dataset(tasks: Iterable[str]) -> dict[str, list[str]]:
    """Put the tasks of each dataset together."""
    chosen: dict[str, list[str]] = {}
    for name in tasks:
        dataset, _, task = name.partition("/")
        chosen.setdefault(dataset, []).append(task)
    return dict(sorted(chosen.items()))


def license_refusal(dataset: Dataset[Any], settings: BuildSettings) -> str:
    """Say why a license does not allow what is meant; nothing where it does."""
    license = settings.license
    if dataset.license == EVALUATION_ONLY and not settings.include_evaluation_only:
        return "its owners forbid tuning a model on it; see --include-evaluation-only"
    if license == "commercial" and not dataset.commercial:
        return f"its license, {dataset.license}, does not allow commercial use"
    if license == "research" and dataset.license == "unknown":
        return "its license is not known"
    return ""


def held_out_tasks(made: BuildPlan, settings: BuildSettings) -> tuple[str, ...]:
    """Name the tasks that are kept from training as a whole: as asked, or as the owners want it."""
    built = [f"{name}/{task}" for name, tasks in made.tasks.items() for task in tasks]
    known = [f"{name}/{task}" for name in made.not_built for task in catalog.load(name).tasks]
    found = set(
        catalog.match_tasks(settings.hold_out_tasks, [*built, *known, *made.excluded_tasks])
    )
    found.update(
        f"{name}/{task}"
        for name, tasks in made.tasks.items()
        if catalog.load(name).license == EVALUATION_ONLY
        for task in tasks
    )
    return tuple(task for task in built if task in found)


def provenance(dataset: Dataset[Any]) -> dict[str, Any]:
    """Say whose a dataset is."""
    return {
        "title": dataset.title,
        "homepage": dataset.homepage,
        "license": dataset.license,
        "commercial": dataset.commercial,
        "terms": dataset.terms,
        "citation": dataset.citation,
        "layout": dataset.layout,
    }


def task_info(name: str, dataset: Dataset[Any], task: str) -> TaskInfo:
    """Say what is known of a task."""
    offered = dataset.tasks[task]
    return TaskInfo(
        dataset=name,
        official_name=offered.official_name,
        title=offered.title,
        instruction=offered.instruction,
        category=offered.category,
        group=offered.group,
        metric=offered.metric,
        sensitive=offered.sensitive,
    )
