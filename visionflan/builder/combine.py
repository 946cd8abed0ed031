"""Write one build of the instances of several, sharing their files."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import fsync_path, write_json
from visionflan.builder.assemble import build_digest
from visionflan.builder.subset import SPLITS, link_file
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.image_index import write_index
from visionflan.storage.schema import LEDGER


def combine_builds(sources: Sequence[BuildDirectory], out: Path) -> BuildDirectory:
    """Write a build with the instances of all sources, or open it if it is there.

    Raises BuildError if two have the same task, or if an image that one holds out, or one like it,
    is trained on in another.
    """
    if (out / "manifest.json").is_file():
        return BuildDirectory(out)
    check_tasks(sources)
    index = merged_index(sources)
    check_splits(sources, index)
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for number, source in enumerate(sources):
        for name in source.manifest["files"]:
            if name.startswith(("images/", "instances/")):
                link_file(source.path / name, unfinished / renamed(name, number))
    write_index(unfinished / "images.index", index["table"], index["groups"])
    write_ledger(unfinished / "ledger.parquet", sources)
    write_json(unfinished / "manifest.json", combined_manifest(sources, unfinished))
    unfinished.replace(out)
    fsync_path(out.parent)
    return BuildDirectory(out)


def renamed(name: str, number: int) -> str:
    """Return the name of a source's file in the combined build."""
    directory, _, file = name.partition("/")
    return f"images/{number}-{file}" if directory == "images" else name


def check_tasks(sources: Sequence[BuildDirectory]) -> None:
    """Raise BuildError if two builds have the same task."""
    seen: dict[str, Path] = {}
    for source in sources:
        for task in source.manifest["tasks"]:
            if task in seen:
                raise BuildError(
                    f"{seen[task]} and {source.path} both have the task {task}: combine builds of "
                    "different tasks"
                )
            seen[task] = source.path


def merged_index(sources: Sequence[BuildDirectory]) -> dict[str, Any]:
    """Return the image table of all sources, sorted by id, and the group of each image.

    Groups of near-duplicates are those of the sources; groups with an image in common are one.
    """
    rows: dict[str, dict[str, Any]] = {}
    parent: dict[str, str] = {}
    for number, source in enumerate(sources):
        index = source.index
        for row in range(index.count):
            image_id = index.ids[row].tobytes().hex()
            location = index.locate(image_id)
            shard = renamed(f"images/{location.shard}", number).removeprefix("images/")
            entry = location._asdict() | {"id": image_id, "shard": shard}
            rows.setdefault(image_id, entry | {"phash": index.phash(image_id)})
            union(parent, image_id, index.group(image_id))
    ids = sorted(rows)
    names = ("id", "shard", "offset", "length", "width", "height", "format", "phash")
    types = {"phash": pa.uint64()}
    table = pa.table(
        {name: pa.array([rows[i][name] for i in ids], types.get(name)) for name in names}
    )
    first: dict[str, int] = {}
    for row, image_id in enumerate(ids):
        first.setdefault(root(parent, image_id), row)
    groups = np.array([first[root(parent, image_id)] for image_id in ids], dtype=np.int32)
    return {"table": table, "groups": groups, "group_of": dict(zip(ids, groups, strict=True))}


def root(parent: dict[str, str], name: str) -> str:
    """Return the representative of a set, shortening the way to it."""
    while parent.setdefault(name, name) != name:
        parent[name] = parent[parent[name]]
        name = parent[name]
    return name


def union(parent: dict[str, str], first: str, second: str) -> None:
    """Join the sets of two names."""
    parent[root(parent, first)] = root(parent, second)


def check_splits(sources: Sequence[BuildDirectory], index: dict[str, Any]) -> None:
    """Raise BuildError if a group of images is held out in one build and trained on in another."""
    group_of = index["group_of"]
    split_of: dict[int, tuple[str, Path]] = {}
    for source in sources:
        for split in SPLITS:
            images = source.instances(split).column("images")  # type: ignore[arg-type]
            for image_id in {image for ids in images for image in ids}:
                other, path = split_of.setdefault(int(group_of[image_id]), (split, source.path))
                if other != split and path != source.path:
                    raise BuildError(
                        f"image {image_id[:12]} is {phrase(split)} {source.path}, and it or one "
                        f"like it is {phrase(other)} {path}: build them with the same images held "
                        "out"
                    )


def phrase(split: str) -> str:
    """Return a split in words."""
    return "held out in" if split == "held_out" else "trained on in"


def write_ledger(path: Path, sources: Sequence[BuildDirectory]) -> None:
    """Write the ledgers of all sources into one file."""
    with pq.ParquetWriter(path, LEDGER, compression="zstd") as writer:
        for source in sources:
            for batch in pq.ParquetFile(source.path / "ledger.parquet").iter_batches():
                writer.write_batch(batch)


def combined_manifest(sources: Sequence[BuildDirectory], out: Path) -> dict[str, Any]:
    """Return the manifest of a combined build whose files are in `out`."""
    manifests = [source.manifest for source in sources]
    tasks = {name: entry for manifest in manifests for name, entry in manifest["tasks"].items()}
    counts = {split: sum(entry[split] for entry in tasks.values()) for split in SPLITS}
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {
        **manifests[0],
        "about": {"title": "Several builds", "combined": [source.digest for source in sources]},
        "datasets": {k: v for manifest in manifests for k, v in manifest["datasets"].items()},
        "official_splits": {
            k: v for manifest in manifests for k, v in manifest["official_splits"].items()
        },
        "tasks": tasks,
        "totals": {**manifests[0]["totals"], **counts, "instances": sum(counts.values())},
        "files": {str(path.relative_to(out)): path.stat().st_size for path in files},
        "digest": build_digest(tasks),
    }
