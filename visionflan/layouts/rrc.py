"""Read the question files of the Robust Reading Competition (rrc.cvc.uab.es).

Its challenges on documents, infographics and scene text give out one JSON object a split, whose
list `data` holds a question with its `answers` in each record. The identifier of a question is
`questionId` in the one challenge and `question_id` in the other; a question without one goes by its
place in the file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.errors import ReleaseError
from visionflan.layouts import inside, load_json, require

SPLITS = ("train", "val")
IDENTIFIERS = ("questionId", "question_id")


class Question(NamedTuple):
    """A question about a picture, with its answers as released."""

    key: str
    image: Path
    question: str
    answers: tuple[str, ...]

    def example(self) -> Example:
        """Ask for the first answer, as the owners advise; each of the others is right as well."""
        trimmed = [" ".join(words.split()) for words in (self.question, *self.answers)]
        question, *answers = trimmed
        return Example(
            image=self.image,
            text=question,
            target=answers[0] if answers else "",
            references=tuple(dict.fromkeys(answers)),
            repaired=("trimmed_blanks",) if trimmed != [self.question, *self.answers] else (),
        )


def find_splits(root: Path, folders: tuple[str, ...], *names: str) -> dict[str, Path]:
    """Find the file of each split that is there, under the first of the places where it may lie."""
    found: dict[str, Path] = {}
    for split in SPLITS:
        for folder in folders:
            for name in names:
                place = root / folder.format(split=split) / name.format(split=split)
                if split not in found and place.exists():
                    found[split] = place
    return found


def read_questions(
    path: Path, prefix: str, place: Callable[[dict[str, Any]], Path]
) -> Iterator[Question | BrokenRow]:
    """Read the questions of one file; `place` tells where the picture of a record is."""
    content = load_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise ReleaseError(f"{path} has no list named data")
    for number, record in enumerate(content["data"]):
        try:
            key = next((record[name] for name in IDENTIFIERS if name in record), f"record-{number}")
            answers = tuple(str(answer) for answer in record["answers"] if answer is not None)
            yield Question(f"{prefix}/{key}", place(record), str(record["question"]), answers)
        except (KeyError, TypeError, AttributeError) as fault:
            yield BrokenRow(f"{prefix}:{number}", "malformed_record", f"{path}: {fault!r}")


def document_files(root: Path) -> dict[str, Path]:
    """Find the splits of SP-DocVQA wherever the challenge's packages have put them."""
    folders = ("spdocvqa_qas", "{split}", "")
    return find_splits(root, folders, "{split}_v1.0_withQT.json", "{split}_v1.0.json")


def read_documents(root: Path, prefix: str = "") -> Iterator[Question | BrokenRow]:
    """Read SP-DocVQA; its pages lie in a folder that has another name than the records give it."""
    for split, path in document_files(root).items():
        pages = require(path.parent / "documents", root / "spdocvqa_images", root / "documents")

        def page(record: dict[str, Any], pages: Path = pages) -> Path:
            return inside(pages, record["image"].removeprefix("documents/"))

        yield from read_questions(path, f"{prefix}{split}", page)
