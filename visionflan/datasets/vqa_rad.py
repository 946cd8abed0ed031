"""VQA-RAD: questions that clinicians asked about radiology images, with their answers.

Witnesses of the layout: many loaders of the owners' single list, `VQA_RAD Dataset Public.json`
beside `VQA_RAD Image Folder` (`image_name`, `image_case_url` of the patient's case in MedPix,
`qid`, `question`, `answer` and `phrase_type`, which begins with `test_` for test questions, as the
owners' readme says), and the files of the split that most training code uses, `trainset.json` and
`testset.json` beside `images` (3,064 + 451 records with the same fields, on 314 of 315 pictures).
Of the split, 1,267 records are of the phrase type `frame`: they put a question into a template
("Is/Are there ...?"), and the other 2,248 are as many as the owners publish. The reader takes
either form; where both are there it takes the owners' list, since the split repeats it. All parts
have answers, and all are read.

Known defects: ten answers are numbers and not strings; a few hold a tab or blanks at an end; "yes"
and "Yes", "chest" and "Chest" come as they please. Blanks are mended, and every answer takes a
capital; the release's own spelling stays a reference. Under one image,
476 questions occur more than once, 24 of them with answers that disagree: they are all read, and
it is for the build to keep one and count the rest.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, SIZE, Box, jitter_box
from visionflan.hashing import stable_hash
from visionflan.layouts import existing_paths, inside, json_list, require
from visionflan.layouts.fields import answer, identifier, optional_text, read_records, text
from visionflan.specimens import write_image, write_json

OWNERS_LIST = "VQA_RAD Dataset Public.json"
SPLIT_FILES = {"trainset.json": "train", "testset.json": "test"}


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str
    split: str = ""
    case: str = ""


dataset = Dataset[Row](
    title="VQA-RAD",
    homepage="https://osf.io/89kps/",
    license="CC0-1.0",
    citation="J. J. Lau, S. Gayen, A. Ben Abacha and D. Demner-Fushman (2018), A dataset of "
    "clinically generated visual questions and answers about radiology images, Scientific Data",
    obtain="""
        Download the list and the image directory from the homepage. The split files that others
        use, with the same images in a directory named images, are read too.
    """,
    tree="""
        vqa_rad/
            VQA_RAD Dataset Public.json
            VQA_RAD Image Folder/synpic54610.jpg ...
        or
        vqa_rad/
            trainset.json
            testset.json
            images/synpic54610.jpg ...
    """,
    split_field="split",
    group_field="case",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    images = require(root / "VQA_RAD Image Folder", root / "images")
    for path in lists(root):
        yield from read_records(path, enumerate(json_list(path)), partial(to_row, images, path))


def to_row(images: Path, path: Path, record: dict[str, Any]) -> Row:
    image = inside(images, text(record, "image_name"))
    key, question = identifier(record, "qid"), text(record, "question")
    phrase = optional_text(record, "phrase_type")
    split = SPLIT_FILES.get(path.name, "train" if phrase else "")
    split = "test" if phrase.startswith("test_") else split
    address = optional_text(record, "image_case_url")
    case = address if address.startswith("http") else ""
    return Row(key, image, question, answer(record, "answer"), split, case)


def lists(root: Path) -> list[Path]:
    """Return the owners' list, or the two of the split that repeats it."""
    owners = root / OWNERS_LIST
    return [owners] if owners.exists() else existing_paths(*(root / name for name in SPLIT_FILES))


