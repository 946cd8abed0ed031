"""FFHQ-Text: 760 faces of girls and women from FFHQ, each described nine times by its attributes.

Layout: the owners' page (Yutong-Zhou-cv/FFHQ-Text_Dataset, README.md) lists a main folder with
`Image`, 760 PNG files, and `Text`, 760 TXT files of nine descriptions each; the release itself is
sent on request, and no code was found that reads it. That a description is a line, that text and
picture have the same name, and that this is the number of the face in FFHQ (`00936`) is taken from
that page and from the published example of the task. Hence the layout is unconfirmed. Names in
small letters, and folders inside the two, are read as well. The page also lists `Train` and `Test`,
pickles with the names of the images of each split; where such are there, their names count.

The published example strings the nine descriptions together. They contradict one another, as the
answers of nine people do ("about 15 to 20 years old", "about 25 to 32"), so here each has a line
and a number. They tell sex, age and the color of the skin as annotators saw them, so the task is
marked sensitive. Blanks are trimmed. A face with fewer than nine different descriptions is not
used.

A face of the specimen is drawn without sex or age.
"""

import pickle
from collections.abc import Iterator
from pathlib import Path
from pickletools import genops
from typing import NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, RGB, WHITE, canvas, jitter_box
from visionflan.errors import ReleaseError
from visionflan.hashing import stable_hash
from visionflan.layouts import numbered_lines, require
from visionflan.layouts.captions import make_numbered_example
from visionflan.layouts.fields import parse_record
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_lines

DESCRIPTIONS = 9
# The lists of the splits, by their own names or in a folder of the split.
PICKLES = ("[Tt]rain*.p*kl*", "[Tt]est*.p*kl*", "[Tt]rain/*.p*kl*", "[Tt]est/*.p*kl*")


class Row(NamedTuple):
    key: str
    image: Path
    descriptions: tuple[str, ...]
    split: str = ""


