"""Write one build of the instances of several, sharing their files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import is_new, new_directory
from visionflan.builder.assemble import SOURCES
from visionflan.builder.combined_manifest import combined_manifest
from visionflan.builder.dataset_card import write_card
from visionflan.builder.decontamination.find import OVERLAPS
from visionflan.builder.subset import SPLITS, link_file
from visionflan.errors import BuildError
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.image_index import write_index
from visionflan.storage.image_shards import shard_reader
from visionflan.storage.manifest_file import write_manifest

TABLES = ("ledger.parquet", SOURCES, OVERLAPS)  # of a build, beside its instances


def combine_builds(sources: Sequence[BuildDirectory], out: Path) -> BuildDirectory:
    """Write a build with the instances of all sources, or open it if it is there.

    Raises BuildError if two have the same task, if an image that one holds out, or one like it, is
    trained on in another, or if the directory has something else.
    """
    if (out / "manifest.json").is_file():
        return open_combined(sources, out)
    if not is_new(out):
        raise BuildError(f"{out} is not empty: choose a new directory")
    check_tasks(sources)
    index = merged_index(sources)
    check_splits(sources, index)
    with new_directory(out, last="manifest.json") as directory:
        write_combined(sources, directory, index)
    return BuildDirectory(out)


def write_combined(sources: Sequence[BuildDirectory], out: Path, index: dict[str, Any]) -> None:
    """Write the files of a combined build, whose merged index is given, into a directory."""
    for number, source in enumerate(sources):
        for name in source.manifest["files"]:
            if name.startswith(("images/", "instances/")):
                link_file(source.path / name, out / renamed(name, number))
    write_index(out / "images.index", index["table"], index["groups"])
    for name in TABLES:
        write_table_of_all(name, sources, out)
    manifest = combined_manifest(sources, out, index["table"], index["groups"])
    write_card(out, manifest, shard_reader(out / "images"))
    write_manifest(out, manifest)


def open_combined(sources: Sequence[BuildDirectory], out: Path) -> BuildDirectory:
    """Open a build; raise BuildError unless it was combined from these sources."""
    build = BuildDirectory(out)
    if build.manifest["about"].get("combined") != [source.digest for source in sources]:
        raise BuildError(f"{out} already has another build: choose a new directory")
    return build


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


def write_table_of_all(name: str, sources: Sequence[BuildDirectory], out: Path) -> None:
    """Write the rows that the sources have in a table of one name; nothing if none has it."""
    paths = [path for source in sources if (path := source.path / name).is_file()]
    if not paths:
        return
    schema = pq.read_schema(paths[0])
    with pq.ParquetWriter(out / name, schema, compression="zstd") as writer:
        for path in paths:
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches():
                    writer.write_batch(batch)
