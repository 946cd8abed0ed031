"""Sum up a build for a person who reads a terminal."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

WIDTH = 100


def summary(out: Path, manifest: dict[str, Any]) -> str:
    """Say what was found, what was kept, what was lost and why, and where the rest is told."""
    return "\n".join(
        [
            "",
            *dataset_lines(manifest),
            "",
            *task_lines(manifest),
            "",
            *dropped_lines(manifest),
            totals_line(manifest),
            f"{out}: README.md shows it, ledger.parquet names every lost row",
            f"digest {manifest['digest']}",
        ]
    )


def with_status(manifest: dict[str, Any], status: str) -> dict[str, Any]:
    """Give the datasets that ended so."""
    return {name: told for name, told in manifest["datasets"].items() if told["status"] == status}


def dataset_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Name the datasets by what became of them."""
    yield fill(f"built: {', '.join(with_status(manifest, 'built'))}", WIDTH)
    if missing := with_status(manifest, "missing"):
        yield fill(f"not in the data root: {', '.join(missing)}", WIDTH)
        yield "  `visionflan datasets NAME` tells how to obtain one, and where it goes"
    if unknown := manifest["about"].get("unknown_directories"):
        yield fill(
            f"folders of the data root that are no dataset's name: {', '.join(unknown)}", WIDTH
        )
    for name, told in with_status(manifest, "excluded").items():
        yield f"excluded: {name}: {told['message']}"
    if sensitive := [
        task
        for task, why in manifest["about"].get("excluded_tasks", {}).items()
        if "sensitive" in why
    ]:
        yield fill(f"sensitive, so not built: {', '.join(sensitive)}", WIDTH)
    for name, told in with_status(manifest, "failed").items():
        yield f"FAILED: {name}: {told['message']}"


def task_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Give the counts of each task in a table."""
    tasks = manifest["tasks"]
    wide = max(map(len, tasks), default=4)
    yield f"{'task':<{wide}}  {'train':>8} {'held out':>8} {'lost':>8} {'over cap':>9}"
    for name, told in tasks.items():
        lost = sum(told["dropped"].values())
        warning = "  nothing to train on" if told["kept"] and not told["train"] else ""
        warning = "  nothing kept" if not told["kept"] else warning
        yield (
            f"{name:<{wide}}  {told['train']:>8,} {told['held_out']:>8,} {lost:>8,} "
            f"{told['over_cap']:>9,}{warning}"
        )


def dropped_lines(manifest: dict[str, Any]) -> Iterator[str]:
    """Count the lost rows by reason."""
    lost: Counter[str] = Counter()
    for told in [*manifest["tasks"].values(), *manifest["datasets"].values()]:
        lost.update(told.get("dropped", {}))
        lost.update(told.get("broken", {}))
    for reason, count in sorted(lost.items(), key=lambda counted: -counted[1]):
        yield f"lost {count:,}: {reason}"
    notes: Counter[str] = Counter()
    for told in manifest["tasks"].values():
        notes.update(told["notes"])
    for reason, count in sorted(notes.items()):
        yield f"kept with a note {count:,}: {reason}"


def totals_line(manifest: dict[str, Any]) -> str:
    """Sum up the whole in a line."""
    totals = manifest["totals"]
    return (
        f"{totals['instances']:,} instances ({totals['train']:,} to train on, "
        f"{totals['held_out']:,} held out), {totals['images']:,} distinct images, "
        f"{totals['image_bytes'] / 1e6:,.1f} MB"
    )
