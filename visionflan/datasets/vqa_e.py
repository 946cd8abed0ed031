"""VQA-E: questions of VQA v2 whose answers are explained by a sentence drawn from a caption.

Witnesses of the layout: the owner's README (liqing-ustc/VQA-E: an annotation has the image's
number, `question_type`, `answers`, `multiple_choice_answer` and `explanation`, a pair of a sentence
and a score) and the loader of allenai/close (close/data/evqa.py), which reads
`VQA-E_train_set.json` and `VQA-E_val_set.json` as lists, finds the question under `question` and
the image's number under `img_id` (in the README `image_id`: both are taken) and, since no record
has a number of its own, names it by its place. Both splits are read, 181,298 and 88,488 records by
the count of code that uses them.

`image_captioning` takes the explanation for the caption, as the public sample of the paper's data
does ("there are two people that are seated at the table talking"). An explanation belongs to a
question but the task to an image, so that it is asked once of each image: one of the explanations,
drawn by hash, is the target, and all of them are references. Explanations are written small and
without a full stop: they get a capital and a full stop, and lose blanks.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import canvas, choose_cells, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick
from visionflan.layouts import coco_image, existing_paths
from visionflan.layouts.fields import answer, answer_list, integer, read_records, text
from visionflan.layouts.json_stream import json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val")


class Question(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    answers: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


class Explained(NamedTuple):
    key: str
    image: Path
    explanations: tuple[str, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Question | Explained](
    title="VQA-E",
    homepage="https://github.com/liqing-ustc/VQA-E",
    license="MIT",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="Q. Li, Q. Tao, S. Joty, J. Cai and J. Luo (2018), VQA-E: Explaining, Elaborating, "
    "and Enhancing Your Answers for Visual Questions, ECCV",
    obtain="""
        Download both sets through the link of the homepage and put them here. The images are
        train2014 and val2014 of COCO: put them here, or in a directory named coco beside this one.
    """,
    tree="""
        VQA-E_train_set.json
        VQA-E_val_set.json
        train2014/COCO_train2014_000000355487.jpg
        val2014/COCO_val2014_000000297147.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Question | Explained | BrokenRow]:
    files = [root / f"VQA-E_{split}_set.json" for split in SPLITS]
    there = existing_paths(*files)
    for split, path in zip(SPLITS, files, strict=True):
        if path in there:
            yield from read_split(root, split, path)


def read_split(root: Path, split: str, path: Path) -> Iterator[Question | Explained | BrokenRow]:
    """Read the questions of a split and then, image by image, what was explained of it."""
    explained: dict[int, dict[str, None]] = {}

    def to_question(numbered: tuple[int, Any]) -> Question:
        number, record = numbered
        image_id = integer(record, "img_id" if "img_id" in record else "image_id")
        explanation = text(record, "explanation", 0).strip()
        question = Question(
            key=f"{split}/{image_id}-{number}",
            image=coco_image(root, f"{split}2014", image_id),
            question=text(record, "question").strip(),
            answer=answer(record, "multiple_choice_answer").strip(),
            answers=tuple(words.strip() for words in answer_list(record, "answers")),
        )
        explained.setdefault(image_id, {})[explanation] = None
        return question

    yield from read_records(path, enumerate(enumerate(json_values(path))), to_question)
    for image_id, texts in explained.items():
        image = coco_image(root, f"{split}2014", image_id)
        yield Explained(f"{split}/{image_id}", image, tuple(filter(None, texts)))


@dataset.task(
    """
    Give the shortest correct answer to the question below about this photo. One word is usually
    enough: yes or no, a color, a number in digits, the name of a thing.
    """,
    official_name="VQA-E+visual_question_answering",
    title="VQA-E VQA",
    category="Perception",
    metric="vqa_accuracy",
)
def visual_question_answering(row: Question | Explained) -> Example | None:
    if isinstance(row, Explained):
        return None
    return Example(image=row.image, text=row.question, target=row.answer, references=row.answers)


@dataset.task(
    """
    In one plain sentence, tell somebody who has not seen this photo what is going on in it.
    """,
    """
    What is happening in this photo? Describe it in one plain sentence for a person who has not seen
    it.
    """,
    """
    Write a single, simple sentence that says who or what is in this photo and what is going on.
    """,
    """
    Someone asks you over the phone what you are looking at. It is this photo. Give your answer in
    one plain sentence about what happens in it.
    """,
    """
    You have one plain sentence to let a person who cannot see this photo know what takes place in
    it. Write that sentence.
    """,
    official_name="VQA-E+image_captioning",
    title="VQA-E short image captioning",
    category="Coarse-grained Captioning",
    metric="cider",
)
def image_captioning(row: Question | Explained) -> Example | None:
    if isinstance(row, Question):
        return None
    if not row.explanations:
        raise UnusableError("no_explanation", "every explanation about the image is empty")
    (chosen,) = pick(row.explanations, 1, row.key, "caption")
    return Example(
        image=row.image,
        target=sentence(chosen),
        references=tuple(map(sentence, row.explanations)),
        repaired=() if sentence(chosen) == chosen else ("capital_and_full_stop",),
    )


def sentence(words: str) -> str:
    """Add a capital and a full stop."""
    begun = " ".join(words.split())
    begun = begun[:1].upper() + begun[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


THINGS = ("cat", "cup", "car", "chair", "bird", "bottle", "lamp", "apple")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange")
NUMBERS = ("one", "two", "three", "four")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for index in range(count):
        split, image_id = SPLITS[index % 4 == 3], index + 1
        picture, dialogue = several(index)
        name = f"COCO_{split}2014_{image_id:012d}.jpg"
        write_image(root / f"{split}2014" / name, picture)
        records[split] += [
            {
                "img_id": image_id,
                "question": question,
                "question_type": "none of the above",
                "answers": [answer] * 10,
                "multiple_choice_answer": answer,
                "explanation": [explanation, 0.9],
            }
            for question, answer, explanation in dialogue
        ]
    for split, split_records in records.items():
        write_json(root / f"VQA-E_{split}_set.json", split_records)


def several(index: int) -> tuple[Image.Image, list[tuple[str, str, str]]]:
    """Draw one to four of a thing in one color, and ask about number, color and kind."""
    picture = canvas("vqa_e", index)
    thing = THINGS[index % len(THINGS)]
    number = 1 + (index + index // len(THINGS)) % len(NUMBERS)
    (color,) = pick(COLORS, 1, "vqa_e", index, "colour")
    for place, cell in enumerate(choose_cells(number, "vqa_e", index, columns=2, rows=2)):
        icon(picture, thing, jitter_box(cell, "vqa_e", index, place), color)
    many = f"{thing}s" if number > 1 else thing
    verb = "are" if number > 1 else "is"
    there = f"there {verb} {NUMBERS[number - 1]} {color} {many} "
    return picture, [
        (f"How many {thing}s are there?", str(number), there),
        (f"What color {verb} the {many}?", color, there),
        (f"What {verb} shown?", many, f"{NUMBERS[number - 1]} {many} painted {color} "),
    ]
