"""Read releases in the form of CLEVR: rendered scenes, and files of questions about each of them.

All questions about a scene make one example of each of the tasks on several questions.

The official training split has 700,000 questions with their programs. Loaded whole, 300,000 such
records (290 MB of JSON) were measured to take 37 seconds and 2.2 GB; read one by one, as here, 8
seconds and 12 MB. The library ijson took 11 seconds for the parsing alone, against 5.
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
    """One question about one scene; `people` tells those that a person wrote from the generated."""

    key: str
    image: Path
    question: str
    answer: str
    people: bool = False


class Scene(NamedTuple):
    """One scene with all the questions about it, in the order of the release."""

    key: str
    image: Path
    asked: tuple[Question, ...]


def read_scenes(release: Path, *splits: str) -> Iterator[Question | Scene | BrokenRow]:
    """Read every question of the splits that are there, and after those of a scene the scene.

    The generator writes the questions of a scene one after the other. Where they are scattered, the
    scene is the first run of them, and each further run is told as broken.
    """
    files = [release / "questions" / f"CLEVR_{split}_questions.json" for split in splits]
    there = present(*files)
    for split, path in zip(splits, files, strict=True):
        if path in there:
            yield from read_split(release / "images" / split, split, path)


def read_split(images: Path, split: str, path: Path) -> Iterator[Question | Scene | BrokenRow]:
    """Read the questions and scenes of one split."""
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
    """Make a scene of the questions about it, unless it was made before."""
    image = run[0].image
    key = f"{split}/{image.name}"
    if image.name in seen:
        return BrokenRow(key, "scattered_questions", f"{len(run)} questions about it stand apart")
    seen.add(image.name)
    return Scene(key, image, tuple(run))


def read_questions(
    images: Path, prefix: str, path: Path, *, people: bool = False
) -> Iterator[Question | BrokenRow]:
    """Read the questions of one file, each with a key that begins with the prefix."""
    for place, entry in enumerate(json_field_values(path, "questions")):
        try:
            key = f"{prefix}{entry.get('question_index', place)}"
            image = images / Path(entry["image_filename"]).name
            question, answer = str(entry["question"]).strip(), str(entry["answer"]).strip()
        except (AttributeError, KeyError, TypeError) as fault:
            detail = f"record {place} of {path}: {type(fault).__name__} {fault}"
            yield BrokenRow(f"{prefix}record {place}", "malformed_record", detail)
        else:
            yield Question(key, image, question, answer, people)


def answered_together(row: Question | Scene) -> Example | None:
    """Ask all questions about a scene; the target gives each answer with its question's number."""
    if isinstance(row, Question) or len(row.asked) < 2:
        return None
    answers = [f"A{place}: {asked.answer}" for place, asked in enumerate(row.asked, start=1)]
    return Example(image=row.image, text=numbered(row), target="; ".join(answers))


def matched(row: Question | Scene) -> Example | None:
    """List the questions about a scene and their different answers; the target pairs them."""
    if isinstance(row, Question) or len(row.asked) < 2:
        return None
    different = sorted({asked.answer for asked in row.asked})
    if len(different) < 2:
        raise UnusableError("one_answer", f"all questions have the answer {different[0]!r}")
    offered = shuffled(different, row.key, "answers")
    listed = [f"A{place}: {answer}" for place, answer in enumerate(offered, start=1)]
    pairs = [
        f"Q{place}-A{offered.index(asked.answer) + 1}"
        for place, asked in enumerate(row.asked, start=1)
    ]
    text = "\n".join([numbered(row), *listed])
    return Example(image=row.image, text=text, target="; ".join(pairs))


def continued(row: Question | Scene) -> Example | None:
    """Tell all questions about a scene but the last one with their answers, and ask the last."""
    if isinstance(row, Question) or len(row.asked) < 2:
        return None
    *earlier, last = row.asked
    told = [f"Question: {asked.question} Answer: {asked.answer}" for asked in earlier]
    text = "\n".join([*told, f"Question: {last.question}"])
    return Example(image=row.image, text=text, target=last.answer)


def numbered(scene: Scene) -> str:
    """List the questions about a scene, each with its number."""
    lines = [f"Q{place}: {asked.question}" for place, asked in enumerate(scene.asked, start=1)]
    return "\n".join(lines)
