"""Select rows of a build and write them as a list that a training stage takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from visionflan.errors import BuildError, UsageError
from visionflan.plural import counted
from visionflan.select.candidates import Candidates, read_candidates
from visionflan.select.clusters import MAX_CLUSTERS, default_clusters
from visionflan.select.coverage import EQUAL_RATES, coverage_positions
from visionflan.select.features import read_features
from visionflan.select.orders import hash_order, hash_values, mixture_positions, take
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Split
from visionflan.storage.row_list import write_row_list
from visionflan.train.mixture_config import MixtureConfig


@dataclass(frozen=True, kw_only=True)
class SelectionSettings:
    """What is selected, and how.

    Attributes:
        rows: the number of rows; None: by `fraction`, or all that the limits leave.
        fraction: the share of the rows to select from, in (0, 1].
        split: the split to select from.
        tasks: names or patterns of the tasks to select from; empty: all.
        weights: `PATTERN:WEIGHT` of tasks, as in a mixture.
        temperature: of the rates of tasks or, with features, of clusters; None: 1 for tasks, and
            equal rates for clusters.
        max_per_task: the most rows of a task.
        features: a matrix whose rows are to be covered; with it, `ids` names its rows.
        ids: a list of the rows of the matrix.
        clusters: the number of clusters of features; None: the square root of the rows.
        seed: the random seed.
    """

    rows: int | None = None
    fraction: float | None = None
    split: Split = "train"
    tasks: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    temperature: float | None = None
    max_per_task: int | None = None
    features: Path | None = None
    ids: Path | None = None
    clusters: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError for settings that do not go together."""
        if self.rows is not None and self.fraction is not None:
            raise UsageError("a selection has one size: --rows or --fraction, not both")
        if self.rows is None and self.fraction is None and self.max_per_task is None:
            raise UsageError("a selection needs a size: add --rows, --fraction or --max-per-task")
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise UsageError(f"the fraction is {self.fraction}, but must be above 0 and at most 1")
        if (self.features is None) != (self.ids is None):
            raise UsageError("features need the ids of their rows, and ids the features: name both")
        if self.features is not None and (self.weights or self.max_per_task is not None):
            raise UsageError(
                "rows that cover features are not chosen by task: leave out weights and the "
                "maximum per task, or the features"
            )
        if self.clusters is not None and self.features is None:
            raise UsageError("clusters are those of features: name the features")
        if self.clusters is not None and not 1 <= self.clusters <= MAX_CLUSTERS:
            raise UsageError(
                f"the number of clusters is {self.clusters}, but must be from 1 to {MAX_CLUSTERS:,}"
            )

        self.mixture.check("mixture")

    @property
    def mixture(self) -> MixtureConfig:
        """Return how tasks are mixed."""
        return MixtureConfig(
            weights=self.weights,
            temperature=1.0 if self.temperature is None else self.temperature,
            max_per_task=self.max_per_task,
        )

    @property
    def method(self) -> str:
        """Return how rows are ordered: `coverage`, `mixture` or `hash`."""
        if self.features is not None:
            return "coverage"
        by_task = self.weights or self.temperature is not None or self.max_per_task is not None
        return "mixture" if by_task else "hash"


class Selection(NamedTuple):
    """A written list: how many of the rows of each task that has some it has."""

    selected: Mapping[str, int]
    available: Mapping[str, int]
    method: str


def select_rows(build: BuildDirectory, out: Path, settings: SelectionSettings) -> Selection:
    """Write a list of rows of a build; raise if there are fewer than the budget."""
    candidates = read_candidates(build, settings.split, settings.tasks)
    budget = row_budget(settings, len(candidates))
    positions = take(ordered_positions(candidates, settings), budget)
    if budget is not None and len(positions) < budget:
        raise BuildError(
            f"the maximum per task and the weights leave {counted(len(positions), 'row')} of "
            f"{build.path}, and {budget:,} were to be selected: lower the number of rows"
        )
    ids = candidates.ids.take(positions).to_pylist()
    write_row_list(out, ids, header(build, settings))
    counts = [
        np.bincount(numbers, minlength=len(candidates.tasks)).tolist()
        for numbers in (candidates.task_ids[positions], candidates.task_ids)
    ]
    selected, available = (dict(zip(candidates.tasks, c, strict=True)) for c in counts)
    return Selection(selected, available, settings.method)


def row_budget(settings: SelectionSettings, available: int) -> int | None:
    """Return the number of rows to select; None for all that the limits leave."""
    if settings.fraction is not None:
        return max(1, round(settings.fraction * available))
    if settings.rows is not None and settings.rows > available:
        raise BuildError(
            f"there are {counted(available, 'row')} to select from, and {settings.rows:,} were to "
            "be selected: lower the number of rows"
        )
    return settings.rows


def ordered_positions(candidates: Candidates, settings: SelectionSettings) -> Iterator[int]:
    """Return the positions of rows in the order of selection."""
    if settings.features is not None and settings.ids is not None:
        return coverage_positions(
            read_features(settings.features, settings.ids, candidates.ids),
            hash_values(candidates.ids, settings.seed),
            clusters=settings.clusters or default_clusters(len(candidates)),
            temperature=settings.temperature or EQUAL_RATES,
            seed=settings.seed,
        )
    if settings.method == "mixture":
        return mixture_positions(settings.mixture, candidates, settings.seed)
    return iter(hash_order(candidates.ids, settings.seed))


def header(build: BuildDirectory, settings: SelectionSettings) -> dict[str, Any]:
    """Return what a list says of its origin: the build and all that decided the rows."""
    decided = {
        "split": settings.split,
        "seed": settings.seed,
        "tasks": list(settings.tasks),
        "weights": list(settings.weights),
        "temperature": settings.temperature,
        "max_per_task": settings.max_per_task,
        "clusters": settings.clusters,
        "features_sha256": sha256_of(settings.features),
    }
    return {
        "build": build.digest,
        "method": settings.method,
        **{name: value for name, value in decided.items() if value not in (None, [])},
    }


def sha256_of(path: Path | None) -> str | None:
    """Return the sha256 of a file; None for none."""
    if path is None:
        return None
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
