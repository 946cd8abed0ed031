"""Check what a build is asked to do before it begins, and what came of it."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from visionflan import catalog
from visionflan.builder.plan import MAX_NAMED, BuildPlan
from visionflan.errors import BuildError
from visionflan.escaping import escape_unprintable
from visionflan.plural import counted

MIN_WORKERS_LIMIT, WORKERS_PER_CORE = 16, 4


def check_request(data_root: Path, out: Path, build_plan: BuildPlan) -> None:
    """Raise BuildError if nothing can be built, or if the build would be written into a release."""
    for directory in (data_root / name for name in catalog.names()):
        if is_in(out, directory):
            raise BuildError(f"{out} is in the release {directory}: choose another --out directory")
    if is_in(out, data_root) and is_in(data_root, out):
        raise BuildError(f"{out} holds the releases: choose another --out directory")
    if build_plan.tasks:
        return
    if names := releases_at(data_root):
        raise BuildError(
            f"{data_root} looks like a release itself, of {' or '.join(names[:MAX_NAMED])}: "
            "--data-root must be the directory that contains it under the dataset's name"
        )
    if not any((data_root / name).is_dir() for name in catalog.names()):
        raise BuildError(no_release_message(data_root))
    raise BuildError(f"nothing can be built: {'; '.join(reasons(data_root, build_plan))}")


def no_release_message(data_root: Path) -> str:
    """Return that a data root, which may be in a store, has no release, and what it has."""
    names = sorted(escape_unprintable(path.name) for path in data_root.iterdir())
    content = f"has no release, only {some_of(names)}" if names else "is empty or does not exist"
    return (
        f"{data_root} {content}: name the directory that has a subdirectory for each dataset, such "
        "as `coco`, with --data-root (`visionflan datasets NAME` says how to obtain one)"
    )


def is_in(path: Path, directory: Path) -> bool:
    """Return whether a path is a directory or inside it, after links are resolved."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))


def releases_at(directory: Path) -> list[str]:
    """Return the datasets whose release a directory seems to be.

    It has the dataset's name, or all that the dataset's layout has at its top.
    """
    names = catalog.names()
    return (
        [directory.name]
        if directory.name in names
        else [name for name in names if has_layout(directory, catalog.load(name).tree)]
    )


def has_layout(directory: Path, tree: str) -> bool:
    """Return whether a directory has everything at the top of a layout, and at least two things."""
    lines = [line for line in tree.splitlines() if line[:1].strip()]
    tops = {line.split()[0].partition("/")[0] for line in lines}
    return len(tops) > 1 and all((directory / top).exists() for top in tops)


def reasons(data_root: Path, build_plan: BuildPlan) -> list[str]:
    """Return why the requested datasets are not built, each reason with some of their names."""
    by_reason: dict[str, list[str]] = {}
    missing = f"not in {data_root} (see `visionflan datasets NAME` for how to obtain one)"
    for name, entry in build_plan.not_built.items():
        reason = missing if entry["status"] == "missing" else entry["message"]
        by_reason.setdefault(reason, []).append(name)
    return [f"{some_of(names)}: {reason}" for reason, names in by_reason.items()]


def some_of(names: list[str]) -> str:
    """Return the first names, and how many there are besides."""
    rest = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + rest


def usable_workers(workers: int | None, log: Callable[[str], object]) -> int:
    """Return the number of processes to start: at most a few for each core."""
    cores = os.cpu_count() or 1
    limit = max(MIN_WORKERS_LIMIT, WORKERS_PER_CORE * cores)
    if workers is None or workers <= limit:
        return workers or cores
    log(f"--workers {workers:,} is more than {counted(cores, 'core')} can use: starting {limit}")
    return limit


def check_not_empty(out: Path | None, manifest: dict[str, Any]) -> None:
    """Raise BuildError if a build has no instances, with the most frequent reasons.

    Each comes with the first row that it applies to, from the ledger; not in a store, with None.
    """
    if manifest["totals"]["instances"]:
        return
    dropped: Counter[str] = Counter()
    for entry in [*manifest["tasks"].values(), *manifest["datasets"].values()]:
        dropped.update(entry.get("dropped", {}))
        dropped.update(entry.get("broken", {}))
    parts = [
        f"{counted(count, 'row')}: {reason}{'' if out is None else first_entry(out, reason)}"
        for reason, count in dropped.most_common(3)
    ]
    datasets = manifest["datasets"].items()
    failed = [name for name, entry in datasets if entry["status"] == "failed"]
    empty = [name for name, entry in datasets if not entry.get("rows_read", 1)]
    if empty:
        parts.append(f"no rows were read of {some_of(empty)}")
    if not (parts or failed):
        parts.append("the tasks apply to none of the rows that were read")
    if failed:
        message = manifest["datasets"][failed[0]]["message"]
        parts.append(f"{some_of(failed)} cannot be read: {message}")
    raise BuildError(f"the build has no instances ({'; '.join(parts)}); see ledger.parquet")


def first_entry(out: Path, reason: str) -> str:
    """Return task, key and detail of the first line of the ledger with a reason, if it has one."""
    ledger = pq.read_table(out / "ledger.parquet", filters=[("reason", "=", reason)])
    entries = ledger.slice(0, 1).to_pylist()
    return "".join(f", first {e['task']}/{e['key']}: {e['detail']}" for e in entries)
