"""Which datasets hold pictures or classes of evaluation sets, or of one another.

The facts are in data/overlaps.tsv: a line for each pair, its kind, one sentence, and who says so.
A pair is listed once and holds in both directions.
"""

import csv
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from visionflan.errors import ReleaseError

Kind = Literal["same pictures", "same pictures in part", "same classes"]

# What models are judged by, and what pictures come from, where it is no dataset of the catalog.
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
    """What two sets have in common; `witness` tells whether that was looked up."""

    one: str
    other: str
    kind: Kind
    sentence: str
    witness: str

    def beside(self, name: str) -> str:
        """Name the other one of the two."""
        return self.other if name == self.one else self.one


@cache
def overlaps() -> tuple[Overlap, ...]:
    """Give all pairs, in the order of their names."""
    table = files("visionflan") / "resources" / "overlaps.tsv"
    lines = csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t")
    return tuple(sorted(overlap(line) for line in lines))


def overlap(line: dict[str, str]) -> Overlap:
    """Take a line of the table."""
    for kind in get_args(Kind):
        if kind == line["kind"]:
            return Overlap(line["one"], line["other"], kind, line["sentence"], line["witness"])
    raise ReleaseError(f"data/overlaps.tsv: {line['kind']!r} is none of {get_args(Kind)}")


def of(name: str) -> list[Overlap]:
    """Give the pairs that a dataset, an evaluation set or a source is in."""
    return [pair for pair in overlaps() if name in pair[:2]]


def pictures_of(name: str) -> set[str]:
    """Name the sets with which one has pictures in common, by the table alone."""
    return {pair.beside(name) for pair in of(name) if pair.kind != "same classes"}


def through(name: str) -> dict[str, list[str]]:
    """Name the sets that may share pictures with one, by the third set that both have some from."""
    direct = pictures_of(name)
    beyond = {third: sorted(pictures_of(third) - direct - {name}) for third in sorted(direct)}
    return {third: others for third, others in beyond.items() if others}


def find_leakage(name: str, trained: Collection[str] | None) -> Iterator[str]:
    """Say which of the datasets that were trained on may hold the pictures of an evaluation set.

    Where it is not known what was trained on, that is said, with the sets that matter.
    """
    if trained is None:
        if known := sorted(pictures_of(name)):
            yield (
                f"it is not known here what was trained on; {', '.join(known)} have pictures in "
                f"common with {name}"
            )
        return
    for pair in of(name):
        if pair.kind != "same classes" and pair.beside(name) in trained:
            yield f"trained on {pair.beside(name)}: {pair.sentence}"
    for third, others in through(name).items():
        if shared := sorted(set(others) & set(trained)):
            yield f"trained on {', '.join(shared)}, perhaps some of the same pictures of {third}"


def told(name: str | None = None) -> Iterator[str]:
    """Say what sets have in common: all pairs, or those of one set and what follows from them."""
    pairs = of(name) if name else overlaps()
    for pair in pairs:
        yield f"{pair.one} and {pair.other}: {pair.kind}. {pair.sentence} ({pair.witness})"
    if name:
        for third, others in through(name).items():
            yield f"perhaps some of the same pictures, through {third}: {', '.join(others)}"
    if free := [one for one in EVALUATIONS if name in (None, one) and not of(one)]:
        yield f"no overlap is known of: {', '.join(free)}"
