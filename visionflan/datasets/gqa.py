"""GQA: questions made by rule from the scene graphs of photographs.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, download_scripts/gqa.sh and
data_preprocessor/GQA.py) unpack questions1.2.zip and images.zip into one folder and read
`train_balanced_questions.json` and `val_balanced_questions.json`, objects of records under their
question's id; the builder in google-research/big_vision (big_vision/datasets/gqa/gqa.py) reads the
same files and counts 943,000 and 132,062 questions. Other training code keeps them in `questions`
or `questions1.2`; all three places are read. The loading script Graphcore/gqa on the Hugging Face
hub names CC BY 4.0 as the license.

The balanced questions are read, as by those authors. The test-development split has answers too,
but is what others measure models by, and is left alone. The images are those of Visual Genome.

The paper's title speaks of spatial relations. Its data, by the code of its authors, holds balanced
questions of every kind, of which many ask for a relation and others for an attribute, a place or
whether something is there; so does this task, and its instruction says so.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, inside, require
from visionflan.layouts.fields import identifier, mapping, read_records, text
from visionflan.layouts.json_stream import json_members
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val")


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="GQA",
    homepage="https://cs.stanford.edu/people/dorarad/gqa/",
    license="CC-BY-4.0",
    terms="The photographs come from Flickr through Visual Genome and keep their own terms.",
    citation="D. A. Hudson and C. D. Manning (2019), GQA: A New Dataset for Real-World Visual "
    "Reasoning and Compositional Question Answering, CVPR",
    obtain="""
        Download the questions (version 1.2) and the images from the download page of the homepage,
        and unpack both here.
    """,
    tree="""
        train_balanced_questions.json
        val_balanced_questions.json
        images/2379303.jpg
    """,
    split_field="split",
    no_group="rows belong together only by their image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    folder = next((path for path in places(root) if path.is_dir()), root)
    files = [folder / f"{split}_balanced_questions.json" for split in SPLITS]
    there = existing_paths(*files)
    for split, path in zip(SPLITS, files, strict=True):
        if path in there:
            images = root / "images"
            records = ((name, (name, record)) for name, record in json_members(path))
            yield from read_records(path, records, partial(to_row, split, images))


def places(root: Path) -> list[Path]:
    """List the folders that the questions may have been unpacked into."""
    return [require(root) / "questions1.2", root / "questions"]


def to_row(split: str, images: Path, member: tuple[str, Any]) -> Row:
    """Parse one question; a split without answers has none."""
    key, record = f"{split}/{identifier(member, 0)}", mapping(member, 1)
    image = inside(images, f"{identifier(record, 'imageId')}.jpg")
    return Row(key, image, text(record, "question").strip(), text(record, "answer").strip())


@dataset.task(
    """
    Look at where the things in this scene are, what they are like and how they relate to one
    another, and answer the question below in one or two words: a thing, a person, a property, left
    or right, a place, or just yes or no.
    """,
    """
    What is the short answer to the question below? Find what it mentions in the scene, check
    properties and positions, and reply with one or two words: yes or no, left or right, a property,
    a person, a thing or a place.
    """,
    """
    One or two words are enough to answer the question below: yes, no, left, right, or the name of a
    property, place, person or thing. Go by the objects in this scene and by how they are arranged.
    """,
    """
    The question below names some things in this photo. Locate each of them, see what it is like and
    what is next to it, and answer in one or two words, such as a property, a place, a person, a
    thing, left or right, or yes or no.
    """,
    """
    If the question below can be answered with yes or no, or with left or right, reply with that
    word. Otherwise, name the thing, person, place or property in one or two words. Judge by what
    you see in the image, including how things relate to one another.
    """,
    official_name="GQA",
    title="GQA spatial relationship question answering",
    category="Perception",
)
def gqa(row: Row) -> Example:
    return Example(image=row.image, text=row.question, target=row.answer)


THINGS = ("bottle", "car", "chair", "boat", "fish", "tree", "umbrella", "house")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    questions: dict[str, dict[str, Any]] = {split: {} for split in SPLITS}
    for index in range(count):
        image_id = str(2000001 + index)
        picture, dialogue = side_by_side(index)
        write_image(root / "images" / f"{image_id}.jpg", picture)
        for place, (kind, question, answer) in enumerate(dialogue):
            questions[SPLITS[index % 4 == 3]][f"{10 * index + place:08d}"] = {
                "imageId": image_id,
                "question": question,
                "answer": answer,
                "fullAnswer": f"{answer}.".capitalize(),
                "isBalanced": True,
                "types": {"structural": "query", "semantic": kind},
            }
    for split, split_questions in questions.items():
        write_json(root / f"{split}_balanced_questions.json", split_questions)


def side_by_side(index: int) -> tuple[Image.Image, list[tuple[str, str, str]]]:
    """Draw two things beside each other or one above the other, and ask how they stand."""
    picture = canvas("gqa", index)
    one = THINGS[index % len(THINGS)]
    (other,) = pick(THINGS, 1, "gqa", index, "other", avoid=(one,))
    colors = pick(COLORS, 2, "gqa", index, "colours")
    halves = ((0.01, 0.26, 0.49, 0.74), (0.51, 0.26, 0.99, 0.74))
    relations = ("to the left of", "to the right of")
    if stable_hash("gqa", index, "stacked") % 2:
        halves = ((0.26, 0.01, 0.74, 0.49), (0.26, 0.51, 0.74, 0.99))
        relations = ("above", "below")
    for thing, color, edges in zip((one, other), colors, halves, strict=True):
        box = jitter_box(FRAME.part(*edges), "gqa", index, thing, by=0.15)
        icon(picture, thing, box, color)
    holds = stable_hash("gqa", index, "holds") % 2
    return picture, [
        ("rel", f"What is {relations[0]} the {other}?", one),
        ("rel", f"Is the {one} {relations[1 - holds]} the {other}?", ("no", "yes")[holds]),
        ("attr", f"What color does the {other} have?", colors[1]),
    ]
