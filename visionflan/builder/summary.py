"""Summarize a build for the terminal."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

from visionflan.builder.split import HELD_OUT_SPLITS
from visionflan.plural import counted

WIDTH = 100
# The beginnings of reasons why a task is not built, and how the summary calls such tasks.
EXCLUDED_TASKS = {"sensitive": "sensitive", "not reviewed": "without an accepted review"}


def summary(out: Path | str, manifest: dict[str, Any]) -> str:
    """Return the datasets, the counts per task, the reasons for dropped rows, and the totals."""
    return "\n".join(
        [
            "",
            *dataset_lines(manifest),
            "",
            *task_lines(manifest),
            "",
            *dropped_lines(manifest),
            *official_lines(manifest),
            *decontamination_lines(manifest),
            totals_line(manifest),
            f"{out}: see README.md for an overview, ledger.parquet for every dropped row",
            f"digest {manifest['digest']}",
        ]
    )


def with_status(manifest: dict[str, Any], status: str) -> dict[str, Any]:
    """Return the datasets with a status."""
    datasets = manifest["datasets"].items()
    return {name: dataset for name, dataset in datasets if dataset["status"] == status}


def dataset_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the datasets by status."""
    yield fill(f"built: {', '.join(with_status(manifest, 'built'))}", WIDTH)
    if missing := with_status(manifest, "missing"):
        yield fill(f"not in the data root: {', '.join(missing)}", WIDTH)
        yield "  see `visionflan datasets NAME` for how to obtain one and where to put it"
    if unknown := manifest["about"].get("unknown_directories"):
        names = ", ".join(unknown)
        yield fill(f"directories in the data root that are not named as a dataset: {names}", WIDTH)
    yield from exclusion_lines(manifest)
    yield from excluded_task_lines(manifest)
    for name, dataset in with_status(manifest, "built").items():
        for directory, files in dataset.get("unread_directories", {}).items():
            yield f"not read: {name}/{directory} ({counted(files, 'file')})"
    for name, dataset in with_status(manifest, "failed").items():
        yield f"FAILED: {name}: {dataset['message']}"


def excluded_task_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the excluded tasks of the datasets that are built without them."""
    excluded = manifest["about"].get("excluded_tasks", {})
    built = with_status(manifest, "built")
    partly = {task: why for task, why in excluded.items() if task.partition("/")[0] in built}
    for start, label in EXCLUDED_TASKS.items():
        if tasks := [task for task, why in partly.items() if why.startswith(start)]:
            yield fill(f"{label}, therefore not built: {', '.join(tasks)}", WIDTH)


def exclusion_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the excluded datasets by reason."""
    by_message: dict[str, list[str]] = {}
    for name, dataset in with_status(manifest, "excluded").items():
        by_message.setdefault(dataset["message"], []).append(name)
    for message, names in by_message.items():
        yield fill(f"excluded ({message}): {', '.join(names)}", WIDTH)


def task_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield a table of the counts of each task."""
    tasks, broken = manifest["tasks"], broken_rows(manifest)
    width = max(map(len, [*tasks, *broken]), default=4)
    yield f"{'task':<{width}}  {'train':>8} {'held out':>8} {'dropped':>8} {'over max':>9}"
    for name, task in tasks.items():
        dropped = sum(task["dropped"].values())
        warning = "  nothing to train on" if task["written"] and not task["train"] else ""
        warning = "  no instances" if not task["written"] else warning
        yield (
            f"{name:<{width}}  {task['train']:>8,} {task['held_out']:>8,} {dropped:>8,} "
            f"{task['over_cap']:>9,}{warning}"
        )
    for name, count in broken.items():
        yield f"{name:<{width}}  {'':>8} {'':>8} {count:>8,} {'':>9}".rstrip()


def broken_rows(manifest: dict[str, Any]) -> dict[str, int]:
    """Return the numbers of dropped rows that no task counts, by their name in the ledger."""
    counts = {
        f"{name}/*": sum(dataset.get("broken", {}).values())
        for name, dataset in manifest["datasets"].items()
    }
    return {name: count for name, count in counts.items() if count}


def dropped_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield the number of dropped rows, and of notes on kept rows, by reason."""
    dropped: Counter[str] = Counter()
    for entry in [*manifest["tasks"].values(), *manifest["datasets"].values()]:
        dropped.update(entry.get("dropped", {}))
        dropped.update(entry.get("broken", {}))
    for reason, count in sorted(dropped.items(), key=lambda item: -item[1]):
        yield f"dropped {count:,}: {reason}"
    notes: Counter[str] = Counter()
    for task in manifest["tasks"].values():
        notes.update(task["notes"])
    for reason, count in sorted(notes.items()):
        yield f"kept with a note {count:,}: {reason}"


def official_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield how many instances of official validation and test splits are in training."""
    in_training = {
        dataset: sum(splits.get(name, {}).get("train", 0) for name in HELD_OUT_SPLITS)
        for dataset, splits in manifest["official_splits"].items()
    }
    if names := [name for name, count in in_training.items() if count]:
        total = sum(in_training.values())
        yield fill(
            f"of an official validation or test split: {counted(total, 'instance')} for training "
            f"(--hold-out-official holds them out): {', '.join(names)}",
            WIDTH,
        )


def decontamination_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield how many instances overlap with each benchmark or folder."""
    if (compared := manifest["about"].get("decontamination")) is None:
        return
    action = "none was removed" if compared["report_only"] else "those for training were removed"
    for one in compared["against"]:
        count = sum(compared["overlaps"].get(one["name"], {}).values())
        note = f", of which {action}" if count else ""
        yield f"overlapping with {one['name']}: {counted(count, 'instance')}{note}"


def totals_line(manifest: dict[str, Any]) -> str:
    """Return the totals as one line."""
    totals = manifest["totals"]
    return (
        f"{counted(totals['instances'], 'instance')} ({totals['train']:,} for training, "
        f"{totals['held_out']:,} held out), {counted(totals['images'], 'distinct image')}, "
        f"{totals['image_bytes'] / 1e6:,.1f} MB"
    )
