"""Read the pairs of JSON files that VQA-style releases have: questions and annotators' answers.

The annotations of VQAv2's training split are 356 MB of JSON, which would take gigabytes as Python
objects: they are streamed. The text of the questions is kept in memory by id, since the two files
need not be in the same order. Reading files of that size was measured to add 93 MB to the process,
and 211 MB with the 1.1 million questions of TDIUC's training split.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.layouts import require
from visionflan.layouts.fields import (
    FieldError,
    answer,
    integer,
    items,
    optional_text,
    read_records,
    text,
)
from visionflan.layouts.json_stream import json_field_values
from visionflan.specimens import write_json

QUESTION_FIELDS = ("image_id", "question", "question_id")


class SplitFiles(NamedTuple):
    """The two files of one split, named as in the COCO release that the images come from."""

    split: str
    questions: Path
    annotations: Path


class VqaQuestion(NamedTuple):
    """A question about an image, with the annotators' answers.

    Attributes:
        key: Split and question id.
        image_id: Number of the image in COCO.
        question: Text of the question.
        answer: The answer that the release marks as correct, else the most frequent one.
        answers: All answers.
        raw_answers: The answers before the release normalized them, if it has those.
        question_type: Question type of the release, or empty.
    """

    key: str
    image_id: int
    question: str
    answer: str
    answers: tuple[str, ...]
    raw_answers: tuple[str, ...]
    question_type: str


def find_splits(root: Path, *folders: str, prefix: str = "") -> list[SplitFiles]:
    """Find the splits whose questions and annotations exist, in any of the directories."""
    splits = []
    for split in ("train2014", "val2014"):
        name = f"{prefix}OpenEnded_mscoco_{split}_questions.json"
        questions = candidate_paths(root, folders, name)
        annotations = candidate_paths(root, folders, f"{prefix}mscoco_{split}_annotations.json")
        if any(path.exists() for path in questions + annotations):
            splits.append(SplitFiles(split, require(*questions), require(*annotations)))
    if not splits:
        name = f"{prefix}OpenEnded_mscoco_train2014_questions.json"
        require(*candidate_paths(root, folders, name))
    return splits


def write_split(pair: SplitFiles, records: list[dict[str, Any]]) -> None:
    """Write the two files of a split; each record is an annotation with its question."""
    questions = [{name: record[name] for name in QUESTION_FIELDS} for record in records]
    annotations = [
        {name: value for name, value in record.items() if name != "question"} for record in records
    ]
    head = {"data_type": "mscoco", "data_subtype": pair.split}
    write_json(pair.questions, {**head, "questions": questions})
    write_json(pair.annotations, {**head, "annotations": annotations})


def candidate_paths(root: Path, folders: tuple[str, ...], name: str) -> list[Path]:
    """Return the paths where a file of this name may be."""
    return [root / folder / name for folder in ("", *folders)]


def read_split(pair: SplitFiles) -> Iterator[VqaQuestion | BrokenRow]:
    """Join annotations with their questions, in the order of the annotations.

    A question or annotation without counterpart, or a record that lacks a field, is a BrokenRow.
    """
    questions: dict[int, str] = {}

    def add_question(entry: dict[str, Any]) -> None:
        question_id, question = integer(entry, "question_id"), text(entry, "question").strip()
        if questions.setdefault(question_id, question) != question:
            raise FieldError(f"the id {question_id} is that of another question")

    entries = enumerate(json_field_values(pair.questions, "questions"), start=1)
    yield from filter(None, read_records(pair.questions, entries, add_question))
    entries = enumerate(json_field_values(pair.annotations, "annotations"), start=1)
    yield from read_records(
        pair.annotations, entries, lambda entry: join(pair.split, entry, questions)
    )
    for question_id, question in questions.items():
        yield BrokenRow(
            f"{pair.split}/{question_id}", "no_annotation", f"no annotation answers {question}"
        )


def join(
    split: str, annotation: dict[str, Any], questions: dict[int, str]
) -> VqaQuestion | BrokenRow:
    """Join one annotation with its question, which is removed from `questions`."""
    question_id, image_id = integer(annotation, "question_id"), integer(annotation, "image_id")
    key = f"{split}/{question_id}"
    entries = items(annotation, "answers")
    answers = [answer(entry, "answer").strip() for entry in entries]
    raw = [
        answer(entry, "raw_answer") if "raw_answer" in entry else words
        for entry, words in zip(entries, answers, strict=True)
    ]
    question_type = optional_text(annotation, "question_type")
    if not answers:
        return BrokenRow(key, "no_answer", "the annotation has an empty list of answers")
    question = questions.pop(question_id, None)
    if question is None:
        return BrokenRow(
            key, "no_question", "the question is missing from its file, or was answered before"
        )
    marked = "multiple_choice_answer"
    best = answer(annotation, marked).strip() if marked in annotation else most_frequent(answers)
    raw_answers = tuple(written.strip() for written in raw)
    return VqaQuestion(key, image_id, question, best, tuple(answers), raw_answers, question_type)


def most_frequent(answers: list[str]) -> str:
    """Return the most frequent answer; the first one in case of a tie."""
    return Counter(answers).most_common(1)[0][0]