dataset = Dataset[Row](
    title="FFHQ-Text",
    homepage="https://github.com/Yutong-Zhou-cv/FFHQ-Text_Dataset",
    license="CC-BY-NC-SA-4.0",
    terms="""
        For research only; redistribution without permission of the owners is prohibited. The
        photographs come from Flickr through FFHQ, each under its own license, and FFHQ removes
        faces on request.
    """,
    citation="Y. Zhou (2021), Generative Adversarial Network for Text-to-Face Synthesis and "
    "Manipulation, ACM Multimedia; T. Karras, S. Laine and T. Aila (2019), A Style-Based Generator "
    "Architecture for Generative Adversarial Networks, CVPR",
    obtain="""
        Fill in the request form that the homepage links to, or write to its owner, and unpack what
        you are sent here.
    """,
    tree="""
        Image/00936.png
        Text/00936.txt
        Train.pkl
        Test.pkl
    """,
    layout="unconfirmed",
    split_field="split",
    no_group="the release does not tell which faces are of one person",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    main = root / "FFHQ-Text"
    texts = require(*(home / name for home in (root, main) for name in ("Text", "text")))
    pictures = require(*(texts.parent / name for name in ("Image", "image", "Images", "images")))
    paths = sorted(texts.rglob("*.txt"))
    if not paths:
        raise ReleaseError(f"{texts} contains no TXT file: unpack the descriptions there")
    splits = pickled_splits(texts.parent)
    for path in paths:
        place = path.relative_to(texts).with_suffix("")
        key = place.as_posix()
        image, split = pictures / place.with_suffix(".png"), splits.get(place.name, "")
        yield parse_record(key, f"{path}", to_row, key, path, image, split)


def to_row(key: str, path: Path, image: Path, split: str) -> Row:
    return Row(key, image, tuple(line for _, line in numbered_lines(path)), split)


def pickled_splits(home: Path) -> dict[str, str]:
    """Read the names in the pickled list of each split, without running what a pickle may hold."""
    splits = {}
    for path in sorted(path for pattern in PICKLES for path in home.glob(pattern)):
        split = split_of(path.relative_to(home).as_posix())
        try:
            names = [text for _, text, _ in genops(path.read_bytes()) if isinstance(text, str)]
        except ValueError as error:
            raise ReleaseError(f"{path} is not a pickled list of names: {error}") from error
        splits.update(dict.fromkeys((Path(name).stem for name in names), split))
    return splits


@dataset.task(
    """
    Describe this face for somebody who has to draw it. Give nine descriptions, as nine observers
    might, each a sentence about two or three of the features: age and sex, shape of the face, skin,
    hair, eyebrows, eyes, nose, mouth, glasses or jewelry. Start a new line for each one, with the
    word Description, its number and a colon.
    """,
    official_name="FFHQ-Text+text-to-face_generation",
    title="FFHQ-Text facial attribute textual descriptions generation",
    category="Fine-grained Captioning",
    metric="cider",
    sensitive=True,
    published_form="the descriptions without numbers",
)
def text_to_face_generation(row: Row) -> Example:
    return make_numbered_example(row.image, row.descriptions, DESCRIPTIONS, "Description")


HAIR: dict[str, RGB] = {
    "black": BLACK,
    "brown": (110, 65, 30),
    "blond": (240, 205, 90),
    "red": (190, 60, 30),
}
EYES: dict[str, RGB] = {"brown": (110, 60, 20), "blue": (40, 110, 220), "green": (30, 140, 60)}
SKIN: RGB = (240, 200, 165)


class Face(NamedTuple):
    hair: str
    long: bool
    eyes: str
    glasses: bool
    mouth_open: bool

    def sentences_of(self) -> list[str]:
        """Describe the face in nine true sentences."""
        length, mouth = "long" if self.long else "short", "an open" if self.mouth_open else "a shut"
        wearing = "with glasses" if self.glasses else "without glasses"
        return [
            f"This person has {length} {self.hair} hair.",
            f"The face has big {self.eyes} eyes.",
            f"A face {wearing} and with {mouth} mouth.",
            f"The {self.hair} hair is {length} and the eyes are {self.eyes}.",
            f"The person has {mouth} mouth and {self.eyes} eyes.",
            f"A person {wearing} turns the face to the front.",
            f"An oval face, {length} {self.hair} hair and {mouth} mouth.",
            f"Someone {wearing}, with {self.eyes} eyes and {self.hair} hair.",
            f"This is an oval face with {self.eyes} eyes, {mouth} mouth and {length} hair.",
        ]


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    for index in range(count):
        chance = stable_hash("ffhq", index)
        face = Face(
            hair=list(HAIR)[index % len(HAIR)],
            long=chance % 2 == 0,
            eyes=list(EYES)[index % len(EYES)],
            glasses=chance // 2 % 2 == 0,
            mouth_open=chance // 4 % 2 == 0,
        )
        name = f"{index:05d}"
        write_image(root / "Image" / f"{name}.png", drawn(face, index))
        write_lines(root / "Text" / f"{name}.txt", face.sentences_of())
    for start, split in enumerate(("Train", "Test")):
        names = [f"{index:05d}" for index in range(start, count, 2)]
        (root / f"{split}.pkl").write_bytes(pickle.dumps(names, protocol=4))


def drawn(face: Face, index: int) -> Image.Image:
    """Draw a face that fills most of the picture."""
    picture = canvas("ffhq", index)
    pen = ImageDraw.Draw(picture)
    box = jitter_box(FRAME.part(0.06, 0.02, 0.94, 0.98), "ffhq", index, by=0.15)
    if face.long:
        pen.rounded_rectangle(box.part(0.04, 0.1, 0.96, 1), 20, fill=HAIR[face.hair])
    pen.ellipse(box.part(0.1, 0, 0.9, 0.8), fill=HAIR[face.hair])
    pen.ellipse(box.part(0.17, 0.16, 0.83, 0.98), fill=SKIN)
    for x in (0.35, 0.65):
        pen.ellipse(box.part(x - 0.1, 0.4, x + 0.1, 0.54), fill=WHITE)
        pen.ellipse(box.part(x - 0.06, 0.4, x + 0.06, 0.54), fill=EYES[face.eyes])
        if face.glasses:
            pen.ellipse(box.part(x - 0.15, 0.35, x + 0.15, 0.59), outline=BLACK, width=3)
    if face.mouth_open:
        pen.ellipse(box.part(0.38, 0.7, 0.62, 0.88), fill=COLORS["red"])
    else:
        pen.line([box.at(0.36, 0.79), box.at(0.64, 0.79)], fill=COLORS["red"], width=4)
    return picture
