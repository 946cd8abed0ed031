"""Write what a build shares with benchmarks as one HTML page, with the pictures side by side."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from markupsafe import Markup

import visionflan
from visionflan.atomic_write import write_text
from visionflan.builder.decontamination.find import OVERLAP_PAGE, OVERLAPS, BenchmarkOverlap
from visionflan.builder.decontamination.references import Reference
from visionflan.report.html import asset, environment
from visionflan.report.inline_images import InlineImages
from visionflan.storage.directory import BuildDirectory

NUM_EXAMPLES = 6  # of each task and benchmark
KINDS = {
    "content": "the same file",
    "look": "a copy by its looks",
    "mirrored": "a mirrored copy",
    "descriptor": "a copy by its descriptor",
    "words": "the same words",
}


class ReferenceImages:
    """The images of a reference as a source of inline images."""

    def __init__(self, reference: Reference) -> None:
        self.image = reference.load


@dataclass(kw_only=True)
class OverlapGroup:
    """The overlaps of one task with one benchmark: their counts, and the first different ones."""

    benchmark: str
    task: str
    kinds: Counter[str] = field(default_factory=Counter)
    num_removed: int = 0
    examples: list[BenchmarkOverlap] = field(default_factory=list)

    def add(self, overlap: BenchmarkOverlap) -> None:
        """Count an overlap; rows about the same two images are shown once."""
        self.kinds[overlap.kind] += 1
        self.num_removed += overlap.removed
        shared = shared_content(overlap)
        if len(self.examples) < NUM_EXAMPLES and shared not in map(shared_content, self.examples):
            self.examples.append(overlap)

    @property
    def total(self) -> int:
        """Return the number of instances."""
        return self.kinds.total()


class OverlapView(NamedTuple):
    """An example as the page shows it."""

    overlap: BenchmarkOverlap
    image: str  # a data URI; empty if the page has no room or the kind is words
    benchmark_image: str


class OverlapSection(NamedTuple):
    """The part of the page about one task and one benchmark."""

    group: OverlapGroup
    views: Sequence[OverlapView]


@dataclass(frozen=True, kw_only=True)
class OverlapPage:
    """The values that the template of the page shows."""

    version: str
    style: Markup
    name: str  # of the build
    report_only: bool
    descriptor: Mapping[str, Any] | None
    against: Sequence[Mapping[str, str]]
    kinds: Mapping[str, str]
    sections: Sequence[OverlapSection]


def write_overlap_page(out: Path, references: Sequence[Reference]) -> Path:
    """Write the page of a decontaminated build into its directory; return the path.

    Args:
        out: The directory of the build.
        references: What it was compared with; their files are opened for the pictures.
    """
    templates = environment()
    page = overlap_page(out, references, asset(templates, "style.css"))
    write_text(out / OVERLAP_PAGE, templates.get_template("overlaps.html").render(page=page))
    return out / OVERLAP_PAGE


def overlap_page(out: Path, references: Sequence[Reference], style: Markup) -> OverlapPage:
    """Compute the values that the page shows."""
    build = BuildDirectory(out)
    images = InlineImages([build, *map(ReferenceImages, references)])
    about = build.manifest["about"]["decontamination"]
    groups = sorted(overlap_groups(out), key=lambda group: (group.benchmark, -group.total))
    return OverlapPage(
        version=visionflan.__version__,
        style=style,
        name=out.resolve().name,
        report_only=about["report_only"],
        descriptor=about.get("descriptor"),
        against=about["against"],
        kinds=KINDS,
        sections=[
            OverlapSection(group, [overlap_view(one, images) for one in group.examples])
            for group in groups
        ],
    )


def overlap_groups(out: Path) -> list[OverlapGroup]:
    """Return the overlaps of a build by task and benchmark."""
    groups: dict[tuple[str, str], OverlapGroup] = {}
    for overlap in iter_overlaps(out):
        pair = overlap.benchmark, overlap.task
        if pair not in groups:
            groups[pair] = OverlapGroup(benchmark=overlap.benchmark, task=overlap.task)
        groups[pair].add(overlap)
    return list(groups.values())


def iter_overlaps(out: Path) -> Iterator[BenchmarkOverlap]:
    """Yield the rows of the table of overlaps, which are read in batches."""
    with pq.ParquetFile(out / OVERLAPS) as file:
        for batch in file.iter_batches(columns=list(BenchmarkOverlap._fields)):
            for row in batch.to_pylist():
                yield BenchmarkOverlap(**row)


def shared_content(overlap: BenchmarkOverlap) -> tuple[str, str, str]:
    """Return what an instance and a benchmark share."""
    return overlap.image, overlap.benchmark_image, overlap.words


def overlap_view(overlap: BenchmarkOverlap, images: InlineImages) -> OverlapView:
    """Return an example with its pictures."""
    if overlap.kind == "words":
        return OverlapView(overlap, "", "")
    return OverlapView(overlap, images.uri(overlap.image), images.uri(overlap.benchmark_image))
