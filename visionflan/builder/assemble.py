"""Assemble the parts of a build; the manifest is written last and marks it as complete."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import visionflan
from visionflan.atomic_write import atomic_path, commit_file
from visionflan.builder.dataset_card import write_card
from visionflan.builder.decontamination.find import (
    OVERLAP_PAGE,
    OVERLAPS,
    REASON,
    ledger_entries,
    overlap_counts,
    write_overlaps,
)
from visionflan.builder.decontamination.references import Decontamination
from visionflan.builder.merge import MergedParts, merge_parts
from visionflan.builder.parts import PARTS_DIR, DatasetPart, iter_batches
from visionflan.builder.split import HoldOutConfig
from visionflan.progress import ProgressBar
from visionflan.storage.image_index import write_index
from visionflan.storage.image_shards import ReadShard, shard_reader
from visionflan.storage.manifest_file import write_manifest
from visionflan.storage.schema import (
    BUILD_FORMAT,
    INSTANCES,
    LEDGER,
    LedgerEntry,
    instances_path,
    ledger_table,
)

SPLIT = INSTANCES.get_field_index("split")
SOURCES = "sources.parquet"  # which model wrote which synthesized instance, and from which rows


def assemble(  # noqa: PLR0913 - all but the first two are named
    out: Path,
    parts: Sequence[DatasetPart],
    *,
    hold_out: HoldOutConfig | None,
    about: dict[str, Any],
    datasets: dict[str, Any],
    decontamination: Decontamination | None = None,
    read_shard: ReadShard | None = None,
) -> dict[str, Any]:
    """Split, write instances, ledger, index, card and manifest; return the manifest.

    Without `hold_out` the instances keep the split they have. Training instances that overlap with
    the references of `decontamination` are left out, unless it only reports them. `read_shard`
    reads images that are not in `out`.
    """
    read_shard = read_shard or shard_reader(out / "images")
    directories = [out / PARTS_DIR / part.name for part in parts]
    merged = merge_parts(read_shard, parts, directories, hold_out, decontamination)
    tasks = write_instances(out, directories, merged)
    for part in parts:
        for task, info in part.tasks.items():
            tasks[task] |= {**asdict(info), **asdict(part.counts[task])}
    removed = ledger_entries(merged.overlaps.overlaps)
    for entry in removed:
        counts = tasks[entry.task]
        counts["written"] -= 1
        counts["dropped"][REASON] = counts["dropped"].get(REASON, 0) + 1
    write_ledger(out, directories, removed)
    for name in (OVERLAPS, OVERLAP_PAGE):  # of the build before an update
        (out / name).unlink(missing_ok=True)
    if decontamination is not None:
        write_overlaps(out, merged.overlaps.overlaps)
        counts = overlap_counts(merged.overlaps.overlaps)
        about = about | {"decontamination": {**decontamination.as_json(), "overlaps": counts}}
    write_index(out / "images.index", merged.image_metadata, merged.group_ids)
    manifest = {
        "format": BUILD_FORMAT,
        "about": about,
        "datasets": datasets,
        "tasks": tasks,
        "official_splits": merged.official_splits,
        "totals": count_totals(merged),
        "files": file_sizes(out, merged, tasks),
        "versions": versions(),
        "digest": build_digest(tasks),
    }
    write_card(out, manifest, read_shard)
    write_manifest(out, manifest)
    return manifest


def write_instances(
    out: Path, directories: Sequence[Path], merged: MergedParts
) -> dict[str, dict[str, Any]]:
    """Write one file of instances per task; return the counts and the digest of each task."""
    writers: dict[str, TaskWriter] = {}
    done, total = 0, len(merged.held_out)
    bar = ProgressBar("writing", total, unit="instances")
    for part_batch in iter_batches(directories, "instances.parquet"):
        held_out = merged.held_out[done : done + len(part_batch)]
        remain = pa.array(~merged.overlaps.removed[done : done + len(part_batch)])
        done += len(part_batch)
        bar.update(len(part_batch))
        split = pa.array(np.where(held_out, "held_out", "train"), pa.string())
        batch = part_batch.set_column(SPLIT, INSTANCES.field(SPLIT), split).filter(remain)
        names = np.array(batch["task"].to_pylist())
        for task in dict.fromkeys(names.tolist()):
            if task not in writers:
                writers[task] = TaskWriter(out, task)
            writers[task].write(batch.filter(pa.array(names == task)))
    bar.close()
    empty = {"train": 0, "held_out": 0, "digest": hashlib.sha256().hexdigest()}
    return {
        task: writers[task].close() if task in writers else dict(empty) for task in merged.tasks
    }


def write_ledger(out: Path, directories: Sequence[Path], removed: Sequence[LedgerEntry]) -> None:
    """Write the ledgers of all parts, and the instances removed from them, into one file."""
    with (
        atomic_path(out / "ledger.parquet") as temporary,
        pq.ParquetWriter(temporary, LEDGER, compression="zstd") as file,
    ):
        for batch in iter_batches(directories, "ledger.parquet"):
            file.write_batch(batch)
        if removed:
            file.write_table(ledger_table(removed))


class TaskWriter:
    """Write the instances of one task, counting and digesting them."""

    def __init__(self, out: Path, task: str) -> None:
        self.path = instances_path(out, task)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.temporary = self.path.with_name(f".{self.path.name}.tmp")
        self.file = pq.ParquetWriter(self.temporary, INSTANCES, compression="zstd")
        self.counts = {"train": 0, "held_out": 0}
        self.digest = hashlib.sha256()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add instances; the digest is over their values as lines of JSON, not over the file."""
        for row in batch.to_pylist():
            self.counts[row["split"]] += 1
            self.digest.update(digest_line(row))
        self.file.write_batch(batch)

    def close(self) -> dict[str, Any]:
        """Rename the file to its final name; return the counts and the digest."""
        self.file.close()
        commit_file(self.temporary, self.path)
        return {**self.counts, "digest": self.digest.hexdigest()}


