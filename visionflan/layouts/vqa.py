"""Read the pair of JSON files in which VQA-style releases keep questions and annotators' answers.

The annotations of VQAv2's training split are 356 MB of JSON, which would take gigabytes as Python
objects: they are read one by one. Of the questions the words are held under their id, since the two
files need not be in the same order. Reading files of that size was measured to add 93 MB to the
process, and 211 MB with the 1.1 million questions of TDIUC's training split.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow
from visionflan.layouts import require
from visionflan.layouts.json_stream import json_field_values
from visionflan.specimens import write_json

QUESTION_FIELDS = ("image_id", "question", "question_id")


class Pair(NamedTuple):
    """The two files of one split, named as in the COCO release that the images come from."""

    split: str
    questions: Path
    annotations: Path


class VqaQuestion(NamedTuple):
    """A question about an image, and what the annotators answered.

    `answer` is the one that the release calls right, else the most frequent one; `raw_answers` are
    what the annotators wrote before the release normalised it, where the release keeps that.
    """

    key: str
    image_id: int
    question: str
    answer: str
    answers: tuple[str, ...]
    raw_answers: tuple[str, ...]
    kind: str


def pairs(root: Path, *folders: str, prefix: str = "") -> list[Pair]:
    """Find the splits whose questions and annotations are both there, in any of the folders."""
    found = []
    for split in ("train2014", "val2014"):
        questions = places(root, folders, f"{prefix}OpenEnded_mscoco_{split}_questions.json")
        annotations = places(root, folders, f"{prefix}mscoco_{split}_annotations.json")
        if any(path.exists() for path in questions + annotations):
            found.append(Pair(split, require(*questions), require(*annotations)))
    if not found:
        require(*places(root, folders, f"{prefix}OpenEnded_mscoco_train2014_questions.json"))
    return found


def write_pair(pair: Pair, records: list[dict[str, Any]]) -> None:
    """Write the two files, for a specimen: each record is an annotation with its question."""
    asked = [{name: record[name] for name in QUESTION_FIELDS} for record in records]
    answered = [
        {name: value for name, value in record.items() if name != "question"} for record in records
    ]
    head = {"data_type": "mscoco", "data_subtype": pair.split}
    write_json(pair.questions, {**head, "questions": asked})
    write_json(pair.annotations, {**head, "annotations": answered})


def places(root: Path, folders: tuple[str, ...], name: str) -> list[Path]:
    """List where a file may lie."""
    return [root / folder / name for folder in ("", *folders)]


def read_pair(pair: Pair) -> Iterator[VqaQuestion | BrokenRow]:
    """Join annotations with their questions, in the order of the annotations.

    What has no partner is yielded broken; so is a record that lacks a field.
    """
    questions: dict[int, str] = {}
    for number, entry in enumerate(json_field_values(pair.questions, "questions"), start=1):
        try:
            question_id, question = int(entry["question_id"]), str(entry["question"]).strip()
            if questions.setdefault(question_id, question) != question:
                raise ValueError(f"asks something else under the id {question_id} of another one")
        except (KeyError, TypeError, ValueError) as fault:
            yield malformed(pair.questions, number, fault)
    for number, entry in enumerate(json_field_values(pair.annotations, "annotations"), start=1):
        try:
            yield join(pair.split, entry, questions)
        except (KeyError, TypeError, ValueError) as fault:
            yield malformed(pair.annotations, number, fault)
    for question_id, question in questions.items():
        yield BrokenRow(
            f"{pair.split}/{question_id}", "no_annotation", f"nobody answered {question}"
        )


def join(
    split: str, annotation: dict[str, Any], questions: dict[int, str]
) -> VqaQuestion | BrokenRow:
    """Join one annotation with its question, which is then no longer to be had."""
    question_id = int(annotation["question_id"])
    key = f"{split}/{question_id}"
    given = [str(answer["answer"]).strip() for answer in annotation["answers"]]
    raw = [str(answer.get("raw_answer", answer["answer"])) for answer in annotation["answers"]]
    image_id, kind = int(annotation["image_id"]), str(annotation.get("question_type", ""))
    if not given:
        return BrokenRow(key, "no_answer", "the annotation has an empty list of answers")
    question = questions.pop(question_id, None)
    if question is None:
        return BrokenRow(
            key, "no_question", "the question is not in its file, or was answered before"
        )
    right = str(annotation.get("multiple_choice_answer", most_frequent(given))).strip()
    raw_answers = tuple(answer.strip() for answer in raw)
    return VqaQuestion(key, image_id, question, right, tuple(given), raw_answers, kind)


def most_frequent(answers: list[str]) -> str:
    """Give the answer that occurs most often; of several the one that was given first."""
    return Counter(answers).most_common(1)[0][0]


def malformed(path: Path, number: int, fault: Exception) -> BrokenRow:
    """Tell of a record that does not have the fields that it should have."""
    detail = f"record {number} of {path}: {type(fault).__name__} {fault}"
    return BrokenRow(f"{path.name}:{number}", "malformed_record", detail)
