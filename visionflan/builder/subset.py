"""Write the build of some tasks of another build, sharing its files.

Whatever reads the new directory, pretraining and generated conversations included, sees nothing of
the other tasks.
"""

import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from visionflan.atomic_write import fsync_path
from visionflan.builder.assemble import build_digest
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.manifest_file import write_manifest

SPLITS = ("train", "held_out")


def write_subset(source: BuildDirectory, out: Path, tasks: Collection[str]) -> BuildDirectory:
    """Write a build with some tasks of `source`, or open it if it is there.

    Files are hard links, or symbolic links where the directories are on different disks. The image
    index, the ledger and the tables of sources and overlaps are those of the source, and also list
    the other tasks.
    """
    if (out / "manifest.json").is_file():
        return BuildDirectory(out)
    manifest = subset_manifest(source, tasks)
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in manifest["files"]:
        link_file(source.path / name, unfinished / name)
    write_manifest(unfinished, manifest)
    unfinished.replace(out)
    fsync_path(out.parent)
    return BuildDirectory(out)


def subset_digest(source: BuildDirectory, tasks: Collection[str]) -> str:
    """Return the digest of the build of some tasks, without writing it."""
    return build_digest({task: source.manifest["tasks"][task] for task in tasks})


def subset_manifest(source: BuildDirectory, tasks: Collection[str]) -> dict[str, Any]:
    """Return the manifest of a build with some tasks of another one."""
    if not tasks:
        raise BuildError(f"no task of {source.path} is left: select some")
    manifest = source.manifest
    entries = {task: manifest["tasks"][task] for task in sorted(tasks)}
    datasets = {entry["dataset"] for entry in entries.values()}
    counts = {split: sum(entry[split] for entry in entries.values()) for split in SPLITS}
    instances = {f"instances/{task.replace('/', '.')}.parquet" for task in entries}
    return {
        **manifest,
        "about": {**manifest["about"], "subset_of": source.digest},
        "datasets": {
            name: manifest["datasets"][name] for name in manifest["datasets"] if name in datasets
        },
        "tasks": entries,
        "official_splits": {
            name: splits for name, splits in manifest["official_splits"].items() if name in datasets
        },
        "totals": {**manifest["totals"], **counts, "instances": sum(counts.values())},
        "files": {
            name: size
            for name, size in manifest["files"].items()
            if not name.startswith("instances/") or name in instances
        },
        "digest": build_digest(entries),
    }


def link_file(source: Path, target: Path) -> None:
    """Link a file to a new name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        target.symlink_to(source.resolve())
