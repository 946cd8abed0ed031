"""Mocheg: claims that fact checkers examined, with what they found and pictures they showed.

Layout: in the owners' code (VT-NLP/Mocheg, util/read_example.py) each of `train`, `val` and `test`
holds `Corpus2.csv`, with a line for each paragraph of evidence, so that a claim stands on several
lines, not always one after the other, and a folder `images`, where the name of a picture begins
with the number of its claim and, if it was part of the check, the word proof
(`118075-proof-19-....jpg`). All three splits have labels and are read. Where a copy keeps all
pictures in one folder `images` beside the splits, that one is read.

As in the published example of the task, the context is the fact checkers' conclusion; where there
is none, it is their evidence. Marks of HTML are taken out (`html_removed`). A claim has several
pictures, of which one is drawn by hash; a claim without any is noted in the ledger, as is one
without a label.
"""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from visionflan import drawing, layouts
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows
from visionflan.specimens import write_image, write_text

ANSWERS = {"supported": "yes", "refuted": "no", "NEI": "not sure"}
COLUMNS = ("claim_id", "Claim", "Evidence", "cleaned_truthfulness", "ruling_outline")
# An article of the release can be longer than the csv module takes for a field by itself.
LONGEST_FIELD = 1 << 24


class Row(NamedTuple):
    key: str
    images: tuple[Path, ...]
    claim: str
    conclusion: str
    evidence: tuple[str, ...]
    label: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="Mocheg",
    homepage="https://github.com/VT-NLP/Mocheg",
    license="CC-BY-4.0",
    terms="The articles and images are from Snopes, PolitiFact and the pages that they cite.",
    citation="Yao, Shah, Sun, Cho, Huang (2023), End-to-End Multimodal Fact-Checking and "
    "Explanation Generation: A Challenging Dataset and Models, SIGIR",
    obtain="Fill in the form that the homepage links to, download the archive and unpack it here.",
    tree="""
        train/
            Corpus2.csv
            images/118075-proof-19-photograph.jpg    and the same for val and test
    """,
    split_field="split",
    no_group="each claim is one row",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    below = root / "mocheg"
    home = below if below.is_dir() else root
    tables = (home / split / "Corpus2.csv" for split in ("train", "val", "test"))
    for table in layouts.existing_paths(*tables):
        images = proofs(layouts.require(table.with_name("images"), home / "images"))
        for number, lines in claims(table).items():
            if isinstance(lines, BrokenRow):
                yield lines
            else:
                yield read_claim(f"{table.parent.name}/{number}", lines, images.get(number, []))


def proofs(folder: Path) -> dict[str, list[Path]]:
    """Sort the pictures that fact checkers showed by the number of their claim."""
    by_claim: dict[str, list[Path]] = {}
    for path in sorted(filter(layouts.is_image_file, folder.iterdir())):
        number, *rest = path.name.split("-", 2)
        if rest and rest[0] == "proof":
            by_claim.setdefault(number, []).append(path)
    return by_claim


def claims(table: Path) -> dict[str, list[dict[str, str]] | BrokenRow]:
    """Gather the lines of each claim, and those that are broken."""
    gathered: dict[str, list[dict[str, str]]] = {}
    broken: dict[str, BrokenRow] = {}
    lines = enumerate(csv_rows(table, *COLUMNS, longest=LONGEST_FIELD), start=1)
    for fields in read_records(table, lines, tidy_fields):
        if isinstance(fields, BrokenRow):
            broken[fields.key] = fields
        else:
            gathered.setdefault(fields["claim_id"], []).append(fields)
    return {**broken, **gathered}


def tidy_fields(line: dict[str, str]) -> dict[str, str]:
    """Return the columns that are read, with single blanks."""
    return {column: " ".join(text(line, column).split()) for column in COLUMNS}


def plain(text: str) -> str:
    """Remove HTML tags, and the spaces that they leave."""
    return " ".join(unescape(re.sub(r"</?[a-zA-Z][^<>]*>", " ", text)).split())


def read_claim(key: str, lines: list[dict[str, str]], images: list[Path]) -> Row | BrokenRow:
    first = lines[0]
    label = first["cleaned_truthfulness"]
    if label not in ANSWERS:
        return BrokenRow(key, "unknown_label", f"{label!r} is not one of {', '.join(ANSWERS)}")
    if not images:
        return BrokenRow(
            key, "no_matching_image", "no image of the folder images is a proof of the claim"
        )
    evidence = tuple(line["Evidence"] for line in lines if line["Evidence"])
    return Row(key, tuple(images), first["Claim"], first["ruling_outline"], evidence, label)


@dataset.task(
    """
    Fact checkers looked into the claim below. What they wrote about it is given as context,
    together with a picture from their article. Do the context and the picture support the claim?
    Choose yes if they support it, no if they contradict it, and not sure if they do not settle the
    question.
    """,
    official_name="multimodal_factual_checking",
    title="Multimodal Factual Checking multimodal factual checking",
    category="Complex Reasoning",
)
def multimodal_factual_checking(row: Row) -> Example:
    raw = (row.claim, row.conclusion or " ".join(row.evidence))
    claim, context = map(plain, raw)
    if not (claim and context):
        raise UnusableError("empty_text", f"{row.key} lacks a claim or anything written about it")
    return Example(
        image=pick(row.images, 1, row.key, "picture")[0],
        text=f"Context: {context}\nClaim: {claim}",
        target=ANSWERS[row.label],
        options=tuple(ANSWERS.values()),
        repaired=() if (claim, context) == raw else ("html_removed",),
    )


THINGS = ("car", "dog", "umbrella", "guitar", "boat", "chair")
TOWNS = ("Rome", "Lima", "Oslo", "Cairo")
COLORS = ("red", "green", "blue", "purple", "orange")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for start, split in enumerate(("train", "val", "test")):
        lines = [",".join(COLUMNS)]
        for index in range(start, count, 3):
            label = list(ANSWERS)[(index + index // 3) % 3]
            pictured, other = pick(THINGS, 2, "mocheg", index)
            claim = claimed(label, pictured, other, index)
            line = f"We asked for a photo of what was there on day {index + 1}; it is shown here."
            outline = "" if stable_hash("mocheg", index, "outline") % 3 == 0 else line
            lines.append(f'{index},"{claim}","<p>{line}</p>",{label},"{outline}"')
            lines.append(f'{index},"{claim}","<p>Nobody else was asked.</p>",{label},"{outline}"')
            folder = root / split / "images"
            write_image(folder / f"{index}-proof-01-photo.jpg", photo(pictured, index))
            write_image(folder / f"{index}-00-02-advert.jpg", Image.new("RGB", (8, 8)))
        write_text(root / split / "Corpus2.csv", "\n".join(lines) + "\n")


def claimed(label: str, pictured: str, other: str, index: int) -> str:
    """Make a claim that the photograph bears out, or belies, or says nothing of."""
    if label == "NEI":
        return f"The {pictured} was bought in {pick(TOWNS, 1, 'mocheg', index, 'town')[0]}."
    noun = pictured if label == "supported" else other
    return f"There was {'an' if noun[0] in 'aeiou' else 'a'} {noun}."


def photo(thing: str, index: int) -> Image.Image:
    picture = drawing.canvas("mocheg", index)
    box = drawing.jitter_box(drawing.FRAME.part(0.04, 0.04, 0.96, 0.96), "mocheg", index, by=0.2)
    icon(picture, thing, box, pick(COLORS, 1, "mocheg", index, "colour")[0])
    return picture
