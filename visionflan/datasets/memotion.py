"""Memotion 7k: 6,992 memes, each with the sentiment that annotators found in it as a whole.

Layout: the folder `memotion_dataset_7k` with `labels.csv` and the pictures in `images`; the columns
are image_name, text_ocr, text_corrected, humor, sarcasm, offensive, motivational and
overall_sentiment (pliang279/HEMM, hemm/data/memotion_dataset.py, reads the same table from the
`labels.xlsx` beside it; several training codes read the CSV, and one lists the five sentiments).
The contents may also lie here without the folder.

The public sample of the paper's data has no instance of this task, so its form is ours: the meme
alone is given, since its words stand in the picture.

Known defect: sentiments are a matter of taste, annotators often disagreed, and most memes are
called positive. A few pictures are cut off at the end of the file, which the build reports.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, FRAME, canvas, jitter_box, word
from visionflan.hashing import pick
from visionflan.layouts import inside, require
from visionflan.layouts.fields import read_records, text
from visionflan.layouts.tables import csv_rows
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.faces import face

SENTIMENTS = {
    "very_positive": "very positive",
    "positive": "positive",
    "neutral": "neutral",
    "negative": "negative",
    "very_negative": "very negative",
}
FOLDER = "memotion_dataset_7k"


class Row(NamedTuple):
    key: str
    image: Path
    sentiment: str


dataset = Dataset[Row](
    title="Memotion",
    homepage="https://competitions.codalab.org/competitions/20629",
    license="non-commercial",
    terms="The data may be redistributed for non-commercial and academic research only.",
    citation="Sharma, Bhageria, Scott, PYKL, Das, Chakraborty, Pulabaigari and Gambäck (2020), "
    "SemEval-2020 Task 8: Memotion Analysis - the Visuo-Lingual Metaphor!, SemEval",
    obtain="""
        Get the archive memotion_dataset_7k through the contest's page or from its owners on Kaggle,
        and unpack it here.
    """,
    tree="""
        memotion_dataset_7k/
            labels.csv
            images/image_1.jpg
            ...
    """,
    no_split="the release is the training set of a contest; its test set is another release",
    no_group="the table names no meme template",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    table = require(root / FOLDER / "labels.csv", root / "labels.csv")
    lines = csv_rows(table, "image_name", "overall_sentiment")
    yield from read_records(table, enumerate(lines, start=1), lambda line: to_row(table, line))


def to_row(table: Path, line: dict[str, str]) -> Row | BrokenRow:
    name, sentiment = text(line, "image_name"), text(line, "overall_sentiment")
    if sentiment not in SENTIMENTS:
        return BrokenRow(name, "unknown_label", f"{table}: {sentiment!r} is not a sentiment")
    return Row(name, inside(table.parent / "images", name), SENTIMENTS[sentiment])


@dataset.task(
    """
    Read this meme, both its words and what the picture adds to them. What sentiment does it convey
    overall? Choose from very positive, positive, neutral, negative and very negative.
    """,
    title="Memotion meme sentiment detection",
    official_name="MEMOTION+sentiment_detection",
    category="Complex Reasoning",
)
def sentiment_detection(row: Row) -> Example:
    return Example(image=row.image, target=row.sentiment)


DRAWN = {
    "very_positive": (("WOW", "BEST DAY"), "happy", True),
    "positive": (("NICE", "GOOD"), "happy", False),
    "neutral": (("OK", "FINE"), "neutral", False),
    "negative": (("BAD", "OH NO"), "sad", False),
    "very_negative": (("I HATE IT", "WORST"), "angry", True),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = [
        ",image_name,text_ocr,text_corrected,humour,sarcasm,offensive,motivational,overall_sentiment"
    ]
    for index in range(count):
        sentiment = list(DRAWN)[index % len(DRAWN)]
        words, look, strongly = DRAWN[sentiment]
        text, name = pick(words, 1, "memotion", index)[0], f"image_{index + 1}.jpg"
        write_image(root / FOLDER / "images" / name, meme(text, look, strongly, index))
        marks = "funny,general,not_offensive,not_motivational"
        lines.append(f'{index},{name},"{text}","{text}",{marks},{sentiment}')
    write_lines(root / FOLDER / "labels.csv", lines)


def meme(text: str, look: str, strongly: bool, index: int) -> Image.Image:
    """Draw a face under the words; where the feeling is strong there are two."""
    image = canvas("memotion", index)
    pen = ImageDraw.Draw(image)
    word(image, text, FRAME.part(0.02, 0.02, 0.98, 0.3), BLACK)
    box = FRAME.part(0.02, 0.32, 0.98, 0.98)
    halves = (box.part(0, 0.1, 0.5, 0.82), box.part(0.5, 0.1, 1, 0.82))
    for side, place in enumerate(halves if strongly else (box.part(0.17, 0, 0.83, 1),)):
        face(pen, jitter_box(place, "memotion", index, side, by=0.15), look)
    return image
