"""Put the parts of a build together; the manifest comes last and says that all of it is there."""

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
from tqdm import tqdm

import visionflan
from visionflan.atomic_write import atomic_path, commit_file, write_json
from visionflan.builder.dataset_card import write_card
from visionflan.builder.image_store import load_image_metadata
from visionflan.builder.parts import FOLDER, DatasetPart, iter_batches
from visionflan.builder.split import (
    HoldOutConfig,
    ImageUsage,
    collect_image_usage,
    hold_out_mask,
    merge_shown_together,
)
from visionflan.errors import BuildError
from visionflan.storage.image_index import write_index
from visionflan.storage.perceptual_hash import group_near_duplicates
from visionflan.storage.schema import BUILD_FORMAT, INSTANCES, LEDGER

SPLIT = INSTANCES.get_field_index("split")


@dataclass(frozen=True, kw_only=True)
class MergedParts:
    """What all parts hold together: images sorted by id with their groups, and what is shown."""

    tasks: list[str]
    facts: pa.Table
    groups: NDArray[np.int32]
    shown: ImageUsage
    held: NDArray[np.bool_]


def assemble(
    out: Path,
    parts: Sequence[DatasetPart],
    *,
    hold_out: HoldOutConfig | None,
    about: dict[str, Any],
    datasets: dict[str, Any],
) -> dict[str, Any]:
    """Split, write instances, ledger, index and card, then the manifest, which is given back.

    Without `hold_out` the instances keep the split that they came with.
    """
    folders = [out / FOLDER / part.name for part in parts]
    whole = merge_parts(parts, folders, hold_out)
    tasks = write_instances(out, folders, whole)
    for part in parts:
        for task, info in part.tasks.items():
            tasks[task] |= {**asdict(info), **asdict(part.counts[task])}
    write_ledger(out, folders)
    write_index(out / "images.index", whole.facts, whole.groups)
    manifest = {
        "format": BUILD_FORMAT,
        "about": about,
        "datasets": datasets,
        "tasks": tasks,
        "totals": count_totals(whole),
        "files": stored_files(out, whole),
        "versions": versions(),
        "digest": build_digest(tasks),
    }
    write_card(out, manifest)
    write_json(out / "manifest.json", manifest)
    return manifest


def merge_parts(
    parts: Sequence[DatasetPart], folders: Sequence[Path], hold_out: HoldOutConfig | None
) -> MergedParts:
    """Group the images of all parts by their look, and decide what is held out."""
    tasks = sorted(task for part in parts for task in part.tasks)
    facts = load_image_metadata(folders).sort_by("id").combine_chunks()
    ids = facts["id"].to_pylist()
    words = b"".join(facts["colors"].to_pylist())
    groups = group_near_duplicates(
        facts["phash"].to_numpy(),
        np.frombuffer(words, np.uint8).reshape(len(ids), -1 if ids else 192),
    )
    columns = ["task", "split", "images"]
    tables = [pq.read_table(folder / "instances.parquet", columns=columns) for folder in folders]
    given = pa.concat_tables([INSTANCES.empty_table().select(columns), *tables])
    seen = collect_image_usage(given, {image_id: row for row, image_id in enumerate(ids)}, tasks)
    if hold_out is None:
        held = np.array(given["split"].to_pylist()) == "held_out"
        check_no_leakage(held, seen, ids)
    else:
        held = hold_out_mask(hold_out, tasks, seen, merge_shown_together(groups, seen), ids)
    return MergedParts(tasks=tasks, facts=facts, groups=groups, shown=seen, held=held)


def check_no_leakage(held: NDArray[np.bool_], seen: ImageUsage, ids: Sequence[str]) -> None:
    """Refuse a held-out image that training shows too."""
    sides = held[seen.owners]
    if len(both := np.intersect1d(seen.rows[sides], seen.rows[~sides])):
        raise BuildError(f"image {ids[both[0]]} is both held out and in training: choose one")


