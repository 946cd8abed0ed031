"""Find the instances of a build that overlap with benchmarks, by their images and their words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visionflan.builder.decontamination.looks import LoadImage, match_images
from visionflan.builder.decontamination.references import Decontamination, Reference
from visionflan.builder.decontamination.words import match_words
from visionflan.builder.parts import iter_batches
from visionflan.storage.schema import LedgerEntry, non_null_schema, write_table

OVERLAPS = "decontamination.parquet"
REASON = "benchmark_overlap"
TEXT = pa.string()
SCHEMA = non_null_schema(
    task=TEXT,
    key=TEXT,
    split=TEXT,
    removed=pa.bool_(),
    benchmark=TEXT,
    item=TEXT,
    kind=TEXT,
    image=TEXT,
    benchmark_image=TEXT,
    words=TEXT,
)


class BenchmarkOverlap(NamedTuple):
    """What an instance shares with a benchmark; the fields are the columns of the table."""

    task: str
    key: str
    split: str
    removed: bool  # held-out instances are not trained on, and kept
    benchmark: str
    item: str
    kind: str  # content, look, mirrored or words
    image: str
    benchmark_image: str
    words: str


class FoundOverlaps(NamedTuple):
    """The overlaps of a build, and whether each instance is removed, (instances,)."""

    overlaps: Sequence[BenchmarkOverlap]
    removed: NDArray[np.bool_]


def find_overlaps(
    out: Path,
    directories: Sequence[Path],
    images: pa.Table,
    held_out: NDArray[np.bool_],
    decontamination: Decontamination,
) -> FoundOverlaps:
    """Compare all instances of the parts of a build with the references."""
    references = decontamination.references
    by_image = match_images(images, stored_image_loader(out, images), references)
    rows = [
        row
        for batch in iter_batches(directories, "instances.parquet")
        for row in batch.select(["task", "key", "images", "text", "target", "turns"]).to_pylist()
    ]
    by_text = match_words(map(question_and_answer, rows), references)
    keys = [first_items(reference) for reference in references]
    overlaps: list[BenchmarkOverlap] = []
    removed = np.zeros(len(rows), dtype=bool)
    for index, row in enumerate(rows):
        matched: dict[int, tuple[str, ...]] = {}
        for image in row["images"]:
            for match in by_image.get(image, ()):
                key = keys[match.reference][match.image]
                matched.setdefault(match.reference, (key, match.kind, image, match.image, ""))
        for shared in by_text.get(index, ()):
            key = references[shared.reference].items[shared.item].key
            matched.setdefault(shared.reference, (key, "words", "", "", shared.run))
        removed[index] = bool(matched) and not (held_out[index] or decontamination.report_only)
        split = "held_out" if held_out[index] else "train"
        of_row = row["task"], row["key"], split, bool(removed[index])
        overlaps += [
            BenchmarkOverlap(*of_row, references[number].name, *matched[number])
            for number in sorted(matched)
        ]
    return FoundOverlaps(overlaps, removed)


def stored_image_loader(out: Path, images: pa.Table) -> LoadImage:
    """Return a function from the id of a stored image to its encoded bytes."""
    locations = {
        row["id"]: (row["shard"], row["offset"], row["length"])
        for row in images.select(["id", "shard", "offset", "length"]).to_pylist()
    }

    def load(image_id: str) -> bytes:
        shard, offset, length = locations[image_id]
        with (out / "images" / shard).open("rb") as file:
            file.seek(offset)
            encoded: bytes = file.read(length)
        return encoded

    return load


def first_items(reference: Reference) -> dict[str, str]:
    """Return the key of the first item with each image of a reference."""
    keys: dict[str, str] = {}
    for item in reference.items:
        for image in item.images:
            keys.setdefault(image, item.key)
    return keys


def question_and_answer(row: dict[str, Any]) -> str:
    """Return the text of an instance without its instruction, and its answer."""
    if row["target"]:
        return f"{row['text']} {row['target']}"
    return " ".join(turn["text"].replace("<image>", " ") for turn in row["turns"])


def ledger_entries(overlaps: Sequence[BenchmarkOverlap]) -> list[LedgerEntry]:
    """Return a line of the ledger for each instance that is removed."""
    entries: dict[tuple[str, str], LedgerEntry] = {}
    for one in overlaps:
        if one.removed:
            what = f"the words {one.words!r}" if one.kind == "words" else f"an image ({one.kind})"
            detail = f"{what} of {one.benchmark}: {one.item}"
            entry = LedgerEntry(one.task, one.key, "dropped", REASON, detail, "")
            entries.setdefault((one.task, one.key), entry)
    return list(entries.values())


def write_overlaps(out: Path, overlaps: Sequence[BenchmarkOverlap]) -> None:
    """Write the table of overlaps."""
    table = pa.Table.from_pylist([one._asdict() for one in overlaps], schema=SCHEMA)
    write_table(out / OVERLAPS, table)


def overlap_counts(overlaps: Sequence[BenchmarkOverlap]) -> dict[str, dict[str, int]]:
    """Return the number of overlapping instances by benchmark and task."""
    counts: dict[str, dict[str, int]] = {}
    for one in overlaps:
        tasks = counts.setdefault(one.benchmark, {})
        tasks[one.task] = tasks.get(one.task, 0) + 1
    return counts
