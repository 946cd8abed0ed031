"""SemArt: paintings of the Web Gallery of Art with the commentary and the facts of their page.

Layout: the owners' code (noagarcia/SemArt, params.py and dataloader.py) reads the tables
`SemArt/semart_{train,val,test}.csv`, separated by tabs, with the columns IMAGE_FILE, DESCRIPTION,
AUTHOR, TITLE, TECHNIQUE, DATE, TYPE, SCHOOL and TIMEFRAME, and the pictures in `SemArt/Images/`;
code of others opens the tables as Latin-1. All 21,384 paintings are labeled, and all three tables
are read, inside `SemArt/` or without that folder.

Known defects, fixed and noted: commentaries hold character entities (`&#38;`) and tags, sentences
run together where a line ended ("in 1571.The Holy League"), and there are several blanks in a row.
TECHNIQUE ends with the painting's size, which nobody sees in a picture: it is left out. TYPE and
SCHOOL are at times "other", and TECHNIQUE at times only a size: such rows are refused.

A painting may be there as a whole and in details: pictures of one author and title are held out
together.
"""

import html
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, WHITE, jitter_box, word
from visionflan.drawing.styles import styled_icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, inside
from visionflan.layouts.fields import optional_text, read_records, text
from visionflan.layouts.official_splits import split_of
from visionflan.layouts.tables import csv_rows
from visionflan.specimens import write_image, write_text

SPLITS = ("train", "val", "test")
COLUMNS = ("IMAGE_FILE", "DESCRIPTION", "TECHNIQUE", "TYPE", "SCHOOL", "TIMEFRAME")


class Row(NamedTuple):
    key: str
    image: Path
    description: str
    technique: str
    kind: str
    school: str
    timeframe: str
    split: str = ""
    painting: str = ""