def write_instances(
    out: Path, folders: Sequence[Path], whole: MergedParts
) -> dict[str, dict[str, Any]]:
    """Write one file of instances a task, and give each task's counts and digest."""
    writers: dict[str, TaskFile] = {}
    done, total = 0, len(whole.held)
    bar = tqdm(desc="writing", total=total, unit=" instances", disable=None, leave=False)
    for given in iter_batches(folders, "instances.parquet"):
        held = whole.held[done : done + len(given)]
        done += len(given)
        bar.update(len(given))
        split = pa.array(np.where(held, "held_out", "train"), pa.string())
        batch = given.set_column(SPLIT, INSTANCES.field(SPLIT), split)
        names = np.array(batch["task"].to_pylist())
        for task in dict.fromkeys(names.tolist()):
            if task not in writers:
                writers[task] = TaskFile(out / "instances", task)
            writers[task].write(batch.filter(pa.array(names == task)))
    bar.close()
    empty = {"train": 0, "held_out": 0, "digest": hashlib.sha256().hexdigest()}
    return {task: writers[task].close() if task in writers else dict(empty) for task in whole.tasks}


def write_ledger(out: Path, folders: Sequence[Path]) -> None:
    """Write the ledgers of all parts as one."""
    with (
        atomic_path(out / "ledger.parquet") as temporary,
        pq.ParquetWriter(temporary, LEDGER, compression="zstd") as file,
    ):
        for batch in iter_batches(folders, "ledger.parquet"):
            file.write_batch(batch)


class TaskFile:
    """The instances of one task, as they are written: their file, their counts, their digest."""

    def __init__(self, folder: Path, task: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{task.replace('/', '.')}.parquet"
        self.temporary = self.path.with_name(f".{self.path.name}.tmp")
        self.file = pq.ParquetWriter(self.temporary, INSTANCES, compression="zstd")
        self.counts = {"train": 0, "held_out": 0}
        self.digest = hashlib.sha256()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add instances; the digest is over their values as lines of JSON, not over the file."""
        for row in batch.to_pylist():
            self.counts[row["split"]] += 1
            line = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            self.digest.update(line.encode() + b"\n")
        self.file.write_batch(batch)

    def close(self) -> dict[str, Any]:
        """Give the file its name."""
        self.file.close()
        commit_file(self.temporary, self.path)
        return {**self.counts, "digest": self.digest.hexdigest()}


def count_totals(whole: MergedParts) -> dict[str, int]:
    """Count the whole build."""
    held = int(whole.held.sum())
    sizes = np.bincount(whole.groups) if len(whole.groups) else np.zeros(1, int)
    return {
        "instances": len(whole.held),
        "train": len(whole.held) - held,
        "held_out": held,
        "images": whole.facts.num_rows,
        "image_bytes": sum(whole.facts["length"].to_pylist()),
        "groups": len(np.unique(whole.groups)),
        "largest_group": int(sizes.max()),
    }


def stored_files(out: Path, whole: MergedParts) -> dict[str, int]:
    """Name the files that make the build, with their sizes."""
    names = [f"images/{shard}" for shard in sorted(set(whole.facts["shard"].to_pylist()))]
    names += sorted(f"instances/{path.name}" for path in (out / "instances").glob("[!.]*.parquet"))
    return {
        name: (out / name).stat().st_size for name in [*names, "images.index", "ledger.parquet"]
    }


def versions() -> dict[str, str]:
    """Name the versions that the build was made with; they are no part of its digest."""
    return {
        "visionflan": visionflan.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pillow", "pyarrow", "simplejpeg")},
    }


def build_digest(tasks: dict[str, dict[str, Any]]) -> str:
    """Sum up what the instances say; they name images by content, so it covers these too."""
    lines = "".join(f"{task} {tasks[task]['digest']}\n" for task in sorted(tasks))
    return hashlib.sha256(f"visionflan build {BUILD_FORMAT}\n{lines}".encode()).hexdigest()