@dataset.task(
    """
    The picture is a medical scan, such as an X-ray or a slice of a CT or MRI examination. Examine
    it as a radiologist would and answer the question about it briefly: Yes or No if that is enough,
    otherwise a few words. Begin with a capital letter.
    """,
    """
    What would a radiologist answer to the question below, given this X-ray, CT slice or MRI slice?
    Say Yes or No if the question allows it; if not, use a few words, the first with a capital.
    """,
    """
    Reply with Yes, with No, or with a few words, the first of them capitalized. The question below
    is about the medical image shown, which is an X-ray, a slice of a CT or MRI examination or
    something similar.
    """,
    """
    You are on duty in the radiology department, and a colleague sends you this scan with the
    question below. Look at the organs, the kind of scan and anything abnormal, and answer briefly:
    Yes or No, or a few words where that is not enough, starting with a capital letter.
    """,
    """
    Look closely at this scan of a patient, made with X-rays, CT or MRI. Can the question below be
    answered with Yes or No? Then write that word. If it cannot, write a short phrase of a few
    words with a capital letter at its beginning.
    """,
    title="VQARAD VQA in radiology",
    official_name="VQARAD+question_answer",
    category="Outside Knowledge",
    metric="exact_match",
)
def question_answer(row: Row) -> Example:
    trimmed = " ".join(row.answer.split())
    is_yes_or_no = trimmed.lower() in {"yes", "no"}
    answer = trimmed.capitalize() if is_yes_or_no else trimmed[:1].upper() + trimmed[1:]
    question = " ".join(row.question.split())
    mended = {
        "trimmed_blanks": (question, trimmed) != (row.question, row.answer),
        "first_letter_capitalized": answer != trimmed,
    }
    return Example(
        image=row.image,
        text=question,
        target=answer,
        references=(answer,) if answer == trimmed else (answer, trimmed),
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


LUNGS = {"left": Box(12, 24, 42, 80), "right": Box(54, 24, 84, 80)}
SPOTS = {"left": (Box(18, 34, 38, 50), Box(18, 56, 38, 72)), "right": (Box(58, 34, 78, 50),)}


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: list[dict[str, str]] = []
    for index in range(count):
        name = f"synpic{10000 + index}.jpg"
        image, questions = (chest, head, arm)[index % 3](index)
        write_image(root / "VQA_RAD Image Folder" / name, image)
        records += [
            {
                "qid": f"{len(records) + place}",
                "image_name": name,
                "question": question,
                "answer": answer,
                "image_case_url": f"https://medpix.nlm.nih.gov/case?id={index}",
                "phrase_type": "test_freeform" if place == 2 and index % 3 == 0 else "freeform",
            }
            for place, (question, answer) in enumerate(questions, start=1)
        ]
    write_json(root / OWNERS_LIST, records)


def chest(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw two lungs with a bright spot in one of them, in both, or in none."""
    both = ("left", "right")
    image = film(index)
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle(jitter_box(FRAME, "chest", index), 20, fill=gray(95, index))
    held = (("left",), ("right",), both, both, *[()] * 4)[stable_hash("side", index) % 8]
    for lung in LUNGS.values():
        pen.ellipse(lung, fill=(25, 25, 25))
    for side in held:
        spots = SPOTS[side]
        pen.ellipse(
            jitter_box(spots[stable_hash("spot", index) % len(spots)], index, side), fill=(250,) * 3
        )
    questions = [
        ("What part of the body is shown?", "Chest"),
        ("Is there a bright nodule in the lungs?", "Yes" if held else "no"),
    ]
    if held:
        questions.append(("How many bright nodules are seen?", str(len(held))))
    if len(held) == 1:
        questions.append(("On which side of the image is the bright nodule?", held[0].capitalize()))
    return image, questions


def head(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw a slice through a skull, with a bright lesion in it or not."""
    image = film(index)
    pen = ImageDraw.Draw(image)
    skull = jitter_box(Box(14, 4, 82, 92), "head", index)
    pen.ellipse(skull, fill=gray(110, index), outline=(250, 250, 250), width=7)
    lesion = stable_hash("lesion", index) % 2 == 0
    if lesion:
        pen.ellipse(jitter_box(skull.part(0.25, 0.3, 0.75, 0.7), index, by=0.4), fill=(250,) * 3)
    return image, [
        ("What part of the body is shown?", "Head"),
        ("Is there a bright lesion in the brain?", "Yes" if lesion else "no"),
    ]


def arm(index: int) -> tuple[Image.Image, list[tuple[str, str]]]:
    """Draw a long bone with two knobs at each end, broken across the middle or whole."""
    image = film(index)
    pen = ImageDraw.Draw(image)
    flesh = jitter_box(Box(22, 0, 74, 96), "arm", index)
    pen.rectangle(flesh, fill=gray(80, index))
    broken = stable_hash("broken", index) % 2 == 0
    bone = (250,) * 3
    for left in (0.2, 0.5):
        for top in (0.06, 0.78):
            pen.ellipse(flesh.part(left, top, left + 0.3, top + 0.16), fill=bone)
    for top, bottom in ((0.16, 0.44), (0.58, 0.86)) if broken else ((0.16, 0.86),):
        pen.rectangle(flesh.part(0.36, top, 0.64, bottom), fill=bone)
    return image, [
        ("What is the bright structure?", "Bone"),
        ("Is the bone fractured?", "Yes" if broken else "no"),
    ]


def film(index: int) -> Image.Image:
    """Make the dark ground of a scan."""
    return Image.new("RGB", (SIZE, SIZE), gray(2, index))


def gray(level: int, index: int) -> tuple[int, int, int]:
    """Return a shade of gray a little above a level."""
    shade = level + stable_hash("shade", level, index) % 24
    return shade, shade, shade
