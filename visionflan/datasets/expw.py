"""ExpW: 91,793 faces in pictures from the web, each face with one of seven expressions.

Layout: `label/label.lst`, a line a face with the name of the picture, the number of the face in it,
its box (top, left, right, bottom), the detector's confidence and the expression as a number, and
the pictures in `image/origin/` (HazyResearch/meerkat, meerkat/datasets/expw/__init__.py, names the
columns and both places). Other training codes have `label.lst` and `origin/` at the top; that is
read too. The numbers stand for angry, disgust, fear, happy, sad, surprise and neutral in this order
(several codes that read the raw list agree).

A picture can show several faces, so the example's picture is the face cut out at its box; the faces
of one picture are held out together.

Known defect: the list has lines that stand in it twice (meerkat drops them); the second is passed
over. Pictures are named after the words that were searched for, which are not always true of the
face and are not shown to anybody.

The faces of the specimen are cartoons of an expression, and nobody's likeness.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, SIZE, Box, canvas, jitter_box
from visionflan.hashing import stable_hash
from visionflan.image_files import decode_image
from visionflan.image_sources import ComputedImage
from visionflan.layouts import inside, is_folder, numbered_lines, require
from visionflan.layouts.fields import choice, integer, read_records
from visionflan.layouts.labels import accepted_names
from visionflan.specimens import write_image, write_lines
from visionflan.specimens.faces import face

EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
WORDS = {
    "angry": "anger",
    "happy": "happiness",
    "sad": "sadness",
}
# What follows the picture's name in a line: face, top, left, right, bottom, confidence, expression.
COLUMNS = 7


class Row(NamedTuple):
    key: str
    image: Path
    box: tuple[int, int, int, int]
    expression: str

    @property
    def picture(self) -> str:
        """Return the name of the picture that the face is cut out of."""
        return self.key.rpartition("#")[0]


dataset = Dataset[Row](
    title="ExpW",
    homepage="http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html",
    license="unknown",
    terms="The images were found by an image search, and their makers keep the rights.",
    citation="Zhang, Luo, Loy and Tang (2018), From Facial Expression Recognition to Interpersonal "
    "Relation Prediction, International Journal of Computer Vision",
    obtain="""
        Download the Expression in-the-Wild (ExpW) dataset through the homepage, join and unpack the
        parts of the archive of images, and put the directories image and label here.
    """,
    tree="""
        image/origin/actor_angry_18.jpg
        image/origin/...
        label/label.lst
    """,
    no_split="the owners publish no division of the faces",
    group_field="picture",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    places = (root / "image" / "origin", root / "origin")
    pictures = next(filter(is_folder, places), places[0])
    path = require(root / "label" / "label.lst", root / "label.lst")
    seen: set[str] = set()
    lines = (pair for pair in numbered_lines(path) if pair[1] not in seen)
    for row in read_records(path, lines, partial(read_line, pictures)):
        if isinstance(row, BrokenRow):
            yield row
        else:
            line, face = row
            seen.add(line)
            yield face


def read_line(pictures: Path, line: str) -> tuple[str, Row | BrokenRow]:
    """Return a line with its face."""
    name, *numbers = line.rsplit(maxsplit=COLUMNS)
    top, left, right, bottom = (integer(numbers, column) for column in range(1, 5))
    expression = choice(numbers, 6, EXPRESSIONS)
    key = f"{name}#{numbers[0]}"
    if left >= right or top >= bottom:
        return line, BrokenRow(key, "empty_box", f"the box of the face in {name} is empty")
    return line, Row(key, inside(pictures, name), (left, top, right, bottom), expression)


def cut_out(path: Path, place: str) -> Image.Image:
    """Crop the box with this left, top, right and bottom."""
    left, top, right, bottom = map(int, place.split(","))
    image = decode_image(path.read_bytes())
    box = (max(0, left), max(0, top), min(image.width, right), min(image.height, bottom))
    return image.crop(box)


@dataset.task(
    """
    Which expression does this face show? Judge by the mouth, the eyes and the eyebrows, and choose
    one word: anger, disgust, fear, happiness, sadness, surprise, or neutral if it shows none of the
    six.
    """,
    title="ExpW facial expression detection",
    official_name="expw+expression_detection",
    category="Facial Recognition",
    sensitive=True,
)
def expression_detection(row: Row) -> Example:
    picture = ComputedImage(row.image, ",".join(map(str, row.box)), cut_out)
    target = WORDS.get(row.expression, row.expression)
    references = accepted_names(target, row.expression)
    return Example(image=picture, target=target, references=references)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lines = []
    for index in range(count):
        name = f"drawn_face_{index + 1}.jpg"
        image = Image.new("RGB", (2 * SIZE, SIZE))
        for side in range(2):
            label = stable_hash("expw", index, side) % len(EXPRESSIONS)
            image.paste(drawn_face(EXPRESSIONS[label], index, side), (side * SIZE, 0))
            lines.append(f"{name} {side} 0 {side * SIZE} {(side + 1) * SIZE} {SIZE} 99.9 {label}")
        write_image(root / "image" / "origin" / name, image)
    write_lines(root / "label" / "label.lst", lines)


def drawn_face(expression: str, index: int, side: int) -> Image.Image:
    image = canvas("expw", index, side)
    box = Box(*FRAME.part(0.06, 0.06, 0.94, 0.94))
    face(ImageDraw.Draw(image), jitter_box(box, "expw", index, side, by=0.25), expression)
    return image