def digest_line(row: dict[str, Any]) -> bytes:
    """Return what the digest of a task has of one of its rows."""
    line = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return line.encode() + b"\n"


def count_totals(merged: MergedParts) -> dict[str, int]:
    """Return the totals of a build."""
    num_held_out, total = int(merged.held_out.sum()), int((~merged.overlaps.removed).sum())
    group_sizes = np.bincount(merged.group_ids) if len(merged.group_ids) else np.zeros(1, int)
    return {
        "instances": total,
        "train": total - num_held_out,
        "held_out": num_held_out,
        "images": merged.image_metadata.num_rows,
        "image_bytes": pc.sum(merged.image_metadata["length"]).as_py() or 0,
        "groups": len(np.unique(merged.group_ids)),
        "largest_group": int(group_sizes.max()),
    }


def file_sizes(out: Path, merged: MergedParts, tasks: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return the size in bytes of each file of the build."""
    shards = sorted(pc.unique(merged.image_metadata["shard"]).to_pylist())
    names = [f"images/{shard}" for shard in shards]
    names += sorted(
        f"instances/{instances_path(out, task).name}"
        for task, counts in tasks.items()
        if counts["train"] or counts["held_out"]
    )
    names += ["images.index", "ledger.parquet"]
    names += [name for name in (OVERLAPS, SOURCES) if (out / name).exists()]
    return {name: (out / name).stat().st_size for name in names}


def versions() -> dict[str, str]:
    """Return the versions of the software that built; they are not part of the digest."""
    return {
        "visionflan": visionflan.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pillow", "pyarrow", "simplejpeg")},
    }


def build_digest(tasks: dict[str, dict[str, Any]]) -> str:
    """Return the digest of all instances; these name images by content, so it covers images too."""
    lines = "".join(f"{task} {tasks[task]['digest']}\n" for task in sorted(tasks))
    return hashlib.sha256(f"visionflan build {BUILD_FORMAT}\n{lines}".encode()).hexdigest()
