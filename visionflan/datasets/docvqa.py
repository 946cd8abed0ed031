"""DocVQA: questions on single pages of scanned industry documents (SP-DocVQA, task 1).

Witnesses of the layout: the owners' description of the ground truth
(rrc.cvc.uab.es/?ch=17&com=tasks: `dataset_name`, `dataset_split`, `dataset_version` and `data`, of
which the first answer is the one to train on) and the many loaders of the challenge's present
packages: `spdocvqa_qas/{train,val}_v1.0_withQT.json` with `questionId`, `question`,
`question_types`, `image` ("documents/xnbl0037_1.png"), `docId`, `ucsf_document_id` ("xnbl0037") and
`answers`, and the pages in `spdocvqa_images`. The earlier packages,
`{train,val}/{train,val}_v1.0.json` with the pages in `{train,val}/documents`, and the same files
laid side by side are read too. The test split has no answers and is not read.

A question may have several right answers: the first is the target, and all are references. Runs of
blanks in questions and answers are trimmed. InfographicVQA offers a second task on the same
questions (see there).
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import ImageDraw

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box, word
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts.rrc import RrcQuestion, document_files, read_documents
from visionflan.specimens import write_image, write_json

dataset = Dataset[RrcQuestion](
    title="DocVQA",
    homepage="https://www.docvqa.org/",
    license="unknown",
    terms="""
        The pages come from the Industry Documents Library of the University of California, San
        Francisco; no license was found on the owners' pages.
    """,
    citation="M. Mathew, D. Karatzas and C. V. Jawahar (2021), DocVQA: A Dataset for VQA on "
    "Document Images, WACV",
    obtain="""
        Register at rrc.cvc.uab.es and download the annotations and images of SP-DocVQA (task 1)
        from the page of challenge 17.
    """,
    tree="""
        docvqa/
            spdocvqa_qas/train_v1.0_withQT.json, val_v1.0_withQT.json
            spdocvqa_images/xnbl0037_1.png ...
        or
        docvqa/
            train/train_v1.0.json, documents/xnbl0037_1.png ...
            val/val_v1.0.json, documents/...
    """,
    split_field="split",
    group_field="document",
)


@dataset.reader
def read(root: Path) -> Iterator[RrcQuestion | BrokenRow]:
    if not document_files(root):
        raise ReleaseError(f"{root} has no train_v1.0_withQT.json or train_v1.0.json of DocVQA")
    yield from read_documents(root)


@dataset.task(
    """
    Use this scanned page to answer the question below. Reply only with the words or numbers that
    answer it, copied as they are written on the page.
    """,
    """
    What does this document say in reply to the question below? Copy just the words or numbers that
    answer it, spelled as on the page.
    """,
    """
    Find the place on the scanned page that answers the question below, and copy the answer from
    there exactly. Do not write a full sentence around it.
    """,
    """
    Quote a word, a number or a short piece of text from this page, printed or handwritten, with its
    spelling unchanged. It should be the answer to the question below and nothing more.
    """,
    """
    You are looking things up in an archive of scanned papers. Somebody needs the answer to the
    question below, and this page has it. Reply with only that part of the page, exactly as it is
    written.
    """,
    title="DOCVQA document level VQA",
    official_name="DOCVQA+question_answer",
    category="OCR",
    metric="anls",
)
def question_answer(row: RrcQuestion) -> Example:
    return row.example()


WORDS = ("MEMO", "TAX", "BILL", "ORDER", "PAID", "TO", "FEE", "SALE", "VOID", "AGM")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data: list[dict[str, object]] = []
    for index in range(count):
        name = f"page{index:04d}_1.png"
        words = pick(WORDS, 1 + index % 2, index, "words")
        page = jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), "page", index, by=0.06)
        image = canvas("docvqa", index)
        ImageDraw.Draw(image).rectangle(page, fill=(252, 252, 250), outline=(170, 170, 170))
        places = [page.part(0.05, 0.08, 0.95, 0.46), page.part(0.05, 0.54, 0.95, 0.92)]
        if len(words) == 1:
            places = [
                page.part(0.05, 0.2 * top, 0.95, 0.4 + 0.2 * top)
                for top in (stable_hash(index) % 4,)
            ]
        for text, place in zip(words, places, strict=True):
            word(image, text, place)
        write_image(root / "spdocvqa_images" / name, image)
        positions = ("at the top of the page", "at the bottom of the page")
        phrases = positions if len(words) == 2 else ("on the page",)
        for text, phrase in zip(words, phrases, strict=True):
            data.append(
                {
                    "questionId": len(data),
                    "question": f"Which word is written {phrase}?",
                    "question_types": ["layout"],
                    "image": f"documents/{name}",
                    "docId": index,
                    "ucsf_document_id": name.partition("_")[0],
                    "ucsf_document_page_no": "1",
                    "answers": [text, text.lower()],
                    "data_split": "train",
                }
            )
    header = {"dataset_name": "SP-DocVQA", "dataset_split": "train", "dataset_version": "1.0"}
    write_json(root / "spdocvqa_qas" / "train_v1.0_withQT.json", {**header, "data": data})
