"""VQA v2: open questions about COCO photographs, each with ten answers.

Layout: the authors of MultiInstruct (VT-NLP/MultiInstruct, download_scripts/vqa_v2.sh and
data_preprocessor/VQAv2+*.py) unpack the four JSON files into one folder; the owners' VQA API and
much training code keep them in `Questions/` and `Annotations/`. Both are read. The owners' download
page tells how questions and answers were normalized; the Hugging Face loading script
(HuggingFaceM4/VQAv2) names CC BY 4.0 as the license.

The target is the answer that the release calls `multiple_choice_answer`, the most frequent one.

Question and image are matched as in MultiInstruct: half of the images keep a question of their own,
half are shown one that was asked about another image. There it is any question, so that many fit
by chance (`Is there a dog?` has an answer in every picture). Here only questions are used that name
a thing, and a foreign one must share no such word with any question about the image; what nobody
asked about may still be in the picture, so that a few wrong matches remain.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from visionflan import drawing, layouts, specimens
from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import icons
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import vqa as layouts_vqa
from visionflan.layouts.fields import integer, read_records, text
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of

# Words that do not say which thing a question is about.
COMMON = """
    a about all and any are at be been being brand by can color colored colors colour could did do
    does doing down for from front had has have her his how if in into is it its kind made make
    many much name near not number of off on one or out over shape side sort that the their them
    there these they this those to type under up was were what when where which who why will with
    would
"""
# Things in so many pictures that a question about them fits other images by chance.
EVERYWHERE = """
    animal animals background boy boys camera child children city day floor girl girls ground guy
    he image kid kids lady light man man's men night object objects people person photo photograph
    picture place player players room scene season she sky someone something thing things time
    tree trees wall walls weather woman woman's women year
"""
common, everywhere = frozenset(COMMON.split()), frozenset(EVERYWHERE.split())
QUESTION_WORDS = frozenset({"what", "which", "where", "who", "why", "how"})
POINTERS = frozenset({"the", "this", "these", "those"})


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    answers: tuple[str, ...]
    shown_question: str

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="VQAv2",
    homepage="https://visualqa.org",
    license="CC-BY-4.0",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="Goyal, Khot, Summers-Stay, Batra, Parikh (2017), Making the V in VQA Matter: "
    "Elevating the Role of Image Understanding in Visual Question Answering, CVPR",
    obtain="""
        Download the questions and the annotations of the training and validation splits of the
        balanced real images from visualqa.org/download.html, and unpack them here. The images are
        train2014 and val2014 of COCO: put them here, or in a directory named coco beside this one.
    """,
    tree="""
        v2_OpenEnded_mscoco_train2014_questions.json
        v2_OpenEnded_mscoco_val2014_questions.json
        v2_mscoco_train2014_annotations.json
        v2_mscoco_val2014_annotations.json
        train2014/COCO_train2014_000000458752.jpg
        val2014/COCO_val2014_000000262148.jpg
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    for pair in layouts_vqa.find_splits(root, "Questions", "Annotations", prefix="v2_"):
        others = Others(pair.questions)
        for vqa in layouts_vqa.read_split(pair):
            if isinstance(vqa, BrokenRow):
                yield vqa
                continue
            image = layouts.coco_image(root, pair.split, vqa.image_id)
            shown = others.question_to_show(vqa)
            yield Row(vqa.key, image, vqa.question, vqa.answer, vqa.answers, shown)


def image_and_question(entry: dict[str, Any]) -> tuple[int, str]:
    return integer(entry, "image_id"), text(entry, "question")


class Others:
    """The questions of a split, to find one that was asked about another image."""

    def __init__(self, questions: Path) -> None:
        self.of_image: dict[int, list[str]] = {}
        entries = enumerate(json_field_values(questions, "questions"))
        for pair in read_records(questions, entries, image_and_question):
            if not isinstance(pair, BrokenRow):
                self.of_image.setdefault(pair[0], []).append(pair[1])
        self.pool = [
            question for own in self.of_image.values() for question in own if things(question)
        ]

    def question_to_show(self, vqa: layouts_vqa.VqaQuestion) -> str:
        """Return the question itself or a foreign one, by the key; none if it names nothing."""
        if not things(vqa.question):
            return ""
        if stable_hash(vqa.key, "question image match") % 2 == 0:
            return vqa.question
        own = {word for known in self.of_image.get(vqa.image_id, []) for word in words(known)}
        for question in pick(self.pool, 8, vqa.key, "foreign question"):
            if own.isdisjoint(things(question)):
                return question
        return vqa.question


def words(question: str) -> set[str]:
    """Return the words of a question that are not common ones, in the singular."""
    tokens = re.findall(r"[a-z']+", question.lower())
    return {word.removesuffix("s") for word in tokens if word not in common}


