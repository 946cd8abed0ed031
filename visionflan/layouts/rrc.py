"""Read the question files of the Robust Reading Competition (rrc.cvc.uab.es).

Its challenges on documents, infographics and scene text publish one JSON object per split, whose
list `data` has a question with its `answers` in each record. The identifier of a question is
`questionId` in one challenge and `question_id` in another; a question without one is identified by
its index in the file. Pages of one scanned document have the same `ucsf_document_id`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.layouts import inside, json_list, require
from visionflan.layouts.fields import answer, identifier, items, read_records, text
from visionflan.layouts.official_splits import split_of

SPLITS = ("train", "val")
IDENTIFIERS = ("questionId", "question_id")
DOCUMENT = "ucsf_document_id"


class RrcQuestion(NamedTuple):
    """A question about an image, with its answers as released.

    `document` names the scanned document that a page belongs to, if it is one.
    """

    key: str
    image: Path
    question: str
    answers: tuple[str, ...]
    split: str = ""
    document: str = ""

    def example(self) -> Example:
        """Make an example; the target is the first answer, as the owners advise."""
        trimmed = [" ".join(text.split()) for text in (self.question, *self.answers)]
        question, *answers = trimmed
        return Example(
            image=self.image,
            text=question,
            target=answers[0] if answers else "",
            references=tuple(dict.fromkeys(answers)),
            repaired=("trimmed_blanks",) if trimmed != [self.question, *self.answers] else (),
        )


def find_splits(root: Path, folders: tuple[str, ...], *names: str) -> dict[str, Path]:
    """Find the file of each available split, under the first of the directories where it may be."""
    files: dict[str, Path] = {}
    for split in SPLITS:
        for folder in folders:
            for name in names:
                path = root / folder.format(split=split) / name.format(split=split)
                if split not in files and path.exists():
                    files[split] = path
    return files


def read_questions(
    path: Path, prefix: str, image_path: Callable[[dict[str, Any]], Path]
) -> Iterator[RrcQuestion | BrokenRow]:
    """Yield the questions of one file; `image_path` maps a record to the path of its image.

    The prefix of their keys ends with the name of the split.
    """

    def to_question(numbered: tuple[int, Any]) -> RrcQuestion:
        number, record = numbered
        names = (identifier(record, name) for name in IDENTIFIERS if name in record)
        return RrcQuestion(
            key=f"{prefix}/{next(names, f'record-{number}')}",
            image=image_path(record),
            question=text(record, "question"),
            answers=tuple(
                answer(record, "answers", index)
                for index, words in enumerate(items(record, "answers"))
                if words is not None
            ),
            split=split_of(prefix.rpartition("/")[2]),
            document=identifier(record, DOCUMENT) if record.get(DOCUMENT) else "",
        )

    records = enumerate(enumerate(json_list(path, "data")))
    return read_records(path, records, to_question)


def document_files(root: Path) -> dict[str, Path]:
    """Find the splits of SP-DocVQA wherever the challenge's packages put them."""
    folders = ("spdocvqa_qas", "{split}", "")
    return find_splits(root, folders, "{split}_v1.0_withQT.json", "{split}_v1.0.json")


def read_documents(root: Path, prefix: str = "") -> Iterator[RrcQuestion | BrokenRow]:
    """Yield the questions of SP-DocVQA; its page directory is not named as in the records."""
    for split, path in document_files(root).items():
        pages = require(path.parent / "documents", root / "spdocvqa_images", root / "documents")

        def page(record: dict[str, Any], pages: Path = pages) -> Path:
            return inside(pages, text(record, "image").removeprefix("documents/"))

        yield from read_questions(path, f"{prefix}{split}", page)
