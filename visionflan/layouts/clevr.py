"""Read releases in the layout of CLEVR: rendered scenes, and files of questions about them.

All questions about a scene make one example of each task that has several questions.

The official training split has 700,000 questions with their programs. Loaded at once, 300,000 such
records (290 MB of JSON) were measured to take 37 seconds and 2.2 GB; streamed, as here, 8 seconds
and 12 MB. The library ijson took 11 seconds for the parsing alone, against 5.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Example
from visionflan.errors import UnusableError
from visionflan.hashing import shuffled
from visionflan.layouts import existing_paths
from visionflan.layouts.fields import answer, identifier, read_records, text
from visionflan.layouts.json_stream import json_field_values
from visionflan.layouts.official_splits import split_of


class ClevrQuestion(NamedTuple):
    """A question about a scene; `human_written` is set if a person wrote it."""

    key: str
    image: Path
    question: str
    answer: str
    human_written: bool = False

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of_key(self.key)


class ClevrScene(NamedTuple):
    """A scene with all questions about it, in the order of the release."""

    key: str
    image: Path
    questions: tuple[ClevrQuestion, ...]

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of_key(self.key)


def split_of_key(key: str) -> str:
    """Return the official split of a key such as `humans/val/5` or, in condition A, `trainA/0`."""
    return split_of(key.removeprefix("humans/").partition("/")[0].rstrip("AB"))


def read_scenes(release: Path, *splits: str) -> Iterator[ClevrQuestion | ClevrScene | BrokenRow]:
    """Yield every question of the available splits, and each scene after its questions.

    The generator writes the questions of a scene consecutively. If they are scattered, the first
    run of them makes the scene, and each further run is yielded as a BrokenRow.
    """
    files = [release / "questions" / f"CLEVR_{split}_questions.json" for split in splits]
    available = existing_paths(*files)
    for split, path in zip(splits, files, strict=True):
        if path in available:
            yield from read_split(release / "images" / split, split, path)


def read_split(
    images: Path, split: str, path: Path
) -> Iterator[ClevrQuestion | ClevrScene | BrokenRow]:
    """Yield the questions and scenes of one split."""
    seen: set[str] = set()
    run: list[ClevrQuestion] = []
    for row in read_questions(images, f"{split}/", path):
        yield row
        if isinstance(row, BrokenRow):
            continue
        if run and run[0].image != row.image:
            yield make_scene(split, run, seen)
            run = []
        run.append(row)
    if run:
        yield make_scene(split, run, seen)


def make_scene(split: str, run: list[ClevrQuestion], seen: set[str]) -> ClevrScene | BrokenRow:
    """Return the scene of a run of questions, or a BrokenRow if it was already yielded."""
    image = run[0].image
    key = f"{split}/{image.name}"
    if image.name in seen:
        detail = f"{len(run)} of its questions are separate from the others"
        return BrokenRow(key, "scattered_questions", detail)
    seen.add(image.name)
    return ClevrScene(key, image, tuple(run))


def read_questions(
    images: Path, prefix: str, path: Path, *, human_written: bool = False
) -> Iterator[ClevrQuestion | BrokenRow]:
    """Yield the questions of one file; their keys start with the prefix."""

    def to_question(numbered: tuple[int, Any]) -> ClevrQuestion:
        number, entry = numbered
        index = identifier(entry, "question_index") if "question_index" in entry else f"{number}"
        return ClevrQuestion(
            key=f"{prefix}{index}",
            image=images / Path(text(entry, "image_filename")).name,
            question=text(entry, "question").strip(),
            answer=answer(entry, "answer").strip(),
            human_written=human_written,
        )

    records = enumerate(enumerate(json_field_values(path, "questions")))
    return read_records(path, records, to_question)


def answer_all_example(row: ClevrQuestion | ClevrScene) -> Example | None:
    """Make an example of all questions about a scene; the target is a list of answers."""
    if isinstance(row, ClevrQuestion) or len(row.questions) < 2:
        return None
    answers = [
        f"A{number}: {question.answer}" for number, question in enumerate(row.questions, start=1)
    ]
    return Example(image=row.image, text=number_questions(row), target="; ".join(answers))


def matching_example(row: ClevrQuestion | ClevrScene) -> Example | None:
    """List the questions about a scene and their distinct answers; the target pairs them."""
    if isinstance(row, ClevrQuestion) or len(row.questions) < 2:
        return None
    distinct = sorted({question.answer for question in row.questions})
    if len(distinct) < 2:
        raise UnusableError("one_answer", f"all questions have the answer {distinct[0]!r}")
    options = shuffled(distinct, row.key, "answers")
    option_lines = [f"A{number}: {answer}" for number, answer in enumerate(options, start=1)]
    pairs = [
        f"Q{number}-A{options.index(question.answer) + 1}"
        for number, question in enumerate(row.questions, start=1)
    ]
    text = "\n".join([number_questions(row), *option_lines])
    return Example(image=row.image, text=text, target="; ".join(pairs))


def last_question_example(row: ClevrQuestion | ClevrScene) -> Example | None:
    """Make an example of the last question about a scene, after the others with answers."""
    if isinstance(row, ClevrQuestion) or len(row.questions) < 2:
        return None
    *earlier, last = row.questions
    exchanges = [f"Question: {question.question} Answer: {question.answer}" for question in earlier]
    text = "\n".join([*exchanges, f"Question: {last.question}"])
    return Example(image=row.image, text=text, target=last.answer)


def number_questions(scene: ClevrScene) -> str:
    """Format the questions about a scene as a numbered list."""
    lines = [
        f"Q{number}: {question.question}"
        for number, question in enumerate(scene.questions, start=1)
    ]
    return "\n".join(lines)
