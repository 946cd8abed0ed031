"""Find the datasets that share images or classes with evaluation sets, or with one another.

The overlaps are in resources/overlaps.tsv: a line for each pair, with its kind, a note, and the
source of the fact. A pair is listed once and applies in both directions.
"""

import csv
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from visionflan.errors import ReleaseError

Kind = Literal["same images", "partly the same images", "same classes"]

# Evaluation sets, and sources of images, that are not datasets of the catalog.
EVALUATIONS = (
    "CIFAR-10",
    "CIFAR-100",
    "LLaVA-Bench",
    "MM-Vet",
    "MMBench",
    "MME",
    "MMMU",
    "MNIST",
    "POPE",
    "TextVQA",
    "miniImageNet",
)
SOURCES = ("ADE20K", "ImageNet", "LLaVA-Instruct", "Open Images")


class Overlap(NamedTuple):
    """The overlap of two sets.

    Attributes:
        one: Name of a dataset, an evaluation set or a source.
        other: Name of the set it overlaps with.
        kind: How they overlap.
        note: One sentence that says what is shared.
        witness: The source of the fact.
    """

    one: str
    other: str
    kind: Kind
    note: str
    witness: str

    def partner_of(self, name: str) -> str:
        """Return the other set of the pair."""
        return self.other if name == self.one else self.one


@cache
def overlaps() -> tuple[Overlap, ...]:
    """Return all pairs, sorted by name."""
    table = files("visionflan") / "resources" / "overlaps.tsv"
    lines = csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t")
    return tuple(sorted(parse_line(line) for line in lines))


def parse_line(line: dict[str, str]) -> Overlap:
    """Parse a line of the table."""
    for kind in get_args(Kind):
        if kind == line["kind"]:
            return Overlap(line["one"], line["other"], kind, line["note"], line["witness"])
    raise ReleaseError(f"resources/overlaps.tsv: {line['kind']!r} is not one of {get_args(Kind)}")


def overlaps_of(name: str) -> list[Overlap]:
    """Return the pairs that contain a dataset, an evaluation set or a source."""
    return [pair for pair in overlaps() if name in pair[:2]]


def sets_sharing_images(name: str) -> set[str]:
    """Return the sets that share images with one according to the table."""
    return {pair.partner_of(name) for pair in overlaps_of(name) if pair.kind != "same classes"}


def indirect_overlaps(name: str) -> dict[str, list[str]]:
    """Return the sets that may share images with one because both take some from a third.

    The keys are the third sets.
    """
    direct = sets_sharing_images(name)
    indirect = {
        third: sorted(sets_sharing_images(third) - direct - {name}) for third in sorted(direct)
    }
    return {third: others for third, others in indirect.items() if others}


def find_leakage(name: str, trained: Collection[str] | None) -> Iterator[str]:
    """Yield warnings about training datasets that may contain images of an evaluation set.

    If `trained` is None, the training datasets are unknown and the warning names those to look for.
    """
    if trained is None:
        if known := sorted(sets_sharing_images(name)):
            yield (
                f"the training datasets are not known here; {', '.join(known)} share images with "
                f"{name}"
            )
        return
    for pair in overlaps_of(name):
        if pair.kind != "same classes" and pair.partner_of(name) in trained:
            yield f"trained on {pair.partner_of(name)}: {pair.note}"
    for third, others in indirect_overlaps(name).items():
        if shared := sorted(set(others) & set(trained)):
            yield f"trained on {', '.join(shared)}, possibly on some of the same images of {third}"


def describe_overlaps(name: str | None = None) -> Iterator[str]:
    """Yield a line for each pair of sets: all pairs, or those of one set and its indirect ones."""
    pairs = overlaps_of(name) if name else overlaps()
    for pair in pairs:
        yield f"{pair.one} and {pair.other}: {pair.kind}. {pair.note} ({pair.witness})"
    if name:
        for third, others in indirect_overlaps(name).items():
            yield f"possibly some of the same images, through {third}: {', '.join(others)}"
    if disjoint := [
        evaluation
        for evaluation in EVALUATIONS
        if name in (None, evaluation) and not overlaps_of(evaluation)
    ]:
        yield f"no known overlap: {', '.join(disjoint)}"
