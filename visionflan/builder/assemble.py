"""Assemble the parts of a build; the manifest is written last and marks it as complete."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import visionflan
from visionflan.atomic_write import atomic_path, commit_file, write_json
from visionflan.builder.dataset_card import write_card
from visionflan.builder.decontamination.find import (
    OVERLAPS,
    REASON,
    FoundOverlaps,
    find_overlaps,
    ledger_entries,
    overlap_counts,
    write_overlaps,
)
from visionflan.builder.decontamination.references import Decontamination
from visionflan.builder.evidence import (
    USAGE_COLUMNS,
    OtherRows,
    decide_held_out,
    group_by_signature,
)
from visionflan.builder.image_store import load_image_metadata
from visionflan.builder.official_images import load_official_images
from visionflan.builder.parts import PARTS_DIR, DatasetPart, iter_batches, readable_part
from visionflan.builder.split import HoldOutConfig, ImageUsage, collect_image_usage
from visionflan.errors import BuildError
from visionflan.progress import ProgressBar
from visionflan.storage.image_index import write_index
from visionflan.storage.schema import (
    BUILD_FORMAT,
    INSTANCES,
    LEDGER,
    LedgerEntry,
    instances_path,
    ledger_table,
)

SPLIT = INSTANCES.get_field_index("split")


@dataclass(frozen=True, kw_only=True)
class MergedParts:
    """The images and instances of all parts.

    Attributes:
        tasks: the sorted ids of all tasks.
        image_metadata: the image table, sorted by id.
        group_ids: the group of near-duplicates of each image, (images,).
        image_usage: which images each instance contains.
        held_out: whether each instance is held out, (instances,).
        overlaps: the overlaps with benchmarks, and which instances are removed for them.
        official_splits: the number of instances by dataset, official split (or `none`) and side.
    """

    tasks: list[str]
    image_metadata: pa.Table
    group_ids: NDArray[np.int32]
    image_usage: ImageUsage
    held_out: NDArray[np.bool_]
    overlaps: FoundOverlaps
    official_splits: dict[str, dict[str, dict[str, int]]]


def assemble(
    out: Path,
    parts: Sequence[DatasetPart],
    *,
    hold_out: HoldOutConfig | None,
    about: dict[str, Any],
    datasets: dict[str, Any],
    decontamination: Decontamination | None = None,
) -> dict[str, Any]:
    """Split, write instances, ledger, index, card and manifest; return the manifest.

    Without `hold_out` the instances keep the split they have. Training instances that overlap with
    the references of `decontamination` are left out, unless it only reports them.
    """
    directories = [out / PARTS_DIR / part.name for part in parts]
    merged = merge_parts(out, parts, directories, hold_out, decontamination)
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
    write_card(out, manifest)
    write_json(out / "manifest.json", manifest)
    return manifest


def merge_parts(
    out: Path,
    parts: Sequence[DatasetPart],
    directories: Sequence[Path],
    hold_out: HoldOutConfig | None,
    decontamination: Decontamination | None,
) -> MergedParts:
    """Group near-duplicate images over all parts, and decide which instances are held out."""
    tasks = sorted(task for part in parts for task in part.tasks)
    metadata = load_image_metadata(directories).sort_by("id").combine_chunks()
    ids = metadata["id"].to_pylist()
    group_ids = group_by_signature(metadata)
    columns = [*USAGE_COLUMNS, "split"]
    tables = []
    for directory in directories:
        with readable_part(directory):
            tables.append(pq.read_table(directory / "instances.parquet", columns=columns))
    instances = pa.concat_tables([INSTANCES.empty_table().select(columns), *tables])
    rows_by_id = {image_id: row for row, image_id in enumerate(ids)}
    usage = collect_image_usage(instances, rows_by_id, tasks)
    if hold_out is None:
        held_out = np.array(instances["split"].to_pylist()) == "held_out"
        check_no_leakage(held_out, usage, ids)
    else:
        others = OtherRows(
            {part.name: part.unwritten for part in parts}, load_official_images(directories)
        )
        held_out = decide_held_out(hold_out, tasks, instances, metadata, group_ids, others)
    overlaps = FoundOverlaps((), np.zeros(len(instances), dtype=bool))
    if decontamination is not None:
        overlaps = find_overlaps(out, directories, metadata, held_out, decontamination)
    remain = ~overlaps.removed
    return MergedParts(
        tasks=tasks,
        image_metadata=metadata,
        group_ids=group_ids,
        image_usage=usage,
        held_out=held_out,
        overlaps=overlaps,
        official_splits=count_official_splits(instances.filter(pa.array(remain)), held_out[remain]),
    )


def count_official_splits(
    instances: pa.Table, held_out: NDArray[np.bool_]
) -> dict[str, dict[str, dict[str, int]]]:
    """Return the number of instances by dataset, official split and side of the hold-out.

    Datasets without any official split are left out.
    """
    sides = pa.array(np.where(held_out, "held_out", "train"), pa.string())
    table = instances.select(["dataset", "official_split"]).append_column("side", sides)
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for row in table.group_by(table.column_names).aggregate([([], "count_all")]).to_pylist():
        splits = counts.setdefault(row["dataset"], {})
        splits.setdefault(row["official_split"] or "none", {})[row["side"]] = row["count_all"]
    return {name: splits for name, splits in sorted(counts.items()) if set(splits) != {"none"}}


def check_no_leakage(held_out: NDArray[np.bool_], usage: ImageUsage, ids: Sequence[str]) -> None:
    """Raise BuildError if an image is in both splits."""
    use_held_out = held_out[usage.owners]
    if len(both := np.intersect1d(usage.rows[use_held_out], usage.rows[~use_held_out])):
        raise BuildError(f"image {ids[both[0]]} is both held out and in training: choose one")


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
        "image_bytes": sum(merged.image_metadata["length"].to_pylist()),
        "groups": len(np.unique(merged.group_ids)),
        "largest_group": int(group_sizes.max()),
    }


def file_sizes(out: Path, merged: MergedParts, tasks: dict[str, dict[str, Any]]) -> dict[str, int]:
    """Return the size in bytes of each file of the build."""
    shards = sorted(set(merged.image_metadata["shard"].to_pylist()))
    names = [f"images/{shard}" for shard in shards]
    names += sorted(
        f"instances/{instances_path(out, task).name}"
        for task, counts in tasks.items()
        if counts["train"] or counts["held_out"]
    )
    names += ["images.index", "ledger.parquet"]
    names += [OVERLAPS] if (out / OVERLAPS).exists() else []
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
