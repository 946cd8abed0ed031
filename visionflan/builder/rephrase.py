"""Write a build again with its training instances in several phrasings of their instructions."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visionflan.atomic_write import fsync_path
from visionflan.builder.assemble import TaskWriter, build_digest
from visionflan.builder.subset import link_file
from visionflan.errors import BuildError
from visionflan.plural import counted
from visionflan.prompt import choose_phrasing, find_phrasing, replace_phrasing
from visionflan.storage.directory import BuildDirectory
from visionflan.storage.manifest_file import write_manifest
from visionflan.storage.schema import INSTANCES

BATCH_ROWS = 10_000


def rephrase_build(
    source: BuildDirectory, out: Path, *, held_back: int, seed: int
) -> BuildDirectory:
    """Write a build whose training prompts are in phrasings chosen by hash, or open it.

    Args:
        source: the build; its held-out instances stay as they are.
        out: the new build, which shares the files that do not change.
        held_back: the number of each task's last phrasings that are not used, for tests.
        seed: of the choice.
    """
    if (out / "manifest.json").is_file():
        return BuildDirectory(out)
    phrasings = {
        task: info.phrasings[: len(info.phrasings) - held_back]
        for task, info in source.tasks.items()
        if len(info.phrasings) > held_back + 1
    }
    if not phrasings:
        raise BuildError(
            f"no task of {source.path} has {counted(held_back + 2, 'phrasing')}: build with tasks "
            "that have (see `visionflan tasks NAME`)"
        )
    unfinished = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    manifest = {**source.manifest, "tasks": dict(source.manifest["tasks"])}
    changed = {task: f"instances/{task.replace('/', '.')}.parquet" for task in phrasings}
    for name in manifest["files"]:
        if name not in changed.values():
            link_file(source.path / name, unfinished / name)
    for task, choices in phrasings.items():
        counts = rewrite_task(source.path / changed[task], unfinished, task, choices, seed)
        manifest["tasks"][task] = {**manifest["tasks"][task], **counts}
    manifest["files"] = {name: (unfinished / name).stat().st_size for name in manifest["files"]}
    manifest["digest"] = build_digest(manifest["tasks"])
    write_manifest(unfinished, manifest)
    unfinished.replace(out)
    fsync_path(out.parent)
    return BuildDirectory(out)


def rewrite_task(
    path: Path, out: Path, task: str, phrasings: Sequence[str], seed: int
) -> dict[str, Any]:
    """Write the instances of a task; return their counts and their digest."""
    writer = TaskWriter(out, task)
    for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS):
        rows = [rephrase_row(row, phrasings, seed) for row in batch.to_pylist()]
        writer.write(pa.RecordBatch.from_pylist(rows, schema=INSTANCES))
    return writer.close()


def rephrase_row(row: dict[str, Any], phrasings: Sequence[str], seed: int) -> dict[str, Any]:
    """Return a training row in the phrasing that a hash of its id chooses."""
    first, *others = row["turns"]
    own = find_phrasing(first["text"], phrasings)
    if row["split"] != "train" or own is None:
        return row
    chosen = choose_phrasing(phrasings, seed, row["id"])
    text = replace_phrasing(first["text"], phrasings[own], chosen)
    return {**row, "turns": [{**first, "text": text}, *others], "instruction": chosen}
