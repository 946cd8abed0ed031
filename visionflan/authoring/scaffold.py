"""The template of a dataset file: complete, runnable, and meant to be edited."""

from string import Template

TEMPLATE = Template('''\
"""$title: say in one sentence what the images show and who labeled them.

Layout: say where you read how the release is laid out, and which of its errors are known.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, SHAPES, FRAME, canvas, jitter_box, shape
from visionflan.hashing import pick
from visionflan.layouts import inside
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.tables import csv_rows
from visionflan.specimens import write_image, write_lines


class Row(NamedTuple):
    key: str
    image: Path
    label: str


dataset = Dataset[Row](
    title="$title",
    homepage="https://example.org/$name",
    license="unknown",
    citation="Authors (year), title, venue",
    layout="unconfirmed",
    obtain="How to get the release.",
    tree="""
        labels.csv          file,label
        images/0001.png
    """,
    # Does the release divide its rows? Then add `split: str` to Row, with "train", "validation",
    # "test" or "" for each row, and put split_field="split" in the place of the next line.
    no_split="say why the rows name no official split",
    # Do some rows belong together, as the frames of a video or the images of a patient do? Then
    # add `video: str` to Row, and put group_field="video" in the place of the next line.
    no_group="say why no rows belong together",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    table = root / "labels.csv"
    lines = enumerate(csv_rows(table, "file", "label"), start=1)
    yield from read_records(table, lines, lambda line: to_row(root / "images", line))


def to_row(images: Path, line: dict[str, str]) -> Row:
    name = text(line, "file")
    return Row(name, inside(images, name), text(line, "label"))


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = ["file,label"]
    for index in range(count):
        label = sorted(SHAPES)[index % len(SHAPES)]
        (color,) = pick(sorted(COLORS), 1, "$name", index)
        image = canvas("$name", index)
        shape(image, label, color, jitter_box(FRAME, "$name", index, by=0.5))
        write_image(root / f"images/{index:04d}.png", image)
        lines.append(f"{index:04d}.png,{label}")
    write_lines(root / "labels.csv", lines)


@dataset.task(
    """
    Name the geometric figure drawn in the picture of the $title collection. Answer with
    one word in lower case, without an article, such as "circle".
    """,
    # Each further text is another phrasing of the instruction: a sentence of another form with
    # the same meaning and the same answers. Leave them out if one phrasing is enough;
    # `visionflan build --phrasings all` uses them.
    """
    Which geometric figure do you see here? Reply in lower case with a single word and no
    article, for instance "circle".
    """,
    title="$title figure recognition",
    category="General Object",
)
def figure_recognition(row: Row) -> Example:
    return Example(image=row.image, target=row.label)
''')


def dataset_file(name: str, title: str) -> str:
    """Return the source of a dataset file that already runs and passes `check`."""
    return TEMPLATE.substitute(name=name, title=title)
