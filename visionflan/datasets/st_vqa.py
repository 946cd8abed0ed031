"""ST-VQA: questions that are answered by reading text in photographs of everyday scenes.

Witnesses of the layout: several training and evaluation codes that read the challenge's
`train_task_3.json` as downloaded. Each record of its list `data` has `question`, `answers`,
`dataset` ("coco-text"), `file_name` and `file_path`; the codes find the pictures under
`train/<file_path>`, under `<file_path>` itself or under `train_imgs/<dataset>/<file_name>`, so that
a file path is the dataset and the file name, with or without `train/` before them. All these places
are read. The identifier `question_id` was seen in the use of test files only; where a training
record has none, the question goes by its place in the file.

The challenge's three tasks differ in the list of words to choose from (tasks 1 and 2); this is the
file of task 3, without one. The test split has no answers and is not read.

Known defects: many questions are written without capitals and question marks, and stay as they are.
At least one picture is one pixel wide or high; the build counts it as one that cannot be used.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, SIZE, WHITE, Box, jitter_box, word
from visionflan.drawing.styles import photo
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, require
from visionflan.layouts.fields import text
from visionflan.layouts.rrc import RrcQuestion, read_questions
from visionflan.specimens import write_image, write_json

ANNOTATIONS = "train_task_3.json"

dataset = Dataset[RrcQuestion](
    title="ST-VQA",
    homepage="https://rrc.cvc.uab.es/?ch=11",
    license="unknown",
    terms="""
        No license was found on the owners' pages. The images come from COCO-Text, Visual Genome,
        VizWiz, ImageNet, ICDAR 2013 and 2015 and the IIIT Scene Text Retrieval set, and keep the
        terms of each.
    """,
    citation="A. F. Biten, R. Tito, A. Mafla, L. Gomez, M. Rusinol, E. Valveny, C. V. Jawahar and "
    "D. Karatzas (2019), Scene Text Visual Question Answering, ICCV",
    obtain="""
        Register at rrc.cvc.uab.es and download from the page of challenge 11 the training images
        and the training annotations of task 3.
    """,
    tree="""
        st_vqa/
            train_task_3.json
            train/
                coco-text/COCO_train2014_000000430692.jpg ...
                visualgenome/2349538.jpg ...
                vizwiz/, imagenet/, icdar/, iiit_text/
    """,
    split_field="split",
    no_group="each image belongs to itself alone",
)


@dataset.reader
def read(root: Path) -> Iterator[RrcQuestion | BrokenRow]:
    annotations = require(*(root / folder / ANNOTATIONS for folder in ("", "Annotations", "train")))
    images = require(*(root / name for name in ("train", "train_imgs", "Images/train")), root)

    def picture(record: dict[str, Any]) -> Path:
        if "file_path" in record:
            return inside(images, text(record, "file_path").removeprefix("train/"))
        return inside(images / text(record, "dataset"), text(record, "file_name"))

    yield from read_questions(annotations, "train", picture)


@dataset.task(
    """
    Something in this photograph can be read: a sign, a label, a license plate, a screen. Use what
    it says to answer the question below, and reply with the words or digits as they appear there.
    """,
    """
    What does the writing in this photograph say in answer to the question below? Copy the words or
    digits from the sign, label, plate or screen where you find them.
    """,
    """
    Answer the question below by reading. The answer is written somewhere in the scene, for example
    on a sign, a screen, a license plate or a label; copy it as it appears, without other words.
    """,
    """
    You are reading signs and labels aloud for a friend who forgot their glasses. The friend points
    at this scene and asks the question below. Reply with exactly the words or digits that are
    written there and answer it.
    """,
    """
    Copy from the photograph just the words or digits that answer the question below. They may be on
    a screen, a vehicle, a package, a sign or anything else with writing on it.
    """,
    title="ST-VQA scene text VQA",
    official_name="STVQA+image_question_answer",
    category="OCR",
    metric="anls",
)
def image_question_answer(row: RrcQuestion) -> Example:
    return row.example()


WORDS = ("STOP", "TAXI", "EXIT", "OPEN", "SALE", "BUS", "CAFE", "BANK", "GO", "ZOO")
BOARDS = ("red", "blue", "green", "purple", "brown")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: list[dict[str, object]] = []
    for index in range(count):
        folder = ("coco-text", "visualgenome")[index % 2]
        name = f"{600000 + index}.jpg"
        image, exchanges = street(index)
        write_image(root / "train" / folder / name, image)
        records += [
            {
                "question": question,
                "question_id": len(records) + number,
                "dataset": folder,
                "file_name": name,
                "file_path": f"{folder}/{name}",
                "answers": [answer, answer.lower()],
                "set_name": "train",
            }
            for number, (question, answer) in enumerate(exchanges)
        ]
    head = {"dataset_name": "st-vqa", "dataset_split": "train", "task_name": "task3"}
    write_json(root / ANNOTATIONS, {**head, "data": records})


def street(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw a street with one sign on a post, or with two hanging one above the other."""
    number = 1 + stable_hash("signs", index) % 2
    words = pick(WORDS, number, index, "words")
    boards = pick(BOARDS, number, index, "boards")
    subject = Image.new("RGBA", (SIZE, SIZE))
    pen = ImageDraw.Draw(subject)
    pen.rectangle(FRAME.part(0.47, 0.1, 0.53, 1), fill=(90, 90, 95))
    for row in range(number):
        place = FRAME.part(0.02, row / number, 0.98, (row + 1) / number)
        board: Box = jitter_box(place.part(0, 0.06, 1, 0.94), "board", index, row)
        if number == 1:
            board = board.part(0, 0.05, 1, 0.65)
        pen.rounded_rectangle(board, 6, fill=COLORS[boards[row]], outline=BLACK, width=2)
        word(subject, words[row], board.part(0.05, 0.08, 0.95, 0.92), WHITE)
    if number == 1:
        return photo(subject, "street", index), [("what is written on the sign", words[0])]
    return photo(subject, "street", index), [
        (f"What does the {board} sign say?", text)
        for board, text in zip(boards, words, strict=True)
    ]
