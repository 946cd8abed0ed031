"""Tell what a build consists of: its datasets and tasks, one picture of each, and its losses."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from visionflan.builder.ledger_reasons import DROPPED, NOTES
from visionflan.dataset import IMAGE_MARKER
from visionflan.hashing import stable_hash
from visionflan.report.inline_images import InlineImages
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.instance import Instance

MOST_CARDS = 48


class Card(NamedTuple):
    """One example of a task, as the contact sheet shows it."""

    task: str
    title: str
    picture: str
    prompt: str
    answer: str


class DroppedReason(NamedTuple):
    """How many rows were lost, or noted, for one reason, and one of them as an example."""

    kind: str
    reason: str
    meaning: str
    rows: int
    example: str


class BuildSummary(NamedTuple):
    """A build as the page tells it."""

    title: str
    path: str
    digest: str
    totals: Mapping[str, int]
    datasets: Sequence[Mapping[str, Any]]
    tasks: Sequence[Mapping[str, Any]]
    cards: Sequence[Card]
    losses: Sequence[DroppedReason]
    not_built: Sequence[tuple[str, str]]


def built(build: BuildDirectory, pictures: InlineImages) -> BuildSummary:
    """Tell about one build."""
    manifest = build.manifest
    tasks = [{"name": name, **told} for name, told in manifest["tasks"].items() if told["kept"]]
    return BuildSummary(
        title=manifest["about"].get("title") or build.path.name,
        path=build.path.name,
        digest=build.digest,
        totals=manifest["totals"],
        datasets=list(datasets(manifest, tasks)),
        tasks=tasks,
        cards=list(cards(build, pictures)),
        losses=losses(build),
        not_built=list(not_built(manifest)),
    )


def datasets(
    manifest: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Sum up each dataset that was built."""
    for name, told in manifest["datasets"].items():
        own = [task for task in tasks if task["dataset"] == name] or (
            list(tasks) if len(manifest["datasets"]) == 1 else []
        )
        if told["status"] == "built":
            yield {
                "name": name,
                "title": told.get("title", name),
                "license": told.get("license", "unknown"),
                "tasks": len(own),
                "train": sum(task["train"] for task in own),
                "held_out": sum(task["held_out"] for task in own),
                "lost": sum(sum(task["dropped"].values()) for task in own),
            }


def not_built(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name what was not built, and why."""
    absent = [n for n, told in manifest["datasets"].items() if told["status"] == "missing"]
    if absent:
        yield f"{len(absent)} datasets", f"not in the data root: {', '.join(absent)}"
    for name, told in manifest["datasets"].items():
        if told["status"] not in ("built", "missing"):
            yield name, f"{told['status']}: {told.get('message', 'no reason given')}"
    yield from manifest["about"].get("excluded_tasks", {}).items()


def cards(build: BuildDirectory, pictures: InlineImages) -> Iterator[Card]:
    """Show one example of each task, of as many as a sheet holds, spread over all."""
    names = list(build.tasks)
    for task in names[:: -(-len(names) // MOST_CARDS)]:
        example = min(build.instances("train", [task]) or build.instances(None, [task]), key=order)
        if example.images:
            yield Card(
                task=task,
                title=build.tasks[task].title or task,
                picture=pictures.uri(example.images[0], 120),
                prompt=words(example.prompt),
                answer=example.answer,
            )


def order(instance: Instance) -> int:
    """Order instances by hash."""
    return stable_hash("card", instance.id)


def words(prompt: str) -> str:
    """Give a prompt without the marks where its pictures go."""
    return prompt.replace(IMAGE_MARKER, "").strip()


def losses(build: BuildDirectory) -> list[DroppedReason]:
    """Count the ledger by reason, the most frequent first."""
    import pyarrow.parquet as pq

    ledger = pq.ParquetFile(build.path / "ledger.parquet").read()
    kinds, reasons = ledger["kind"].to_pylist(), ledger["reason"].to_pylist()
    counts = Counter(zip(kinds, reasons, strict=True))
    firsts = {key: row for row, key in reversed(list(enumerate(zip(kinds, reasons, strict=True))))}
    told = []
    for (kind, reason), count in sorted(counts.items(), key=lambda pair: (pair[0][0], -pair[1])):
        (row,) = ledger.slice(firsts[kind, reason], 1).to_pylist()
        meaning = (DROPPED if kind == "dropped" else NOTES).get(
            reason, "a reason of the dataset's own"
        )
        example = f"{row['task']} {row['key']}: {row['detail']}"
        told.append(DroppedReason(kind, reason, meaning, count, example[:160]))
    return told
