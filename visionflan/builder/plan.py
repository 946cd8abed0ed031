"""Plan which tasks of which datasets are built, from the settings and the data root."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from visionflan import catalog
from visionflan.builder.source_fingerprint import subdirectories
from visionflan.builder.split import check_hold_out_fraction
from visionflan.dataset import Dataset
from visionflan.errors import BuildError, UnknownNameError
from visionflan.escaping import escape_unprintable
from visionflan.prompt import PhrasingChoice, PromptStyle
from visionflan.reviews.catalog_reviews import not_accepted
from visionflan.storage.schema import TaskInfo
from visionflan.vocabulary import EVALUATION_ONLY

MAX_NAMED = 5  # names in a message
SENSITIVE = "sensitive: it asks about a person"

LicenseFilter = Literal["commercial", "research", "any"]


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """The settings of a build; equal settings on equal input give an equal build.

    Attributes:
        tasks: names or patterns such as `coco/*`; empty means all.
        max_per_task: maximum number of instances per task.
        seed: the random seed.
        include_sensitive: whether to build tasks about race, gender, age, identity or emotion.
        include_evaluation_only: whether to build datasets that must not be trained on.
        hold_out_images: fraction of images to hold out, in [0, 1).
        hold_out_tasks: names or patterns of tasks to hold out with all their images.
        max_per_held_out_task: maximum number of instances per held-out task.
        license: the use that the license of a dataset must allow.
        hold_out_official: whether to hold out what the releases call validation or test.
        phrasings: the first phrasing of each task's instruction, or all, chosen by hash.
        prompt_style: whether prompts ask for the form of options, or not, as the paper's release.
        reviewed_only: whether to build only tasks that a review accepted as they are now.
    """

    tasks: tuple[str, ...] = ()
    max_per_task: int = 10_000
    seed: int = 0
    include_sensitive: bool = False
    include_evaluation_only: bool = False
    hold_out_images: float = 0.05
    hold_out_tasks: tuple[str, ...] = ()
    max_per_held_out_task: int = 1_000
    license: LicenseFilter = "any"
    hold_out_official: bool = False
    phrasings: PhrasingChoice = "first"
    prompt_style: PromptStyle = "visionflan"
    reviewed_only: bool = False

    def __post_init__(self) -> None:
        """Check the ranges of numbers."""
        if min(self.max_per_task, self.max_per_held_out_task) < 1:
            raise BuildError("max_per_task and max_per_held_out_task must be at least 1")
        check_hold_out_fraction(self.hold_out_images)

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


@dataclass
class BuildPlan:
    """The tasks to build, and why others are not built.

    Attributes:
        tasks: the names of the tasks to build, by dataset.
        held_out: the ids of the tasks that are held out.
        not_built: the manifest entries of datasets that are not built.
        excluded_tasks: why a task is not built, by task id.
        unknown_directories: directories of the data root that do not have a dataset's name.
    """

    tasks: dict[str, list[str]] = field(default_factory=dict)
    held_out: tuple[str, ...] = ()
    not_built: dict[str, dict[str, Any]] = field(default_factory=dict)
    excluded_tasks: dict[str, str] = field(default_factory=dict)
    unknown_directories: list[str] = field(default_factory=list)

    def limits(self, name: str, settings: BuildSettings) -> dict[str, int]:
        """Return the maximum number of instances of each task of a dataset."""
        most = settings.max_per_task
        held_out = min(most, settings.max_per_held_out_task)
        tasks = self.tasks[name]
        return {task: held_out if f"{name}/{task}" in self.held_out else most for task in tasks}


def plan(data_root: Path, settings: BuildSettings) -> BuildPlan:
    """Return the plan: the tasks that are requested, allowed and present in the data root."""
    build_plan = BuildPlan()
    requested = by_dataset(requested_tasks(settings))
    if settings.reviewed_only:
        check_reviewed(requested)
    for name, tasks in requested.items():
        dataset = catalog.load(name)
        if message := license_refusal(dataset, settings):
            build_plan.not_built[name] = exclusion(dataset, message)
            continue
        excluded = excluded_tasks(name, tasks, settings)
        allowed = [task for task in tasks if task not in excluded]
        for task in sorted(excluded):
            build_plan.excluded_tasks[f"{name}/{task}"] = excluded[task]
        if not allowed:
            message = all_excluded_message(set(excluded.values()))
            build_plan.not_built[name] = exclusion(dataset, message)
        elif not (data_root / name).is_dir():
            build_plan.not_built[name] = {
                "status": "missing",
                "message": f"{name} is not in the data root",
                "obtain": dataset.obtain,
                "tree": dataset.tree,
                **provenance(dataset),
            }
        else:
            build_plan.tasks[name] = allowed
    build_plan.held_out = held_out_tasks(build_plan, settings)
    known = catalog.names()
    build_plan.unknown_directories = [
        escape_unprintable(path.name)
        for path in subdirectories(data_root)
        if path.name[0] != "." and path.name not in known
    ]
    return build_plan


def excluded_tasks(name: str, tasks: Iterable[str], settings: BuildSettings) -> dict[str, str]:
    """Return which tasks of a dataset are not built, with the reasons."""
    declared = catalog.load(name).tasks
    excluded = not_accepted(name) if settings.reviewed_only else {}
    if not settings.include_sensitive:
        excluded |= {task: SENSITIVE for task in tasks if declared[task].sensitive}
    return {task: excluded[task] for task in tasks if task in excluded}


def check_reviewed(requested: Mapping[str, Iterable[str]]) -> None:
    """Raise BuildError if no requested task has an accepted review."""
    if not any(set(tasks) - not_accepted(name).keys() for name, tasks in requested.items()):
        raise BuildError(
            "none of the tasks has an accepted review (`visionflan check --reviews` lists them): "
            "review some with `visionflan web --as NAME`, or build without --reviewed-only"
        )


def all_excluded_message(reasons: set[str]) -> str:
    """Return why a dataset is not built all of whose tasks are excluded for some reasons."""
    if reasons == {SENSITIVE}:
        return "all its tasks ask about a person; add --include-sensitive to build them"
    if SENSITIVE in reasons:
        return "its tasks ask about a person or have no accepted review"
    return "none of its tasks has an accepted review, which --reviewed-only requires"


def requested_tasks(settings: BuildSettings) -> list[str]:
    """Return the ids of the tasks that the settings request, in the order of the catalog."""
    if not settings.tasks:
        return catalog.task_names()
    requested = catalog.find_tasks(settings.tasks)
    if not settings.include_sensitive:
        for task_id in set(requested) & set(settings.tasks):
            name, _, task = task_id.partition("/")
            if catalog.load(name).tasks[task].sensitive:
                raise BuildError(
                    f"{task_id} asks about a person: add --include-sensitive to build it"
                )
    return requested


def by_dataset(task_ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of tasks by dataset, sorted by dataset."""
    tasks: dict[str, list[str]] = {}
    for task_id in task_ids:
        name, _, task = task_id.partition("/")
        tasks.setdefault(name, []).append(task)
    return dict(sorted(tasks.items()))


