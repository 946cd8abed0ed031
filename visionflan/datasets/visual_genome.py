"""Visual Genome: 1.7 million questions that people asked about 108,000 photographs.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, download_scripts/README.md and
`data_preprocessor/visualgenome+open-domain_VQA.py`) read `question_answers.json`, a list with an
entry for each image whose `qas` hold `question`, `answer`, `image_id` and `qa_id`, and look for the
image in `VG_100K` and then in `VG_100K_2`, the folders of the two archives; mmpretrain
(datasets/visual_genome.py) reads the same file with all images in one folder `image`. All three
places are read. The catalogue of tensorflow/datasets (visual_genome) names CC BY 4.0.

Known defects: answers are written as sentences, "Ham."; some have no full stop, and the authors of
MultiInstruct cut off the last character of each. Here a full stop goes, and only that. It stays
where the answer has another one ("U.S.", "5 p.m."), and blanks are trimmed.

The paper's title speaks of spatial relations; as in the code of its authors, questions of all six
kinds (what, where, when, who, why, how) are asked. About half of the images are in COCO too, and
those of GQA come from here.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.hashing import pick
from visionflan.layouts import require
from visionflan.layouts.fields import identifier, integer, items, parse_record, read_row_lists, text
from visionflan.layouts.json_stream import json_values
from visionflan.specimens import write_image, write_json

FIRST, SECOND = "VG_100K", "VG_100K_2"


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str


dataset = Dataset[Row](
    title="Visual Genome",
    homepage="https://homes.cs.washington.edu/~ranjay/visualgenome/",
    license="CC-BY-4.0",
    terms="The photographs are those of YFCC100M and COCO and keep the terms of Flickr.",
    citation="R. Krishna, Y. Zhu, O. Groth, J. Johnson, K. Hata, J. Kravitz, S. Chen, Y. "
    "Kalantidis, L.-J. Li, D. A. Shamma, M. S. Bernstein and L. Fei-Fei (2017), Visual Genome: "
    "Connecting Language and Vision Using Crowdsourced Dense Image Annotations, International "
    "Journal of Computer Vision",
    obtain="""
        Download the question answers (version 1.2) and both parts of the images from the homepage,
        and unpack all three here.
    """,
    tree="""
        question_answers.json
        VG_100K/2389998.jpg
        VG_100K_2/1.jpg
    """,
    no_split="the questions are published undivided",
    no_group="each image belongs to itself alone",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    path = require(root / "question_answers.json")
    images = Images(root)
    entries = enumerate(enumerate(json_values(path)))
    yield from read_row_lists(path, entries, partial(read_entry, images))


def read_entry(images: "Images", numbered: tuple[int, Any]) -> Iterator[Row | BrokenRow]:
    """Read the questions about one image."""
    number, entry = numbered
    for index, record in enumerate(items(entry, "qas")):
        location = f"question {index} of entry {number}"
        yield parse_record(f"entry {number}/{index}", location, to_row, images, record)


class Images:
    """Where the image of a number is: the names of one of the two folders tell for both."""

    def __init__(self, root: Path) -> None:
        single, second = root / "image", root / SECOND
        self.first = single if single.is_dir() else root / FIRST
        self.second = second
        self.in_second = {path.name for path in second.iterdir()} if second.is_dir() else set()

    def path(self, image_id: int) -> Path:
        """Return the path of an image, whether or not it exists."""
        name = f"{image_id}.jpg"
        return (self.second if name in self.in_second else self.first) / name


def to_row(images: Images, record: Any) -> Row:
    """Parse one question."""
    image, question = images.path(integer(record, "image_id")), text(record, "question")
    return Row(identifier(record, "qa_id"), image, question, text(record, "answer"))


@dataset.task(
    """
    Somebody asked the question below about something in this picture: what it is, where it is, how
    it looks or what is going on. Answer in a few words rather than a sentence.
    """,
    official_name="visualgenome_vqa",
    title="Visual Genome spatial relationship question answering",
    category="Perception",
)
def visualgenome_vqa(row: Row) -> Example:
    question, trimmed = " ".join(row.question.split()), " ".join(row.answer.split())
    answer = trimmed.removesuffix(".") if trimmed.count(".") == 1 else trimmed
    mended = {
        "trimmed_blanks": (question, trimmed) != (row.question, row.answer),
        "full_stop_taken_off": answer != trimmed,
    }
    return Example(
        image=row.image,
        text=question,
        target=answer,
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


THINGS = ("cat", "cup", "lamp", "bird", "apple", "bottle")
COLORS = ("red", "green", "blue", "purple", "orange", "black")
# Where a thing is drawn when it is there of a table or a bed, and where that stands.
PLACES = {
    "On": ((0.28, 0.13, 0.72, 0.57), (0.05, 0.44, 0.95, 1.0)),
    "Under": ((0.28, 0.54, 0.72, 0.98), (0.0, 0.02, 1.0, 0.9)),
    "Beside": ((0.01, 0.4, 0.41, 0.8), (0.42, 0.2, 0.98, 0.8)),
}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    entries = []
    for index in range(count):
        image_id = index + 1
        picture, dialogue = around_a_table(index)
        write_image(root / (FIRST, SECOND)[index % 2] / f"{image_id}.jpg", picture)
        records = [
            {
                "image_id": image_id,
                "qa_id": 1000000 + 10 * index + place,
                "question": question,
                "answer": answer,
                "a_objects": [],
                "q_objects": [],
            }
            for place, (question, answer) in enumerate(dialogue)
        ]
        entries.append({"id": image_id, "qas": records})
    write_json(root / "question_answers.json", entries)


def around_a_table(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw a thing on, under or beside a table, and ask what and where it is."""
    picture = canvas("visual_genome", index)
    thing = THINGS[index % len(THINGS)]
    (place,) = pick(list(PLACES), 1, "visual_genome", index, "place")
    color, wood = pick(COLORS, 2, "visual_genome", index, "colours")
    inner, outer = PLACES[place]
    icon(picture, "table", FRAME.part(*outer), wood)
    icon(picture, thing, jitter_box(FRAME.part(*inner), "visual_genome", index), color)
    return picture, [
        (f"What is {place.lower()} the table?", f"A {thing}.".replace("A a", "An a")),
        (f"Where is the {thing}?", f"{place} the table."),
        (f"What color is the {thing}?", color.capitalize()),
    ]
