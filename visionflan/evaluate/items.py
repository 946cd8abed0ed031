"""Choose what is asked: the held-out instances of builds, each under its conditions."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from visionflan.build.directory import BuildDirectory
from visionflan.build.instance import Instance
from visionflan.errors import EvaluationError
from visionflan.evaluate.baselines import TaskFacts, right_answer, task_facts
from visionflan.evaluate.records import Condition, sample_key
from visionflan.hashing import pick, rank

Images = tuple[str, ...]


class Item(NamedTuple):
    """A held-out instance with its build, its name by content, and the cluster of its images."""

    build: BuildDirectory
    instance: Instance
    key: str
    cluster: str

    @property
    def references(self) -> tuple[str, ...]:
        """Every accepted answer, without letters."""
        return self.instance.references or (right_answer(self.instance),)


class Ask(NamedTuple):
    """An item under one condition, and the images that the model is given for it."""

    item: Item
    condition: Condition
    shown: Images


class Chosen(NamedTuple):
    """All held-out items of the tasks, and what is known of each task."""

    items: dict[str, list[Item]]
    facts: dict[str, TaskFacts]


def held_out(builds: Sequence[BuildDirectory], tasks: Collection[str] = ()) -> Chosen:
    """Find the held-out items of the tasks, by default of all that have some."""
    items: dict[str, list[Item]] = {}
    facts: dict[str, TaskFacts] = {}
    for build in builds:
        for task in sorted(set(build.tasks) & set(tasks or build.tasks)):
            instances = list(build.instances("held_out", [task]))
            if task in facts and instances:
                raise EvaluationError(f"{task} is in two of the builds: give one of them")
            if instances:
                facts[task] = task_facts(build, task, instances)
                items[task] = [item(build, instance) for instance in instances]
    if missing := sorted(set(tasks) - set(items)):
        raise EvaluationError(f"the build holds nothing out of {', '.join(missing)}")
    if not items:
        raise EvaluationError("the build holds nothing out: build again with `--hold-out`")
    return Chosen(joined(items), facts)


def item(build: BuildDirectory, instance: Instance) -> Item:
    """Make an item of an instance; its cluster is its own first image until clusters are joined."""
    references = instance.references or (right_answer(instance),)
    key = sample_key(instance.images, instance.prompt, instance.options, references)
    return Item(build, instance, key, instance.images[0] if instance.images else key)


def joined(items: Mapping[str, list[Item]]) -> dict[str, list[Item]]:
    """Name one cluster for all images that items show together, after the first of them."""
    parents: dict[str, str] = {}

    def root(image: str) -> str:
        while (parent := parents.setdefault(image, image)) != image:
            parents[image] = parents[parent] = parents.setdefault(parent, parent)
            image = parents[image]
        return image

    for each in (item for members in items.values() for item in members):
        for image in each.instance.images[1:]:
            one, other = sorted((root(image), root(each.cluster)))
            parents[other] = one
    return {
        task: [each._replace(cluster=root(each.cluster)) for each in members]
        for task, members in items.items()
    }


def limited(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Take the clusters of images that come first by hash, whole, until there are enough items."""
    sizes = Counter(item.cluster for item in items)
    taken: set[str] = set()
    count = 0
    for cluster in sorted(sizes, key=lambda cluster: rank("limit", cluster)):
        if limit is None or count < limit:
            taken.add(cluster)
            count += sizes[cluster]
    return [item for item in items if item.cluster in taken]


def asks(
    pool: Sequence[Item], items: Iterable[Item], conditions: Sequence[Condition]
) -> Iterator[Ask]:
    """Yield each item under each condition; for `swapped` the pool lends its pictures.

    An item for which the pool has no other picture is given none, and becomes missing data; one
    that is about no picture is asked once.
    """
    lenders = Lenders(pool)
    for each in items:
        for condition in conditions:
            own = each.instance.images
            if own or condition == "true":
                shown = lenders.swapped(each) if condition == "swapped" else own
                yield Ask(each, condition, shown)


class Lenders:
    """The pictures that the items of a task can lend one another."""

    def __init__(self, pool: Sequence[Item]) -> None:
        self.alike: dict[str, set[Images]] = defaultdict(set)
        self.by_count: dict[int, list[Images]] = defaultdict(list)
        for build, images in sorted(
            {(each.build, each.instance.images) for each in pool}, key=lambda lent: lent[1]
        ):
            self.by_count[len(images)].append(images)
            for image in images:
                self.alike[build.image_group(image)].add(images)

    def swapped(self, item: Item) -> Images:
        """Choose another item's pictures by hash: as many, and none that looks like its own."""
        own = item.instance.images
        groups = [item.build.image_group(image) for image in own]
        avoid = set().union(*(self.alike[group] for group in groups)) | {own}
        drawn = pick(self.by_count[len(own)], 1, item.key, "swapped", avoid=avoid)
        return drawn[0] if drawn else ()