def license_refusal(dataset: Dataset[Any], settings: BuildSettings) -> str:
    """Return why the license does not allow the requested use, or an empty string."""
    if dataset.license == EVALUATION_ONLY and not settings.include_evaluation_only:
        return "its license forbids training; add --include-evaluation-only to hold it out"
    if settings.license == "commercial" and not dataset.commercial:
        return (
            f"its license, {dataset.license}, does not allow commercial use, as --license "
            "commercial requires"
        )
    if settings.license == "research" and dataset.license == "unknown":
        return "its license is not known"
    return ""


def held_out_tasks(build_plan: BuildPlan, settings: BuildSettings) -> tuple[str, ...]:
    """Return the ids of the tasks held out by the settings, or because of their license."""
    built = [f"{name}/{task}" for name, tasks in build_plan.tasks.items() for task in tasks]
    not_built = [
        f"{name}/{task}" for name in build_plan.not_built for task in catalog.load(name).tasks
    ]
    known = [*built, *not_built, *build_plan.excluded_tasks]
    try:
        held_out = set(catalog.match_tasks(settings.hold_out_tasks, known))
    except UnknownNameError:
        catalog.match_tasks(settings.hold_out_tasks, catalog.task_names())
        patterns = settings.hold_out_tasks
        outside = [p for p in patterns if not set(known) & set(every_match(p))]
        raise BuildError(
            f"{', '.join(outside)} of --hold-out-tasks is not among the tasks to build: add it to "
            "--tasks, or do not hold it out"
        ) from None
    held_out.update(
        f"{name}/{task}"
        for name, tasks in build_plan.tasks.items()
        if is_evaluation_only(name)
        for task in tasks
    )
    return tuple(task for task in built if task in held_out)


def is_evaluation_only(name: str) -> bool:
    """Return whether the license of a dataset forbids training on it."""
    return catalog.load(name).license == EVALUATION_ONLY


def every_match(pattern: str) -> list[str]:
    """Return all tasks of the catalog that match a pattern."""
    return catalog.match_tasks([pattern], catalog.task_names())


def exclusion(dataset: Dataset[Any], message: str) -> dict[str, Any]:
    """Return the manifest entry of a dataset that is excluded."""
    return {"status": "excluded", "message": message, **provenance(dataset)}


def provenance(dataset: Dataset[Any]) -> dict[str, Any]:
    """Return origin and terms of a dataset, for the manifest."""
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
    """Return the metadata of a task."""
    declared = dataset.tasks[task]
    return TaskInfo(
        dataset=name,
        official_name=declared.official_name,
        title=declared.title,
        instruction=declared.instruction,
        category=declared.category,
        group=declared.group,
        metric=declared.metric,
        sensitive=declared.sensitive,
        phrasings=list(declared.phrasings),
    )
