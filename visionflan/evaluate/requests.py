"""What is asked: items of a build or of a benchmark, each under its conditions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import Condition
from visionflan.hashing import pick, stable_hash

ImageIds = tuple[str, ...]


class Source(Protocol):
    """Where items come from: a build directory, or a benchmark's release."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        ...

    @property
    def digest(self) -> str:
        """Name it by content."""
        ...

    def image(self, image_id: str, /) -> bytes:
        """Read the encoded bytes of an image."""
        ...

    def describe_image_location(self, image_id: str, /) -> str:
        """Tell where an image lies, for people."""
        ...

    def image_group(self, image_id: str, /) -> str:
        """Name the group of images that look the same as this one."""
        ...


class Item(NamedTuple):
    """One question with all that its record tells of it; `key` names it by content.

    The fields are those of a record that do not depend on who is asked.
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


class EvalRequest(NamedTuple):
    """An item under one condition, and the images that the model is given for it."""

    item: Item
    condition: Condition
    images_shown: ImageIds

    @property
    def key(self) -> tuple[str, str, str]:
        """The place of its record."""
        return self.item.task, self.item.sample_key, self.condition

    @property
    def closed_answers(self) -> tuple[str, ...]:
        """The answers to be weighed: only of true pictures, since the others are controls."""
        return self.item.candidates if self.condition == "original" else ()


@dataclass(frozen=True, kw_only=True)
class EvalSet:
    """All items of some tasks, what is told of each task, and where they come from.

    Of a benchmark: its name, the style of its prompts, the version of its files, and what a reader
    of its scores must know.
    """

    items: Mapping[str, list[Item]]
    tasks: Mapping[str, TaskHeader]
    sources: Sequence[Source]
    benchmark: str = ""
    prompt_style: str = ""
    data_version: str = ""
    notes: tuple[str, ...] = ()


def merge_clusters(items: Mapping[str, list[Item]]) -> dict[str, list[Item]]:
    """Name one cluster for all images that items show together, after the first of them."""
    parents: dict[str, str] = {}

    def root(image: str) -> str:
        while (parent := parents.setdefault(image, image)) != image:
            parents[image] = parents[parent] = parents.setdefault(parent, parent)
            image = parents[image]
        return image

    for each in (item for members in items.values() for item in members):
        for image in each.images[1:]:
            one, other = sorted((root(image), root(each.image_cluster)))
            parents[other] = one
    return {
        task: [each._replace(image_cluster=root(each.image_cluster)) for each in members]
        for task, members in items.items()
    }


def limit_items(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Take the clusters of images that come first by hash, whole, until there are enough items."""
    sizes = Counter(item.image_cluster for item in items)
    taken: set[str] = set()
    count = 0
    for cluster in sorted(sizes, key=lambda cluster: stable_hash("limit", cluster)):
        if limit is None or count < limit:
            taken.add(cluster)
            count += sizes[cluster]
    return [item for item in items if item.image_cluster in taken]


def make_requests(
    pool: Sequence[Item], items: Iterable[Item], conditions: Sequence[Condition]
) -> Iterator[EvalRequest]:
    """Yield each item under each condition; for `swapped` the pool lends its pictures.

    An item for which the pool has no other picture is given none, and becomes missing data; one
    that is about no picture is asked once.
    """
    lenders = ImageSwapper(pool if "swapped" in conditions else ())
    for each in items:
        for condition in conditions:
            if each.images or condition == "original":
                shown = lenders.swapped(each) if condition == "swapped" else each.images
                yield EvalRequest(each, condition, shown)


class ImageSwapper:
    """The pictures that the items of a task can lend one another."""

    def __init__(self, pool: Sequence[Item]) -> None:
        self.alike: dict[str, set[ImageIds]] = defaultdict(set)
        self.by_count: dict[int, list[ImageIds]] = defaultdict(list)
        for source, images in sorted(
            {(each.source, each.images) for each in pool}, key=lambda lent: lent[1]
        ):
            self.by_count[len(images)].append(images)
            for image in images:
                self.alike[source.image_group(image)].add(images)

    def swapped(self, item: Item) -> ImageIds:
        """Choose another item's pictures by hash: as many, and none that looks like its own."""
        own = item.images
        groups = [item.source.image_group(image) for image in own]
        avoid = set().union(*(self.alike[group] for group in groups)) | {own}
        drawn = pick(self.by_count[len(own)], 1, item.sample_key, "swapped", avoid=avoid)
        return drawn[0] if drawn else ()