dataset = Dataset[Row](
    title="SemArt",
    homepage="https://github.com/noagarcia/SemArt",
    license="non-commercial",
    terms="""
        Aston University's record of the data is said to give Creative Commons Attribution
        NonCommercial, but the page of that version was not found. The images and texts come from
        the Web Gallery of Art, which allows educational and personal use.
    """,
    citation="Garcia, Vogiatzis (2018), How to Read Paintings: Semantic Art Understanding with "
    "Multi-Modal Retrieval, ECCV Workshops",
    obtain="""
        Download SemArt.zip from https://researchdata.aston.ac.uk/id/eprint/380/ and unpack it here.
    """,
    tree="""
        SemArt/
            semart_train.csv
            semart_val.csv
            semart_test.csv
            Images/
                18223-0404grec.jpg
    """,
    split_field="split",
    group_field="painting",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    base = nested if (nested := root / "SemArt").is_dir() else root
    for path in existing_paths(*(base / f"semart_{split}.csv" for split in SPLITS)):
        lines = csv_rows(path, *COLUMNS, delimiter="\t", encoding="latin-1")
        numbered = enumerate(lines, start=1)
        yield from read_records(path, numbered, partial(to_row, base / "Images", path))


def to_row(images: Path, path: Path, line: dict[str, str]) -> Row:
    name, *facts = (text(line, column) for column in COLUMNS)
    split = split_of(path.stem.removeprefix("semart_"))
    row = Row(name, inside(images, name), *facts)
    return row._replace(split=split, painting=painting_of(line))


def painting_of(line: dict[str, str]) -> str:
    """Return the author and the title, which a detail shares with the whole painting."""
    author, title = (optional_text(line, column) for column in ("AUTHOR", "TITLE"))
    bare = re.sub(r"\s*\(detail\)", "", title, flags=re.IGNORECASE).strip()
    return f"{author.strip()}: {bare}" if bare else ""


@dataset.task(
    """
    Which period does this work belong to? Judge by its style, its materials and the costumes in it,
    and give the half century with its first and last year, in the form "1401-1450".
    """,
    """
    Date this work of art to a half century. Write its first and its last year with a hyphen, as in
    "1401-1450". The style, the technique and the clothes of the figures help to decide.
    """,
    """
    In the form "1401-1450", that is, as the first and last year of a half century, say when this
    work was made. Look for clues in its style, its materials and the costumes it shows.
    """,
    """
    You are cataloging a museum whose works are filed by half centuries, such as "1401-1450". Under
    which one does this work belong, judging by how it is painted and what people in it wear?
    """,
    """
    Even without a date on it, a work can be placed by its style, its materials and the fashions it
    shows. In which half century was this one created? Give the first year, a hyphen and the last
    year, like "1401-1450".
    """,
    title="Semart painting time frame recognition",
    official_name="semart+image_timeframe",
    category="Semantic Art Understanding",
)
def image_timeframe(row: Row) -> Example:
    if not re.fullmatch(r"\d{3,4}-\d{3,4}", row.timeframe.strip()):
        raise UnusableError("no_timeframe", f"{row.timeframe!r} is not a first and last year")
    return Example(image=row.image, target=row.timeframe.strip())


@dataset.task(
    """
    Sort this painting as a museum would. The answer is one of these kinds: genre, historical,
    interior, landscape, mythological, portrait, religious, still life or study.
    """,
    title="Semart painting type recognition",
    official_name="semart+image_type",
    category="Semantic Art Understanding",
    published_form="\"This falls into the 'X' type\"",
)
def image_type(row: Row) -> Example:
    return named(row, row.kind.replace("-", " ").lower())


@dataset.task(
    """
    Painters are grouped into schools by country or region. Which school does this painting belong
    to? Give the adjective alone, such as "Dutch" or "French".
    """,
    title="Semart painting school recognition",
    official_name="semart+image_school",
    category="Semantic Art Understanding",
    published_form='"This painting comes from the school of X art"',
)
def image_school(row: Row) -> Example:
    return named(row, row.school)


def named(row: Row, fact: str) -> Example:
    """Make an example whose answer is a fact of one or two words, unless it is `other`."""
    if fact.strip().lower() == "other":
        raise UnusableError("unnamed_class", "the release only says that it is another one")
    return Example(image=row.image, target=fact.strip())


# A length in centimeters or two lengths, with what is said of it, and whatever comes after.
SIZE = re.compile(
    r"[\s,;:(]*(?:\b(?:each|diameter|width|height|length|overall|about|ca\.|c\.)\s*)*"
    r"\d[\d.,/]*(?:\s*x\s*\d|\s*(?:cm|mm|m)\b).*",
    re.IGNORECASE | re.DOTALL,
)


@dataset.task(
    """
    Say what the work is made with and what it is made on, the way a label on a gallery wall does,
    for example "Oil on canvas". Leave out its measurements.
    """,
    """
    What is the technique of this work? Name the medium and the surface as a museum label would,
    such as "Oil on canvas", but do not give the size.
    """,
    """
    Write the line of a wall label that names the materials of this work, the medium first and then
    the support, in the style of "Oil on canvas" and without any measurements.
    """,
    """
    You are completing the record of this artwork in a collection. One field is still empty: the
    medium and what it was applied to. Enter it as in "Oil on canvas", without the dimensions.
    """,
    """
    Was this made in oil, tempera, fresco or something else, and on canvas, wood, a wall or another
    support? Look at the surface, the brushwork and the colors, and answer in the form "Oil on
    canvas", leaving out the size.
    """,
    title="Semart painting technique recognition",
    official_name="semart+image_technique",
    category="Semantic Art Understanding",
    metric="rouge_l",
    published_form='"This painting uses X"',
)
def image_technique(row: Row) -> Example:
    technique, repaired = mended(row.technique)
    without = SIZE.sub("", technique)
    if not re.search(r"[^\W\d]", without):
        raise UnusableError("no_technique", f"{row.technique!r} names no material")
    sizes = ("size",) if without != technique else ()
    return Example(image=row.image, target=without, repaired=repaired + sizes)


@dataset.task(
    """
    Write a paragraph of commentary on this work of art for a catalog. Describe what is depicted and
    how it is painted, explain what it means, and say what is known of its history.
    """,
    title="Semart detailed image description",
    official_name="semart+image_description",
    category="Semantic Art Understanding",
    metric="rouge_l",
    published_form='"Here is a description: X"',
)
def image_description(row: Row) -> Example:
    description, repaired = mended(row.description)
    return Example(image=row.image, target=description, repaired=repaired)


MENDING: dict[str, Callable[[str], str]] = {
    "character_entity": html.unescape,
    "markup": lambda words: re.sub(r"</?[a-zA-Z][^<>]*>", " ", words),
    "missing_blank": lambda words: re.sub(r"(?<=[a-z0-9)][.?!])(?=[A-Z][a-z]|A )", " ", words),
    "trimmed_blanks": lambda words: " ".join(words.split()),
}


def mended(words: str) -> tuple[str, tuple[str, ...]]:
    """Correct what is not part of the text, and name it."""
    repaired = []
    for name, mend in MENDING.items():
        before, words = words, mend(words)
        if words != before:
            repaired.append(name)
    return words, tuple(repaired)


SUBJECTS = {
    "landscape": ("tree", "house"),
    "portrait": ("person",),
    "still-life": ("apple", "banana", "bottle", "wine glass", "sunflower"),
    "interior": ("bed", "sofa", "chair"),
    "study": ("horse", "dog", "bird"),
}
TECHNIQUES = {
    "art painting": ("Oil on canvas, 96 x 96 cm", "short broad dabs of paint"),
    "sketch": ("Pencil on paper, 96 x 96 mm", "thin lines"),
    "cartoon": ("Gouache on paper", "even patches of color"),
}
SCHOOLS = ("Dutch", "French", "German", "Greek", "Irish", "Swiss")
COLORS = ("red", "green", "blue", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    base = root / "SemArt"
    header = "\t".join((*COLUMNS[:2], "AUTHOR", "TITLE", COLUMNS[2], "DATE", *COLUMNS[3:]))
    lines: dict[str, list[str]] = {split: [header] for split in SPLITS}
    for index in range(count):
        kind = list(SUBJECTS)[index % len(SUBJECTS)]
        thing = pick(SUBJECTS[kind], 1, "semart", index, "thing")[0]
        style = list(TECHNIQUES)[stable_hash("semart", index, "style") % len(TECHNIQUES)]
        technique, strokes = TECHNIQUES[style]
        school = SCHOOLS[stable_hash("semart", index, "school") % len(SCHOOLS)]
        start = 1401 + 50 * (stable_hash("semart", index, "years") % 10)
        years = f"{start}-{start + 49}"
        name = f"{index:05}-{thing.replace(' ', '_')}.jpg"
        write_image(base / "Images" / name, painting(index, thing, style, (school, years)))
        description = f"The picture shows one {thing}.It is made of  {strokes} &#38; little else."
        title = f"{thing} {index}"
        fields = (name, description, "ANONYMOUS", title, technique, years, kind, school, years)
        lines[SPLITS[index % len(SPLITS)]].append("\t".join(fields))
    for split, rows in lines.items():
        text = "".join(f"{row}\n" for row in rows)
        write_text(base / f"semart_{split}.csv", text, encoding="latin-1")


def painting(index: int, thing: str, style: str, plate: tuple[str, str]) -> Image.Image:
    """Paint one thing above a plate with the school and the years."""
    box = jitter_box(FRAME.part(0.1, 0.02, 0.9, 0.7), "semart", index, by=0.2)
    color = pick(COLORS, 1, "semart", index, "colour")[0]
    image = styled_icon(thing, style, box, color, "semart", index)
    ImageDraw.Draw(image).rectangle(FRAME.part(0, 0.7, 1, 1), fill=WHITE)
    word(image, "\n".join(plate), FRAME.part(0.02, 0.7, 0.98, 1))
    return image
