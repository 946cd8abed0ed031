"""TextCaps: captions of photographs with writing in them, for which the writing must be read.

Witnesses of the layout: the builder in google-research/big_vision
(big_vision/datasets/textcaps/textcaps.py: `TextCaps_0.1_<split>.json` hold records under `data`,
one for each caption, with `image_id`, `image_name` and `caption_str`; train_val_images.zip unpacks
into `train_images`, where the pictures of both splits lie) and a record as shipped in public test
code, which has the five captions of its image as `reference_strs` besides. The records of an image
are gathered by `image_id`, as that builder does. The test split has no captions and is not read.
The images are those of TextVQA and come from Open Images.

One of the captions, drawn by hash, is the target, and all are references. Blanks are trimmed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, WHITE, canvas, jitter_box, polygon, word
from visionflan.errors import UnusableError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import existing_paths, inside
from visionflan.layouts.fields import identifier, read_records, text
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val")


class Row(NamedTuple):
    key: str
    image: Path
    captions: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="TextCaps",
    homepage="https://textvqa.org/textcaps/",
    license="CC-BY-4.0",
    terms="The photographs come from Open Images, whose owner lists them as CC BY 2.0.",
    citation="O. Sidorov, R. Hu, M. Rohrbach and A. Singh (2020), TextCaps: a Dataset for Image "
    "Captioning with Reading Comprehension, ECCV",
    obtain="""
        Download the training and validation sets and the images that belong to both from the
        homepage, and unpack them here.
    """,
    tree="""
        TextCaps_0.1_train.json
        TextCaps_0.1_val.json
        train_images/011e7e629fb9ae7b.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    files = [root / f"TextCaps_0.1_{split}.json" for split in SPLITS]
    there = existing_paths(*files)
    for split, path in zip(SPLITS, files, strict=True):
        if path in there:
            yield from read_split(root, split, path)


def read_split(root: Path, split: str, path: Path) -> Iterator[Row | BrokenRow]:
    """Gather the captions of each image, in the order in which the images come."""
    captions: dict[tuple[str, str], dict[str, None]] = {}

    def add_caption(record: Any) -> None:
        image = identifier(record, "image_id"), text(record, "image_name")
        captions.setdefault(image, {})[text(record, "caption_str")] = None

    records = enumerate(json_field_values(path, "data"))
    yield from filter(None, read_records(path, records, add_caption))
    for (image_id, name), texts in captions.items():
        picture = inside(root / "train_images", f"{name}.jpg")
        yield Row(f"{split}/{image_id}", picture, tuple(texts))


@dataset.task(
    """
    There is writing in this picture: on a sign, a screen, a book, a package or something similar.
    Read it, and describe the picture in one sentence that includes the important words.
    """,
    """
    What does this picture show, and what is written in it? Answer both in one sentence that quotes
    the most important words.
    """,
    """
    In one sentence, describe the picture together with its text: name the object or scene, and work
    in the main words that can be read on it, for example on a label, a sign or a screen.
    """,
    """
    A friend who cannot see this picture wants to know what it shows and what the writing in it
    says. Reply with a single sentence, and repeat those of the written words that matter most.
    """,
    """
    First read the words on the sign, cover, package, display or whatever carries them. Then write a
    caption of one sentence that says what the thing or scene is and repeats the key words.
    """,
    official_name="textcaps+caption_generation",
    title="TextCaps image captioning with reading comprehension",
    category="Fine-grained Captioning",
    metric="cider",
)
def caption_generation(row: Row) -> Example:
    captions = tuple(filter(None, (" ".join(caption.split()) for caption in row.captions)))
    if not captions:
        raise UnusableError("no_caption", "every caption of the image is empty")
    return Example(
        image=row.image,
        target=pick(captions, 1, row.key, "caption")[0],
        references=captions,
        repaired=() if captions == row.captions else ("trimmed_blanks",),
    )


WORDS = ("STOP", "OPEN", "EXIT", "TAXI", "SALE", "MILK")
INKS = ("red", "green", "blue", "purple", "brown", "black")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for index in range(count):
        split, name = SPLITS[index % 4 == 3], f"{index:016x}"
        picture, captions = lettered(index)
        write_image(root / "train_images" / f"{name}.jpg", picture)
        records[split] += [
            {
                "image_id": name,
                "image_name": name,
                "image_path": f"train/{name}.jpg",
                "set_name": split,
                "caption_id": 5 * index + place,
                "caption_str": caption,
                "reference_strs": captions,
            }
            for place, caption in enumerate(captions)
        ]
    for split, split_records in records.items():
        head = {"dataset_type": split, "dataset_name": "textcaps", "dataset_version": 0.1}
        write_json(root / f"TextCaps_0.1_{split}.json", {**head, "data": split_records})


def lettered(index: int) -> tuple[Image.Image, list[str]]:
    """Draw a sign, a shirt or a box with one word on it."""
    picture = canvas("textcaps", index)
    text = WORDS[index % len(WORDS)]
    thing = list(CARRIERS)[(index + index // len(WORDS)) % len(CARRIERS)]
    color = INKS[stable_hash("textcaps", index, "colour") % len(INKS)]
    box = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "textcaps", index, by=0.12)
    outline, space = CARRIERS[thing]
    pen = ImageDraw.Draw(picture)
    pen.polygon(polygon(box, outline), fill=COLORS[color])
    for edge in BOX_EDGES if thing == "box" else ():
        pen.line(polygon(box, edge), fill=WHITE)
    word(picture, text, box.part(*space), WHITE)
    return picture, [
        f"A {color} {thing} that says {text}.",
        f"A {thing} in {color} with the word {text} on it.",
        f"The word {text} is written in white on a {color} {thing}.",
        f"White letters on a {thing} read {text}. ",
        f"{text} stands in large letters on a {color} {thing}.",
    ]


# The outline of what carries the word, and the space that the word has on it.
CARRIERS: dict[str, tuple[list[tuple[float, float]], tuple[float, float, float, float]]] = {
    "sign": (
        [
            (0.3, 0.1),
            (0.7, 0.1),
            (1, 0.38),
            (1, 0.62),
            (0.7, 0.9),
            (0.3, 0.9),
            (0, 0.62),
            (0, 0.38),
        ],
        (0.08, 0.3, 0.92, 0.7),
    ),
    "shirt": (
        [
            *((0.2, 0.1), (0.4, 0.1), (0.5, 0.2), (0.6, 0.1), (0.8, 0.1), (1, 0.3), (0.94, 0.52)),
            *((0.9, 0.44), (0.9, 1), (0.1, 1), (0.1, 0.44), (0.06, 0.52), (0, 0.3)),
        ],
        (0.12, 0.36, 0.88, 0.76),
    ),
    "box": (
        [(0, 0.36), (0.16, 0.16), (1, 0.16), (1, 0.7), (0.84, 0.9), (0, 0.9)],
        (0.04, 0.38, 0.8, 0.88),
    ),
}
# The edges between the front of a box and its top and right side.
BOX_EDGES: tuple[list[tuple[float, float]], ...] = (
    [(0, 0.36), (0.84, 0.36), (1, 0.16)],
    [(0.84, 0.36), (0.84, 0.9)],
)
