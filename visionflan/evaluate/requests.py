"""Requests: the items of a build or a benchmark, each under its image conditions."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from visionflan.evaluate.conditions import CONDITIONS, ORIGINAL, ImageIds, ImagePool
from visionflan.evaluate.records.header import TaskHeader, TrainingOverlap
from visionflan.hashing import stable_hash
from visionflan.storage.instance import Turn


class Source(Protocol):
    """A source of items: a build directory, or the release of a benchmark."""

    @property
    def path(self) -> Path:
        """The directory of the files."""
        ...

    @property
    def digest(self) -> str:
        """The hash of its content."""
        ...

    def image(self, image_id: str, /) -> bytes:
        """Return the encoded bytes of an image."""
        ...

    def describe_image_location(self, image_id: str, /) -> str:
        """Return where an image is stored, for messages."""
        ...

    def image_group(self, image_id: str, /) -> str:
        """Return the group of near-duplicates that an image belongs to."""
        ...


class Item(NamedTuple):
    """One question: the fields of its record that do not depend on the model.

    The fields after `source` have the names and meanings of those of `Record`.
    """

    source: Source
    task: str
    instance: str
    sample_key: str
    prompt: str
    images: ImageIds
    image_cluster: str
    options: tuple[str, ...]
    target: str
    references: tuple[str, ...]
    metric: str
    chance_score: float | None = None
    majority_answer: str | None = None
    prompt_style: str = ""
    item_group: str = ""
    categories: tuple[str, ...] = ()
    judge_context: str = ""
    candidates: tuple[str, ...] = ()
    system: str = ""  # the system turn before the prompt; empty if there is none

    @property
    def turns(self) -> list[Turn]:
        """Return the conversation that a model answers."""
        system = [Turn("system", self.system)] if self.system else []
        return [*system, Turn("user", self.prompt)]


class EvalRequest(NamedTuple):
    """An item under one condition."""

    item: Item
    condition: str
    image_ids: ImageIds  # the stored images that the model is shown, before any change to them

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of its record."""
        return self.item.task, self.item.sample_key, self.condition

    @property
    def images_shown(self) -> ImageIds:
        """The ids of the images shown; none if the condition changes the images."""
        return () if CONDITIONS[self.condition].transform else self.image_ids

    @property
    def scored_candidates(self) -> tuple[str, ...]:
        """The candidates to compute log-likelihoods of: only with the original images."""
        return self.item.candidates if self.condition == ORIGINAL else ()


@dataclass(frozen=True, kw_only=True)
class EvalSet:
    """All items of some tasks and where they come from."""

    items: Mapping[str, list[Item]]  # by task
    tasks: Mapping[str, TaskHeader]
    sources: Sequence[Source]
    benchmark: str = ""  # empty for held-out tasks
    prompt_style: str = ""  # of the benchmark
    data_version: str = ""  # of the benchmark's files
    notes: tuple[str, ...] = ()  # for readers of the scores
    overlap: TrainingOverlap = field(default_factory=TrainingOverlap)
    left_out: frozenset[tuple[str, str]] = frozenset()  # task and sample key of these questions


def merge_clusters(items: Mapping[str, list[Item]]) -> dict[str, list[Item]]:
    """Merge the clusters of images that an item shows together, named after the first of them."""
    parents: dict[str, str] = {}

    def root(image: str) -> str:
        while (parent := parents.setdefault(image, image)) != image:
            parents[image] = parents[parent] = parents.setdefault(parent, parent)
            image = parents[image]
        return image

    for item in (item for members in items.values() for item in members):
        for image in item.images[1:]:
            first, second = sorted((root(image), root(item.image_cluster)))
            parents[second] = first
    return {
        task: [item._replace(image_cluster=root(item.image_cluster)) for item in members]
        for task, members in items.items()
    }


def limit_items(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Return at least `limit` items in complete image clusters, those with the lowest hash."""
    sizes = Counter(item.image_cluster for item in items)
    clusters: set[str] = set()
    count = 0
    for cluster in sorted(sizes, key=lambda cluster: stable_hash("limit", cluster)):
        if limit is None or count < limit:
            clusters.add(cluster)
            count += sizes[cluster]
    return [item for item in items if item.image_cluster in clusters]


def make_requests(
    task_items: Sequence[Item], items: Iterable[Item], conditions: Sequence[str]
) -> Iterator[EvalRequest]:
    """Yield each item under each condition; other images come from all items of the task.

    An item for which no image is available gets none, and becomes missing data. An item without
    images is requested once.
    """
    pool = ImagePool((item.images, item.source.image_group) for item in task_items)
    for item in items:
        for name in conditions:
            if item.images or name == ORIGINAL:
                image_ids = CONDITIONS[name].select(item.images, item.sample_key, pool)
                yield EvalRequest(item, name, image_ids)
