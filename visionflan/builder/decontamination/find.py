"""Find the instances of a build that overlap with benchmarks, by their images and their words."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from visionflan.builder.decontamination.copies import match_descriptors
from visionflan.builder.decontamination.looks import ImageMatch, LoadImage, match_images
from visionflan.builder.decontamination.references import Decontamination, Reference
from visionflan.builder.decontamination.words import WordMatch, WordSearch
from visionflan.builder.parts import iter_batches
from visionflan.storage.image_shards import ReadShard
from visionflan.storage.schema import LedgerEntry, non_null_schema, write_table

OVERLAPS = "decontamination.parquet"
OVERLAP_PAGE = "overlaps.html"  # with the pictures of both, which the command line adds
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
).append(pa.field("cosine", pa.float32()))
MatchColumns = tuple[str, str, str, str, str, float | None]  # the columns from `item` on


class BenchmarkOverlap(NamedTuple):
    """What an instance shares with a benchmark; the fields are the columns of the table."""

    task: str
    key: str
    split: str
    removed: bool  # held-out instances are not trained on, and kept
    benchmark: str
    item: str
    kind: str  # content, look, mirrored, descriptor or words
    image: str
    benchmark_image: str
    words: str
    cosine: float | None  # of the descriptors, if the kind is descriptor


class FoundOverlaps(NamedTuple):
    """The overlaps of a build, and whether each instance is removed, (instances,)."""

    overlaps: Sequence[BenchmarkOverlap]
    removed: NDArray[np.bool_]


class MatchedRow(NamedTuple):
    """An instance that shares an image, or perhaps words, with a reference."""

    task: str
    key: str
    images: tuple[tuple[str, ImageMatch], ...]  # the id of its own image, and what that is alike


def find_overlaps(
    read_shard: ReadShard,
    directories: Sequence[Path],
    images: pa.Table,
    held_out: NDArray[np.bool_],
    decontamination: Decontamination,
) -> FoundOverlaps:
    """Compare all instances of the parts of a build with the references.

    The instances are read in batches; only those that match remain in memory.
    """
    by_image = find_copies(read_shard, images, decontamination)
    words = WordSearch(decontamination.references)
    rows: dict[int, MatchedRow] = {}
    for index, row in enumerate(iter_rows(directories)):
        matches = [(image, match) for image in row["images"] for match in by_image.get(image, ())]
        words.add(index, question_and_answer(row))
        if matches or index in words.runs_by_text:
            rows[index] = MatchedRow(row["task"], row["key"], tuple(matches))
    return combine_matches(rows, words.matches(), held_out, decontamination)


def find_copies(
    read_shard: ReadShard, images: pa.Table, decontamination: Decontamination
) -> dict[str, list[ImageMatch]]:
    """Return by id, for each stored image that is a copy, its match in each reference."""
    load, references = stored_image_loader(read_shard, images), decontamination.references
    by_image = match_images(images, load, references)
    if decontamination.descriptor is None:
        return by_image
    described = match_descriptors(images["id"], load, references, decontamination.descriptor)
    for image, matches in described.items():
        known = {match.reference for match in by_image.get(image, ())}
        further = [match for match in matches if match.reference not in known]
        by_image[image] = by_image.get(image, []) + further
    return by_image


def iter_rows(directories: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield of all instances what is compared."""
    for batch in iter_batches(directories, "instances.parquet"):
        yield from batch.select(["task", "key", "images", "text", "target", "turns"]).to_pylist()


def combine_matches(
    rows: Mapping[int, MatchedRow],
    by_text: Mapping[int, Sequence[WordMatch]],
    held_out: NDArray[np.bool_],
    decontamination: Decontamination,
) -> FoundOverlaps:
    """Return one overlap for each instance and reference: the first image, or else the words."""
    references = decontamination.references
    keys = [first_items(reference) for reference in references]
    overlaps: list[BenchmarkOverlap] = []
    removed = np.zeros(len(held_out), dtype=bool)
    for index, row in rows.items():
        matched: dict[int, MatchColumns] = {}
        for image, match in row.images:
            key = keys[match.reference][match.image]
            columns = (key, match.kind, image, match.image, "", match.cosine)
            matched.setdefault(match.reference, columns)
        for shared in by_text.get(index, ()):
            key = references[shared.reference].items[shared.item].key
            matched.setdefault(shared.reference, (key, "words", "", "", shared.run, None))
        is_removed = bool(matched) and not (held_out[index] or decontamination.report_only)
        removed[index] = is_removed
        split = "held_out" if held_out[index] else "train"
        for number, columns in sorted(matched.items()):
            name = references[number].name
            overlap = BenchmarkOverlap(row.task, row.key, split, is_removed, name, *columns)
            overlaps.append(overlap)
    return FoundOverlaps(overlaps, removed)


def stored_image_loader(read_shard: ReadShard, images: pa.Table) -> LoadImage:
    """Return a function from the row of a stored image to its encoded bytes."""
    shards, offsets, lengths = (images[name] for name in ("shard", "offset", "length"))

    def load(row: int) -> bytes:
        return read_shard(shards[row].as_py(), offsets[row].as_py(), lengths[row].as_py())

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
