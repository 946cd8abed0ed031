"""Read releases in the layout of CLEVR: rendered scenes, and files of questions about them.

All questions about a scene make one example of each task that has several questions.

The official training split has 700,000 questions with their programs. Loaded whole, 300,000 such
records (290 MB of JSON) were measured to take 37 seconds and 2.2 GB; streamed, as here, 8 seconds
and 12 MB. The library ijson took 11 seconds for the parsing alone, against 5.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.errors import UnusableError
from visionflan.hashing import shuffled
from visionflan.layouts import present
from visionflan.layouts.json_stream import json_field_values


class Question(NamedTuple):
    """One question about one scene; `people` is set if a person wrote it."""

    key: str
    image: Path
    question: str
    answer: str
    people: bool = False


class Scene(NamedTuple):
    """One scene with all the questions about it, in the order of the release."""

    key: str
    image: Path
    questions: tuple[Question, ...]


def read_scenes(release: Path, *splits: str) -> Iterator[Question | Scene | BrokenRow]:
    """Yield every question of the available splits, and each scene after its questions.

    The generator writes the questions of a scene consecutively. If they are scattered, the first
    run of them makes the scene, and each further run is yielded as a BrokenRow.
    """
    files = [release / "questions" / f"CLEVR_{split}_questions.json" for split in splits]
    available = present(*files)
    for split, path in zip(splits, files, strict=True):
        if path in available:
            yield from read_split(release / "images" / split, split, path)


def read_split(images: Path, split: str, path: Path) -> Iterator[Question | Scene | BrokenRow]:
    """Yield the questions and scenes of one split."""
    seen: set[str] = set()
    run: list[Question] = []
    for row in read_questions(images, f"{split}/", path):
        yield row
        if isinstance(row, BrokenRow):
            continue
        if run and run[0].image != row.image:
            yield gather(split, run, seen)
            run = []
        run.append(row)
    if run:
        yield gather(split, run, seen)


def gather(split: str, run: list[Question], seen: set[str]) -> Scene | BrokenRow:
    """Make a scene from its questions, unless one was made before."""
    image = run[0].image
    key = f"{split}/{image.name}"
    if image.name in seen:
        detail = f"{len(run)} of its questions are separate from the others"
        return BrokenRow(key, "scattered_questions", detail)
    seen.add(image.name)
    return Scene(key, image, tuple(run))


def read_questions(
    images: Path, prefix: str, path: Path, *, people: bool = False
) -> Iterator[Question | BrokenRow]:
    """Yield the questions of one file; their keys start with the prefix."""
    for number, entry in enumerate(json_field_values(path, "questions")):
        try:
            key = f"{prefix}{entry.get('question_index', number)}"
            image = images / Path(entry["image_filename"]).name
            question, answer = str(entry["question"]).strip(), str(entry["answer"]).strip()
        except (AttributeError, KeyError, TypeError) as error:
            detail = f"record {number} of {path}: {type(error).__name__} {error}"
            yield BrokenRow(f"{prefix}record {number}", "malformed_record", detail)
        else:
            yield Question(key, image, question, answer, people)


def answered_together(row: Question | Scene) -> Example | None:
    """Make an example of all questions about a scene; the target is a list of answers."""
    if isinstance(row, Question) or len(row.questions) < 2:
        return None
    answers = [f"A{number}: {one.answer}" for number, one in enumerate(row.questions, start=1)]
    return Example(image=row.image, text=numbered(row), target="; ".join(answers))


def matched(row: Question | Scene) -> Example | None:
    """List the questions about a scene and their distinct answers; the target pairs them."""
    if isinstance(row, Question) or len(row.questions) < 2:
        return None
    different = sorted({question.answer for question in row.questions})
    if len(different) < 2:
        raise UnusableError("one_answer", f"all questions have the answer {different[0]!r}")
    offered = shuffled(different, row.key, "answers")
    listed = [f"A{number}: {answer}" for number, answer in enumerate(offered, start=1)]
    pairs = [
        f"Q{number}-A{offered.index(question.answer) + 1}"
        for number, question in enumerate(row.questions, start=1)
    ]
    text = "\n".join([numbered(row), *listed])
    return Example(image=row.image, text=text, target="; ".join(pairs))


def continued(row: Question | Scene) -> Example | None:
    """Make an example of the last question about a scene, after the others with answers."""
    if isinstance(row, Question) or len(row.questions) < 2:
        return None
    *earlier, last = row.questions
    exchanges = [f"Question: {question.question} Answer: {question.answer}" for question in earlier]
    text = "\n".join([*exchanges, f"Question: {last.question}"])
    return Example(image=row.image, text=text, target=last.answer)


def numbered(scene: Scene) -> str:
    """Format the questions about a scene as a numbered list."""
    lines = [f"Q{number}: {one.question}" for number, one in enumerate(scene.questions, start=1)]
    return "\n".join(lines)