def things(question: str) -> set[str]:
    """Return the words that say what a question is about; none where it would fit many images."""
    tokens = re.findall(r"[a-z']+", question.lower())
    if QUESTION_WORDS.isdisjoint(tokens[:1]) or tokens[:2] == ["how", "many"]:
        return set()
    return set() if POINTERS.isdisjoint(tokens) or everywhere & set(tokens) else words(question)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records = []
    for index in range(count):
        image_id = index + 1
        picture, dialogue = two_things(index) if index % 3 else several(index)
        name = f"train2014/COCO_train2014_{image_id:012d}.jpg"
        specimens.write_image(root / name, picture)
        for number, (question, answer) in enumerate(dialogue):
            answers_given = [answer] * 7 + [ALSO_SAID.get(answer, answer)] * 3
            answers = [
                {"answer": words, "answer_confidence": "yes", "answer_id": place}
                for place, words in enumerate(answers_given, start=1)
            ]
            records.append(
                {
                    "image_id": image_id,
                    "question": question,
                    "question_id": image_id * 1000 + number,
                    "question_type": "none of the above",
                    "answer_type": "other",
                    "multiple_choice_answer": answer,
                    "answers": answers,
                }
            )
    names = ("v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json")
    layouts_vqa.write_split(
        layouts_vqa.SplitFiles("train2014", root / names[0], root / names[1]), records
    )


ALSO_SAID = {"gray": "silver", "purple": "violet", "1": "one", "2": "two", "3": "three"}
THINGS = ("bird", "car", "chair", "cup", "fish", "house", "kite", "lamp")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "black")
Drawn = tuple[Image.Image, list[tuple[str, str]]]


def two_things(index: int) -> Drawn:
    """Draw two things side by side or one above the other, and ask about both."""
    picture = drawing.canvas("vqav2", index)
    left, right = THINGS[index % 8], THINGS[(index + 1 + stable_hash("vqav2", index) % 7) % 8]
    colors = pick(COLORS, 2, "vqav2", index, "colours")
    boxes = ((0.01, 0.26, 0.49, 0.74), (0.51, 0.26, 0.99, 0.74))
    if stable_hash("vqav2", index, "stacked") % 2:
        boxes = ((0.26, 0.01, 0.74, 0.49), (0.26, 0.51, 0.74, 0.99))
    for thing, color, edges in zip((left, right), colors, boxes, strict=True):
        box = drawing.jitter_box(drawing.FRAME.part(*edges), "vqav2", index, thing, by=0.15)
        icons.icon(picture, thing, box, color)
    (absent,) = pick(THINGS, 1, "vqav2", index, "absent", avoid=(left, right))
    there = stable_hash("vqav2", index, "there") % 2
    sought = (left, right)[stable_hash("vqav2", index, "asked") % 2] if there else absent
    return picture, [
        (f"What color is the {left}?", colors[0]),
        (f"What color is the {right}?", colors[1]),
        (f"Is there a {sought} in this picture?", ("no", "yes")[there]),
    ]


def several(index: int) -> Drawn:
    """Draw one thing one to four times, and ask how many there are."""
    picture = drawing.canvas("vqav2", index)
    (thing,) = pick(THINGS, 1, "vqav2", index, "thing")
    (color,) = pick(COLORS, 1, "vqav2", index, "colour")
    number = 1 + index // 3 % 4
    for box in drawing.choose_cells(number, "vqav2", index, columns=2, rows=2):
        icons.icon(picture, thing, drawing.jitter_box(box, "vqav2", index, round(box.left)), color)
    plural = f"{thing}s" if thing != "fish" else thing
    return picture, [
        (f"How many {plural} are there?", str(number)),
        (f"What color is the {thing}?" if number == 1 else f"What color are the {plural}?", color),
    ]


@dataset.task(
    """
    Somebody wants to know something about this photograph. Look at it closely and answer the
    question as briefly as you can: one word, a number, or a phrase of two or three words.
    """,
    official_name="VQAv2",
    title="VQAv2 general VQA",
    category="Perception",
    metric="vqa_accuracy",
)
def vqav2(row: Row) -> Example:
    return Example(image=row.image, text=row.question, target=row.answer, references=row.answers)


@dataset.task(
    """
    The question below may have been written about a different image. Decide whether what this image
    shows is enough to answer the question, and choose the option that says so.
    """,
    official_name="question_image_match",
    title="MSCOCO question image matching",
    category="Image Text Matching",
)
def question_image_match(row: Row) -> Example | None:
    if not row.shown_question:
        return None
    fits = "the image is enough to answer the question"
    differs = "the image is not enough to answer the question"
    target = fits if row.shown_question == row.question else differs
    return Example(image=row.image, text=row.shown_question, options=(fits, differs), target=target)
