"""The training data: datasets and tasks of a build, an example of each task, dropped rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from visionflan.builder.decontamination.record import decontaminated_against
from visionflan.builder.ledger_reasons import DROPPED, NOTES, OTHER_REASON
from visionflan.hashing import stable_hash
from visionflan.plural import counted
from visionflan.report.inline_images import InlineImages
from visionflan.report.text import prompt_text
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance

MAX_OWN_LINES = 5  # of datasets or tasks that are not built for the same reason
MAX_EXAMPLES = 48
THUMBNAIL_SIDE = 120


class DataExample(NamedTuple):
    """An example of a task."""

    task: str
    title: str
    images: Sequence[str]
    prompt: str
    answer: str


class DatasetRow(NamedTuple):
    """A dataset, with its number of tasks and instances."""

    title: str
    license: str
    num_tasks: int
    train: int
    held_out: int
    dropped: int


class TaskRow(NamedTuple):
    """A task, with its number of instances."""

    name: str
    dataset: str
    title: str
    category: str
    instruction: str
    train: int
    held_out: int
    dropped: int


class DroppedReason(NamedTuple):
    """The rows of the ledger with one reason, dropped or only noted, and an example."""

    is_dropped: bool
    reason: str
    meaning: str
    rows: int
    example: str


class BuildSummary(NamedTuple):
    """A build that the run was trained or evaluated on."""

    title: str
    name: str
    digest: str
    totals: Mapping[str, int]
    datasets: Sequence[DatasetRow]
    tasks: Sequence[TaskRow]
    examples: Sequence[DataExample]
    ledger: Sequence[DroppedReason]
    not_built: Sequence[tuple[str, str]]
    decontaminated_against: Sequence[str]  # names of benchmarks and folders


def summarize_build(build: BuildDirectory, images: InlineImages) -> BuildSummary:
    """Summarize one build."""
    manifest = build.manifest
    tasks = task_rows(manifest)
    return BuildSummary(
        title=manifest["about"].get("title") or build.path.name,
        name=build.path.name,
        digest=build.digest,
        totals=manifest["totals"],
        datasets=list(dataset_rows(manifest, tasks)),
        tasks=tasks,
        examples=list(examples(build, images)),
        ledger=ledger_reasons(build),
        not_built=list(unbuilt_reasons(manifest)),
        decontaminated_against=decontaminated_against(build),
    )


def task_rows(manifest: Mapping[str, Any]) -> list[TaskRow]:
    """Return the tasks that have instances."""
    return [
        TaskRow(
            name=name,
            dataset=task["dataset"],
            title=task.get("title") or name,
            category=task.get("category") or "",
            instruction=task.get("instruction") or "",
            train=task["train"],
            held_out=task["held_out"],
            dropped=sum(task["dropped"].values()),
        )
        for name, task in manifest["tasks"].items()
        if task["written"]
    ]


def dataset_rows(manifest: Mapping[str, Any], tasks: Sequence[TaskRow]) -> Iterator[DatasetRow]:
    """Sum up each dataset that was built."""
    for name, dataset in manifest["datasets"].items():
        if dataset["status"] != "built":
            continue
        dataset_tasks = [task for task in tasks if task.dataset == name]
        if not dataset_tasks and len(manifest["datasets"]) == 1:
            dataset_tasks = list(tasks)
        yield DatasetRow(
            title=dataset.get("title", name),
            license=dataset.get("license", "unknown"),
            num_tasks=len(dataset_tasks),
            train=sum(task.train for task in dataset_tasks),
            held_out=sum(task.held_out for task in dataset_tasks),
            dropped=sum(task.dropped for task in dataset_tasks),
        )


def unbuilt_reasons(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name what was not built, and why."""
    datasets = manifest["datasets"]
    missing = [name for name, dataset in datasets.items() if dataset["status"] == "missing"]
    if missing:
        yield counted(len(missing), "dataset"), f"not in the data root: {', '.join(missing)}"
    others = {
        name: f"{dataset['status']}: {dataset.get('message', 'no reason recorded')}"
        for name, dataset in datasets.items()
        if dataset["status"] not in ("built", "missing")
    }
    yield from by_reason("dataset", others)
    yield from by_reason("task", manifest["about"].get("excluded_tasks", {}))


def by_reason(noun: str, reasons: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield names with their reasons; many of the same reason together."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    for reason, group in names.items():
        if len(group) > MAX_OWN_LINES:
            yield counted(len(group), noun), f"{reason}: {', '.join(group)}"
        else:
            yield from ((name, reason) for name in group)


def examples(build: BuildDirectory, images: InlineImages) -> Iterator[DataExample]:
    """Choose one example of each task, of at most `MAX_EXAMPLES` tasks spread over all."""
    names = list(build.tasks)
    for task in names[:: -(-len(names) // MAX_EXAMPLES)]:
        instances = build.instances("train", [task]) or build.instances(None, [task])
        example = min(instances, key=hash_order)
        if example.images:
            yield DataExample(
                task=task,
                title=build.tasks[task].title or task,
                images=[images.uri(image, THUMBNAIL_SIDE) for image in example.images],
                prompt=prompt_text(example.prompt),
                answer=example.answer,
            )


def hash_order(instance: Instance) -> int:
    """Return a key that orders instances at random, but reproducibly."""
    return stable_hash("card", instance.id)


def ledger_reasons(build: BuildDirectory) -> list[DroppedReason]:
    """Count the ledger by reason, dropped rows and the most frequent reasons first."""
    import pyarrow.parquet as pq

    ledger = pq.ParquetFile(build.path / "ledger.parquet").read()
    keys = list(zip(ledger["kind"].to_pylist(), ledger["reason"].to_pylist(), strict=True))
    first_rows = {key: row for row, key in reversed(list(enumerate(keys)))}
    by_count = sorted(Counter(keys).items(), key=lambda pair: (pair[0][0], -pair[1]))
    reasons = []
    for (kind, reason), count in by_count:
        (row,) = ledger.slice(first_rows[kind, reason], 1).to_pylist()
        meanings = DROPPED if kind == "dropped" else NOTES
        meaning = meanings.get(reason, OTHER_REASON)
        example = f"{row['task']} {row['key']}: {row['detail']}"
        reasons.append(DroppedReason(kind == "dropped", reason, meaning, count, example[:160]))
    return reasons
