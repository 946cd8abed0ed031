"""Check a build directory against its manifest, and its images against their ids."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.builder.assemble import build_digest
from visionflan.errors import BuildError
from visionflan.plural import counted
from visionflan.progress import ProgressBar
from visionflan.storage.directory import load_manifest
from visionflan.storage.image_index import ImageIndex
from visionflan.storage.manifest_file import (
    MANIFEST,
    OWN_DIGEST,
    digested_files,
    file_digest,
    manifest_digest,
)
from visionflan.storage.schema import instances_path
from visionflan.verify.cache import check_cache
from visionflan.verify.damage import Damage, DamageList
from visionflan.verify.images import check_index, check_shard, rows_of_shards
from visionflan.verify.instances import check_task
from visionflan.verify.ledger import check_ledger

INDEX = "images.index"


class VerifiedBuild(NamedTuple):
    """What was checked of a build, and what is wrong with it.

    Attributes:
        damages: what is wrong.
        tasks: the number of tasks whose instances were checked.
        instances: the number of instances.
        images: the number of images in the index.
        hashed_images: the number of images whose content was compared with their id.
    """

    damages: DamageList
    tasks: int
    instances: int
    images: int
    hashed_images: int


def verify_build(path: Path, *, quick: bool = False, workers: int | None = None) -> VerifiedBuild:
    """Check a build; `quick` leaves out the contents of images.

    `workers` threads hash images; the hashes are computed outside Python's lock. Raises BuildError
    if there is no manifest of this format, against which to check.
    """
    manifest = load_manifest(path)
    damages = DamageList()
    add_all(damages, check_files(path, manifest))
    add_all(damages, check_manifest(manifest))
    index = open_index(path, damages)
    if index is not None:
        add_all(damages, check_index(path, index, manifest))
    tasks = {name: entry for name, entry in manifest["tasks"].items() if entry["written"]}
    instances = 0
    with ProgressBar("checking instances", len(tasks), unit="tasks") as progress:
        for task in progress.iterate(tasks):
            if instances_path(path, task).is_file():
                instances += check_task(path, task, tasks[task], index, damages.add)
    if (path / "ledger.parquet").is_file():
        add_all(damages, check_ledger(path, manifest))
    if not any(name.startswith("instances/") for name in damages.counts):
        add_all(damages, check_cache(path, manifest))
    add_all(damages, check_digests(path, manifest, damages))
    hashed = 0 if quick or index is None else hash_images(path, index, workers, damages)
    return VerifiedBuild(damages, len(tasks), instances, index.count if index else 0, hashed)


def add_all(damages: DamageList, more: Iterator[Damage]) -> None:
    """Add damages to a list."""
    for damage in more:
        damages.add(*damage)


def open_index(path: Path, damages: DamageList) -> ImageIndex | None:
    """Open the image index; None if it is missing or damaged."""
    if not (path / INDEX).is_file():
        return None
    try:
        return ImageIndex(path / INDEX)
    except BuildError as error:
        damages.add(INDEX, str(error).removeprefix(f"{path / INDEX} "))
        return None


def check_files(path: Path, manifest: dict[str, Any]) -> Iterator[Damage]:
    """Yield the files of the manifest that are missing or have another size."""
    for name, size in manifest["files"].items():
        file = path / name
        if not file.is_file():
            yield Damage(name, "the file is missing")
        elif (actual := file.stat().st_size) != size:
            yield Damage(name, f"it has {actual:,} bytes, and the manifest records {size:,}")


def check_digests(path: Path, manifest: dict[str, Any], damages: DamageList) -> Iterator[Damage]:
    """Yield files, other than those of images, that no check named and that changed all the same.

    Such as a file whose changed bytes are padding, or the details of the ledger.
    """
    recorded = manifest.get("sha256")
    if OWN_DIGEST not in manifest and recorded is None:
        yield Damage(MANIFEST, "it records no sha256 to check files against: build it again")
        return
    if not isinstance(recorded, dict) or manifest.get(OWN_DIGEST) != manifest_digest(manifest):
        if MANIFEST not in damages.counts:
            yield Damage(MANIFEST, "its content has another sha256 than it records")
        return
    for name in digested_files(manifest):
        if name in damages.counts or not (path / name).is_file():
            continue
        if file_digest(path / name) != recorded.get(name):
            yield Damage(name, "its content has another sha256 than the manifest records")


def check_manifest(manifest: dict[str, Any]) -> Iterator[Damage]:
    """Yield where the manifest contradicts itself: its digest, its counts and its totals."""
    tasks = manifest["tasks"]
    digests = {task: {"digest": entry.get("digest")} for task, entry in tasks.items()}
    if build_digest(digests) != manifest["digest"]:
        yield Damage(MANIFEST, "its digest is not that of its tasks")
    for task, entry in tasks.items():
        yield from check_counts(task, entry)
    totals = manifest.get("totals")
    instances = sum(entry["written"] for entry in tasks.values())
    if not isinstance(totals, dict) or totals.get("instances") != instances:
        yield Damage(
            MANIFEST, f"its totals do not have the {counted(instances, 'instance')} of its tasks"
        )


def check_counts(task: str, entry: dict[str, Any]) -> Iterator[Damage]:
    """Yield where the counts of a task do not add up."""
    written = entry["written"]
    if sum(entry.get(split, 0) for split in ("train", "held_out")) != written:
        yield Damage(MANIFEST, f"{task}: train and held_out do not add up to written, {written:,}")
    if "rows_read" in entry:
        parts = [entry.get(name, 0) for name in ("written", "not_applicable", "over_cap")]
        dropped = entry.get("dropped", {}).values()
        if (total := sum(parts) + sum(dropped)) != entry["rows_read"]:
            read = counted(entry["rows_read"], "row")
            yield Damage(MANIFEST, f"{task}: {read} read, and outcomes of {total:,}")


def hash_images(path: Path, index: ImageIndex, workers: int | None, damages: DamageList) -> int:
    """Compare the content of all images with their ids; return the number of images."""
    shards = {
        name: rows
        for name, rows in rows_of_shards(index).items()
        if (path / "images" / name).is_file()
    }
    total = sum(map(len, shards.values()))
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        pending = {
            pool.submit(collect, check_shard, path, name, index, rows): len(rows)
            for name, rows in shards.items()
        }
        with ProgressBar("hashing images", total, unit="images") as progress:
            for future in as_completed(pending):
                add_all(damages, iter(future.result()))
                progress.update(pending[future])
    finally:
        pool.shutdown(cancel_futures=True)
    return total


def collect(check: Callable[..., Iterator[Damage]], *args: Any) -> list[Damage]:
    """Run a check to its end."""
    return list(check(*args))
