"""VisDial v1.0: ten rounds of questions and answers by two people about a photograph from COCO.

Witnesses of the layout: the challenge's starter code (batra-mlp-lab/visdial-challenge-starter-
pytorch, `visdialch/data/readers.py`: under `data` the lists `questions`, `answers` and `dialogs`,
whose rounds point into the other two; ten rounds in training and validation) and training code
(VT-NLP/MultiInstruct, `data_preprocessor/visdial.py`: `visdial_1.0_val.json`, whose pictures are
`VisualDialog_val2018/VisualDialog_val2018_<12 digits>.jpg`). The training pictures are those of
train2014 and val2014 of COCO together, as `data/extract_features_detectron.py` of the starter code
says; a dialogue gives a number without a folder, so that its picture is taken from val2014 if it is
there and else from train2014. The test split lacks the last answers, and is not read.

The number in a task's name is that of the rounds given before the question that is asked, as the
public samples of three of them have it. The caption of the picture, which the release gives too, is
not shown in them. The two speakers go under Q and A here.

The release has no marks of interrogation, which the samples have: they are added. Runs of blanks
become single ones.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import COLORS, FRAME, RGB, SIZE, Box, canvas, jitter_box, shape
from visionflan.drawing.icons import icon
from visionflan.hashing import pick, shuffled, stable_hash
from visionflan.layouts import coco_image, require
from visionflan.layouts.fields import FieldError, integer, items, read_records, text
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

ROUNDS = 10


class Round(NamedTuple):
    question: str
    answer: str


class Row(NamedTuple):
    key: str
    image: Path
    rounds: tuple[Round, ...]

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="VisDial",
    homepage="https://visualdialog.org/",
    license="CC-BY-4.0",
    terms="The license is that of the dialogues; the images of COCO keep the terms of Flickr.",
    citation="A. Das, S. Kottur, K. Gupta, A. Singh, D. Yadav, J. M. F. Moura, D. Parikh and "
    "D. Batra (2017), Visual Dialog, CVPR",
    obtain="""
        Download the dialogues of training and validation and the images of validation from the
        data page of the homepage, version 1.0. The images of training are train2014 and val2014 of
        COCO, here or in a directory named coco beside this one.
    """,
    tree="""
        visdial/
            visdial_1.0_train.json
            visdial_1.0_val.json
            train2014/COCO_train2014_000000378466.jpg ...
            val2014/COCO_val2014_000000287140.jpg ...
            VisualDialog_val2018/VisualDialog_val2018_000000185565.jpg ...
    """,
    split_field="split",
    no_group="each image has one dialogue",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    train, val = (root / f"visdial_1.0_{split}.json" for split in ("train", "val"))
    require(train, val)
    for split, path in (("train", train), ("val", val)):
        if not path.exists():
            continue
        questions, answers = (
            list(json_field_values(path, "questions")),
            list(json_field_values(path, "answers")),
        )
        dialogs = enumerate(json_field_values(path, "dialogs"))
        texts = {"question": questions, "answer": answers}
        yield from read_records(path, dialogs, partial(to_row, root, split, texts))


def to_row(root: Path, split: str, texts: dict[str, list[Any]], dialog: dict[str, Any]) -> Row:
    image_id = integer(dialog, "image_id")
    rounds = tuple(
        Round(pointed(texts, turn, "question"), pointed(texts, turn, "answer"))
        for turn in items(dialog, "dialog")
    )
    return Row(f"{split}/{image_id}", picture(root, split, image_id), rounds)


def pointed(texts: dict[str, list[Any]], turn: Any, name: str) -> str:
    """Return the text that a round refers to; a negative index means none."""
    index = integer(turn, name)
    if index < 0:
        raise FieldError(f"{name} points to {index}")
    return text(texts, name, index)


def picture(root: Path, split: str, image_id: int) -> Path:
    """Place the picture of a dialogue, which in training may be in either folder of COCO."""
    if split == "val":
        return root / "VisualDialog_val2018" / f"VisualDialog_val2018_{image_id:012d}.jpg"
    in_val = coco_image(root, "val2014", image_id)
    return in_val if in_val.exists() else coco_image(root, "train2014", image_id)


def answer_after(row: Row, count: int) -> Example | None:
    """Make an example of the question after `count` rounds, which are shown with answers."""
    if len(row.rounds) <= count:
        return None
    rounds_shown = row.rounds[: count + 1]
    trimmed = [Round(*(" ".join(words.split()) for words in each)) for each in rounds_shown]
    marked = [(with_mark(each.question), each.answer) for each in trimmed]
    lines = [line for question, answer in marked for line in (f"Q: {question}", f"A: {answer}")]
    mended = {
        "trimmed_blanks": trimmed != list(rounds_shown),
        "question_mark": any(
            each.question != question for each, (question, _) in zip(trimmed, marked, strict=True)
        ),
    }
    return Example(
        image=row.image,
        text="\n".join(lines[:-1]),
        target=trimmed[-1].answer,
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


def with_mark(question: str) -> str:
    """Add the question mark to a question that lacks one."""
    return question if question.endswith(("?", ".", "!")) else f"{question}?"


@dataset.task(
    """
    Two people have begun to talk about this photograph: one cannot see it and asks, the other looks
    at it and answers. Their first words are given below. Reply to the last question, briefly and in
    the tone of the replies before it.
    """,
    """
    What does the person who sees this photograph reply to the last question below? The person
    asking cannot see it. Keep the reply short and in the same tone as the earlier ones.
    """,
    """
    Briefly, and in the style of the earlier replies, answer the question at the end of the chat
    below. It is about this photograph, which only one of the two people chatting can see.
    """,
    """
    You are chatting with somebody who cannot see the photograph that you have. The chat has just
    started and is given below. Now it is your turn: look at the photograph and give a short answer
    to the question that was asked last, so that it sounds like your answers so far.
    """,
    """
    The conversation below has only just begun and ends with a question about the photograph. Write
    the missing reply of the one who can see it, as short and casual as the replies that come
    before.
    """,
    title="Visdial visual dialogue with short context",
    official_name="visdial+answer_question_2",
    category="Visual Dialogue",
    metric="rouge_l",
    published_form='the answer after "Assistant:" or another name of the speaker',
)
def answer_question_2(row: Row) -> Example | None:
    return answer_after(row, 2)


@dataset.task(
    """
    Look at the picture and read the chat about it below, in which Q marks questions and A marks
    answers. Four questions have been answered; answer the fifth in a word or a short phrase.
    """,
    title="Visdial visual dialogue with medium context",
    official_name="visdial+answer_question_4",
    category="Visual Dialogue",
    metric="rouge_l",
)
def answer_question_4(row: Row) -> Example | None:
    return answer_after(row, 4)


@dataset.task(
    """
    The conversation below about this scene has gone on for six exchanges. Take the part of A, who
    sees the scene, and answer the last question, keeping in mind what "it" or "they" refers to in
    the earlier lines. A few words are enough.
    """,
    title="Visdial visual dialogue with long context",
    official_name="visdial+answer_question_6",
    category="Visual Dialogue",
    metric="rouge_l",
)
def answer_question_6(row: Row) -> Example | None:
    return answer_after(row, 6)


@dataset.task(
    """
    Somebody has been finding out about an image by asking a viewer one question after another, nine
    in all. Give the viewer's short answer to the tenth and final question below. It should agree
    with the image and with everything that the viewer has said so far.
    """,
    title="Visdial visual dialogue with very long context",
    official_name="visdial+answer_question_9",
    category="Visual Dialogue",
    metric="rouge_l",
    published_form='the answer after "Robot:" or another name of the speaker',
)
def answer_question_9(row: Row) -> Example | None:
    return answer_after(row, 9)


THINGS = ("dog", "cat", "bird", "fish", "car", "bus", "boat", "bicycle")
OTHERS = ("tree", "house", "nothing")
STRONG = ("red", "blue", "green", "orange", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    lists: dict[str, dict[str, list[Any]]] = {}
    for index in range(count):
        folder = ("train2014", "val2014", "train2014", "val2018")[index % 4]
        release = "VisualDialog" if folder == "val2018" else "COCO"
        parent = "VisualDialog_val2018" if folder == "val2018" else folder
        image, rounds = scene(index)
        write_image(root / parent / f"{release}_{folder}_{100 + index:012d}.jpg", image)
        split = "val" if folder == "val2018" else "train"
        data = lists.setdefault(split, {"dialogs": [], "questions": [], "answers": []})
        first = len(data["questions"])
        turns = [{"question": place, "answer": place} for place in range(first, first + ROUNDS)]
        data["questions"] += [question for question, _ in rounds]
        data["answers"] += [answer for _, answer in rounds]
        data["dialogs"].append({"image_id": 100 + index, "caption": "a scene", "dialog": turns})
    for split, data in lists.items():
        content = {"version": "1.0", "split": split, "data": data}
        write_json(root / f"visdial_1.0_{split}.json", content)


def scene(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw a big thing, what may stand beside it, and round things below; talk about them."""
    thing, other = pick(THINGS, 1, index, "thing")[0], pick(OTHERS, 1, index, "other")[0]
    color, round_color = pick(STRONG, 2, index, "colours")
    left, night, framed, solid, large = (
        stable_hash("visdial", index, fact) % 2 == 0 for fact in range(5)
    )
    count = 1 + stable_hash(index, "count") % 3
    image = Image.new("RGB", (SIZE, SIZE), dark(index)) if night else canvas("visdial", index)
    if framed:
        ImageDraw.Draw(image).rectangle(FRAME, outline=COLORS["yellow"], width=5)
    near, far = Box(6, 6, 56, 62), Box(60, 10, 92, 58)
    if not left:
        near, far = Box(40, 6, 90, 62), Box(6, 10, 36, 58)
    icon(image, thing, jitter_box(near, index, "near"), color)
    if other != "nothing":
        icon(image, other, jitter_box(far, index, "far"), "yellow" if other == "house" else "cyan")
    size = 26 if large else 12
    for place in range(count):
        box = Box(7 + 28 * place, 90 - size, 7 + 28 * place + size, 90)
        shape(image, "circle" if solid else "ring", round_color, box)
    exchanges = [
        ("what is the big thing", thing),
        ("what color is the big thing", color),
        ("on which side is the big thing", "left" if left else "right"),
        ("is it day or night", "night" if night else "day"),
        ("what is beside the big thing", other),
        ("does the picture have a frame", "yes, a yellow one" if framed else "no"),
        ("how many round things are there", ("only one", "two", "three")[count - 1]),
        ("what color are the round things", round_color),
        ("are the round things solid", "yes" if solid else "no, they are rings"),
        ("are the round things large or small", "large" if large else "small"),
    ]
    return image, shuffled(exchanges, index, "asked")


def dark(index: int) -> RGB:
    """Return the color of a night sky."""
    return (
        35 + stable_hash(index, "r") % 16,
        40 + stable_hash(index, "g") % 16,
        75 + stable_hash(index, "b") % 16,
    )
