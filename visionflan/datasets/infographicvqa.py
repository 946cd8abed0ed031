"""InfographicVQA: questions on infographics, and on pages of the same challenge's documents.

Witnesses of the layout: google-research/big_vision (`big_vision/datasets/infovqa/infovqa.py`:
`infographicsVQA_train_v1.0.json` and `infographicsVQA_val_v1.0_withQT.json`, in whose list `data`
each record has `questionId`, `question`, `image_local_name` and `answers`, with the pictures in
`images`), and the loaders of the challenge's present packages, `infographicsvqa_qas` and
`infographicsvqa_images`. Some copies are named `infographicVQA_...`. All are read; the test split
has no answers and is not.

The two tasks differ in their pictures. The paper's public release calls a page of scanned paper
from SP-DocVQA (`kggn0226_28.png`, question 28528) an instance of `single_document_question`, with
an instruction on business and industry documents, and the instruction of `question_answer` speaks
of an infographic. Both are tasks of challenge 17, which is the homepage that the release gives for
this dataset: its first task was named "Single Document VQA", its third is Infographics VQA. So
`single_document_question` asks the questions of SP-DocVQA, whose files may lie in this folder or in
that of the dataset `docvqa` beside it. DOCVQA+question_answer asks the same questions in other
words, as far as can be known: a recipe that wants each question once leaves out one of the two.

Several items that make one answer are joined by commas in the release. Where a question has several
right answers, the first is the target and all are references.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import BLACK, COLORS, FRAME, WHITE, Box, canvas, jitter_box, word
from visionflan.drawing.icons import icon
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import inside, require
from visionflan.layouts.fields import text
from visionflan.layouts.rrc import (
    RrcQuestion,
    document_files,
    find_splits,
    read_documents,
    read_questions,
)
from visionflan.specimens import write_image, write_json

dataset = Dataset[RrcQuestion](
    title="InfographicVQA",
    homepage="https://rrc.cvc.uab.es/?ch=17&com=tasks",
    license="unknown",
    terms="""
        The infographics were gathered from the web and the pages come from the Industry Documents
        Library of the University of California, San Francisco; no license was found on the owners'
        pages.
    """,
    citation="M. Mathew, V. Bagal, R. Tito, D. Karatzas, E. Valveny and C. V. Jawahar (2022), "
    "InfographicVQA, WACV",
    obtain="""
        Register at rrc.cvc.uab.es and download from the page of challenge 17 the annotations and
        images of Infographics VQA (task 3), and for the second task here those of SP-DocVQA (task
        1), unless they are in the directory docvqa already.
    """,
    tree="""
        infographicvqa/
            infographicsvqa_qas/infographicsVQA_train_v1.0.json,
                infographicsVQA_val_v1.0_withQT.json
            infographicsvqa_images/20471.jpeg ...
            spdocvqa_qas/train_v1.0_withQT.json, val_v1.0_withQT.json
            spdocvqa_images/xnbl0037_1.png ...
    """,
    split_field="split",
    group_field="document",
    neighbors=("docvqa",),
)


@dataset.reader
def read(root: Path) -> Iterator[RrcQuestion | BrokenRow]:
    names = [f"{kind}VQA_{{split}}_v1.0" for kind in ("infographics", "infographic")]
    files = find_splits(
        root,
        ("infographicsvqa_qas", "question_answer", "qas", ""),
        *(f"{name}{ending}.json" for name in names for ending in ("_withQT", "")),
    )
    own = document_files(root)
    if not files and not own:
        raise ReleaseError(f"{root} contains no infographicsVQA_train_v1.0.json of the challenge")
    for split, path in files.items():
        images = require(root / "infographicsvqa_images", root / "images")

        def picture(record: dict[str, Any], images: Path = images) -> Path:
            return inside(images, text(record, "image_local_name"))

        yield from read_questions(path, f"infographic/{split}", picture)
    if own:
        yield from read_documents(root, "document/")
    else:
        yield from read_neighbor(root.parent / "docvqa")


def read_neighbor(release: Path) -> Iterator[RrcQuestion | BrokenRow]:
    """Read the pages of a release of DocVQA beside this one, whose faults cost nothing here."""
    try:
        yield from read_documents(release, "document/")
    except (ReleaseError, OSError) as error:
        yield BrokenRow("document", "neighbor_release", f"{error}")


@dataset.task(
    """
    Study this infographic, its numbers and drawings as well as its words, and answer the question
    below with what they say or add up to. Give only a number, a name or a short phrase, and put
    commas between the items if there are several.
    """,
    """
    What does the infographic say in answer to the question below? You may need to combine its
    words, numbers and drawings, or to calculate. Reply with a name, a number or a short phrase
    alone, and use commas if there are several items.
    """,
    """
    Give a number, a name or a short phrase, or several of them separated by commas, as the answer
    to the question below. Take it from the text, the figures and the pictures of this infographic,
    and do the math if necessary.
    """,
    """
    This poster presents facts through text, charts and drawings, and one of its readers asks the
    question below. Find the facts that matter, add or compare them if you must, and write just the
    answer: a short phrase, a name or a number, or a list with commas.
    """,
    """
    To answer the question below, find the right part of the infographic and read it closely,
    drawings included. The answer may be stated there or may have to be worked out. Keep it to a
    short phrase, a name or a number; if it has several items, list them with commas.
    """,
    title="InfographicVQA VQA",
    official_name="infographicvqa+question_answer",
    category="Reasoning",
    metric="anls",
)
def question_answer(row: RrcQuestion) -> Example | None:
    return row.example() if row.key.startswith("infographic/") else None


@dataset.task(
    """
    Answer the question below from this business document, which may be printed, typed or
    handwritten. Give only the answer, spelled exactly as it is in the document.
    """,
    title="InfographicVQA document level VQA",
    official_name="infographicvqa+single_document_question",
    category="Reasoning",
    metric="anls",
)
def single_document_question(row: RrcQuestion) -> Example | None:
    return row.example() if row.key.startswith("document/") else None


THINGS = ("dog", "fish", "car", "umbrella", "house", "tree", "bird", "airplane")
SHARES = tuple(f"{tens}0%" for tens in range(1, 10))
FIELDS = ("DAYS", "AGE", "ROOM", "TOTAL")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    posters: list[dict[str, object]] = []
    pages: list[dict[str, object]] = []
    for index in range(count):
        if index % 2:
            name, (image, exchanges) = f"form{index:04d}_1.png", form(index)
            write_image(root / "spdocvqa_images" / name, image)
            document = {"docId": index, "ucsf_document_id": name.partition("_")[0]}
            place, records = {"image": f"documents/{name}", **document}, pages
        else:
            name, (image, exchanges) = f"{20000 + index}.jpeg", poster(index)
            write_image(root / "infographicsvqa_images" / name, image)
            place, records = {"image_local_name": name, "image_url": ""}, posters
        records += [
            {**place, "questionId": len(records) + number, "question": text, "answers": answers}
            for number, (text, answers) in enumerate(exchanges)
        ]
    head = {"dataset_split": "train", "dataset_version": "1.0"}
    own = root / "infographicsvqa_qas" / "infographicsVQA_train_v1.0.json"
    write_json(own, {"dataset_name": "infographicVQA", **head, "data": posters})
    documents = root / "spdocvqa_qas" / "train_v1.0_withQT.json"
    write_json(documents, {"dataset_name": "SP-DocVQA", **head, "data": pages})


def poster(index: int) -> tuple[Image.Image, list[tuple[str, list[str]]]]:
    """Draw two things, each with a share of all beside it."""
    image = canvas("poster", index)
    things = pick(THINGS, 2, index, "things")
    shares = pick(SHARES, 2, index, "shares")
    bands = pick(("red", "blue", "green", "purple", "brown"), 2, index, "bands")
    pen = ImageDraw.Draw(image)
    for row, (thing, share) in enumerate(zip(things, shares, strict=True)):
        band = FRAME.part(0, row / 2, 1, (row + 1) / 2)
        pen.rectangle(band.part(0.5, 0, 1, 1), fill=COLORS[bands[row]])
        icon(image, thing, jitter_box(band.part(0.02, 0.06, 0.48, 0.94), index, row), "orange")
        word(image, share, band.part(0.52, 0.1, 0.98, 0.9), WHITE)
    largest = max(range(2), key=lambda row: shares[row])
    questions = [
        (f"What percentage belongs to the {thing}?", [share, share.rstrip("%")])
        for thing, share in zip(things, shares, strict=True)
    ]
    return image, [*questions, ("Which of the two has the larger share?", [things[largest]])]


def form(index: int) -> tuple[Image.Image, list[tuple[str, list[str]]]]:
    """Draw a form with one field, and a number written into it."""
    image = canvas("form", index)
    field = FIELDS[stable_hash("field", index) % len(FIELDS)]
    number = str(11 * (1 + stable_hash("number", index) % 8) + stable_hash("more", index) % 2)
    sheet = jitter_box(FRAME.part(0.03, 0.03, 0.97, 0.97), "form", index)
    word(image, field, sheet.part(0, 0.02, 1, 0.36))
    filled: Box = sheet.part(0.04, 0.42, 0.96, 0.98)
    ImageDraw.Draw(image).rectangle(filled, outline=BLACK, width=3)
    word(image, number, filled.part(0.08, 0.08, 0.92, 0.92), COLORS["blue"])
    return image, [
        (f"What is the number under {field}?", [number]),
        ("What is the heading of the field?", [field, field.lower()]),
    ]
