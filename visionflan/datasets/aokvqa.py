"""A-OKVQA: questions about COCO photographs that need knowledge of the world, with rationales.

Witnesses of the layout: the owners' repository (allenai/aokvqa README.md: the archive unpacks to
`aokvqa_v1p0_<split>.json`, the images are those of COCO 2017) and the builder in
google-research/big_vision (big_vision/datasets/aokvqa/aokvqa.py: each file is a list; every record
has four `choices`, and in train and val ten `direct_answers`, three `rationales` and
`correct_choice_idx`). The test split has no answers and is not read. The repository, with its
data, is under the Apache license.

To be answered in words of one's own, a question must not be marked `difficult_direct_answer`: the
owners put this mark where answers differ too much and only the choices make it fair. The target is
then the answer that most annotators gave, and of equally frequent ones the choice that is right.
The rationales were written for the right choice, so that the other two tasks take that one.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import FRAME, canvas, jitter_box
from visionflan.drawing.icons import icon
from visionflan.errors import UnusableError
from visionflan.hashing import pick, shuffled, stable_hash
from visionflan.layouts import coco_image, existing_paths
from visionflan.layouts.fields import (
    choice,
    flag,
    identifier,
    integer,
    read_records,
    text,
    text_list,
)
from visionflan.layouts.json_stream import json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val")


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    right: str
    answers: tuple[str, ...]
    rationales: tuple[str, ...]
    only_with_choices: bool

    @property
    def split(self) -> str:
        """Return the official split."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="A-OKVQA",
    homepage="https://allenai.org/project/a-okvqa/home",
    license="Apache-2.0",
    terms="The photographs are those of COCO and keep the terms of Flickr.",
    citation="D. Schwenk, A. Khandelwal, C. Clark, K. Marino and R. Mottaghi (2022), A-OKVQA: A "
    "Benchmark for Visual Question Answering using World Knowledge, ECCV",
    obtain="""
        Unpack aokvqa_v1p0.tar.gz here; the README of the repository allenai/aokvqa links to it. The
        images are train2017 and val2017 of COCO: put them here, or in a directory named coco beside
        this one.
    """,
    tree="""
        aokvqa_v1p0_train.json
        aokvqa_v1p0_val.json
        train2017/000000299207.jpg
        val2017/000000461751.jpg
    """,
    split_field="split",
    no_group="rows belong together only by their image",
    neighbors=("coco",),
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    files = [root / f"aokvqa_v1p0_{split}.json" for split in SPLITS]
    there = existing_paths(*files)
    for split, path in zip(SPLITS, files, strict=True):
        if path not in there:
            continue
        records = enumerate(json_values(path))
        yield from read_records(path, records, partial(read_question, root, split))


def read_question(root: Path, split: str, record: dict[str, Any]) -> Row:
    """Read one question with all that was said of it."""
    return Row(
        key=f"{split}/{identifier(record, 'question_id')}",
        image=coco_image(root, f"{split}2017", integer(record, "image_id")),
        question=plain(text(record, "question")),
        right=plain(choice(record, "correct_choice_idx", text_list(record, "choices"))),
        answers=tuple(map(plain, text_list(record, "direct_answers"))),
        rationales=text_list(record, "rationales"),
        only_with_choices=flag(record, "difficult_direct_answer"),
    )


def plain(words: str) -> str:
    """Trim the blanks."""
    return " ".join(words.split())


@dataset.task(
    """
    Answer the question below with the help of common sense and of what people generally know about
    such situations. Give the most likely answer in no more than three words.
    """,
    """
    What is the most likely answer to the question below? The picture shows the situation, but you
    also have to use everyday knowledge. Keep the answer to three words or fewer.
    """,
    """
    In one to three words, answer the question below. If the picture alone does not decide it,
    choose the answer that common sense makes most likely.
    """,
    """
    Someone asks you the question below about this scene, and looking at it is only part of the job.
    Combine what you see with what most people know, and reply with three words at most.
    """,
    """
    Look at the picture, think about how such scenes usually work in real life, and write the
    likeliest answer to the question below. Do not use more than three words.
    """,
    official_name="A-OKVQA+visual_question_answering",
    title="A-OKVQA outside knowledge VQA",
    category="Outside Knowledge",
    metric="vqa_accuracy",
    published_form='"The answer is: X."',
)
def visual_question_answering(row: Row) -> Example | None:
    if row.only_with_choices:
        return None
    votes = Counter(row.answers)
    if not votes:
        raise UnusableError("no_answer", "no annotator wrote a free-form answer")
    target = max(votes, key=lambda answer: (votes[answer], answer == row.right))
    return Example(image=row.image, text=row.question, target=target, references=row.answers)


@dataset.task(
    """
    Below is a question about the image together with its correct answer. Give three different
    reasons why that answer is correct, based on what you can see or on general knowledge. Write
    each reason as one sentence on a line of its own.
    """,
    """
    Why is the answer given below the right one for the question about this image? Write three
    different reasons, each a sentence on its own line, drawn from the image or from what people
    generally know.
    """,
    """
    On three lines, with one sentence per line, justify the answer to the question below. Each
    sentence should give another reason: something visible in the image, or a piece of general
    knowledge.
    """,
    """
    A classmate doubts the answer to the question below, although it is correct. Convince them with
    three separate reasons from the image or from common knowledge. Put every reason in a sentence
    of its own, and every sentence on a new line.
    """,
    """
    The question below has already been answered correctly. What is missing is the explanation:
    three sentences on three lines, none repeating another, that point to evidence in the image or
    to facts that most people know.
    """,
    official_name="A-OKVQA+rationales_generation",
    title="A-OKVQA rationales generation",
    category="Rational and Script Generation",
    metric="cider",
    published_form='"The 3 rationales are: 1. A", then a numbered line for each other',
)
def rationales_generation(row: Row) -> Example:
    reasons = [plain(rationale) for rationale in row.rationales]
    if len({reason.casefold() for reason in reasons}) != 3:
        raise UnusableError("not_three_rationales", f"the rationales are {row.rationales}")
    return Example(
        image=row.image,
        text=f"Question: {row.question}\nAnswer: {row.right}",
        target="\n".join(reasons),
        repaired=trimmed(row, reasons),
    )


@dataset.task(
    """
    On the first line, answer the question below in a few words. On the second line, write one
    sentence with the evidence in the picture or the piece of knowledge that leads to your answer.
    """,
    official_name="A-OKVQA+answer_rationales_matching",
    title="A-OKVQA answer rationale generation",
    category="Rational and Script Generation",
    metric="rouge_l",
)
def answer_rationales_matching(row: Row) -> Example | None:
    if row.only_with_choices:
        return None
    reasons = [reason for reason in map(plain, row.rationales) if reason]
    if not reasons:
        raise UnusableError("no_rationale", "no annotator explained the answer")
    (chosen,) = pick(reasons, 1, row.key, "rationale")
    return Example(
        image=row.image,
        text=row.question,
        target=f"{row.right}\n{chosen}",
        references=tuple(f"{row.right}\n{reason}" for reason in reasons),
        repaired=trimmed(row, reasons),
    )


def trimmed(row: Row, reasons: list[str]) -> tuple[str, ...]:
    """Name it if any of the rationales had blanks to trim."""
    return () if tuple(reasons) == row.rationales else ("trimmed_blanks",)


LIVES = "Where would you expect to meet this animal?"
WORKS = "Whose daily work is done with this?"
REASONS = {
    LIVES: ("Such animals are mostly found {}. ", "It would be out of place anywhere but {}."),
    WORKS: (
        "This is what a {} uses every day. ",
        "Only a {} is trained to work with it.",
    ),
}
# What is drawn, what is asked, the right choice, and another answer that some people gave.
FACTS = (
    ("fish", LIVES, "in the sea", "in water"),
    ("airplane", WORKS, "pilot", "cabin crew"),
    ("cow", LIVES, "on a farm", "in a field"),
    ("boat", WORKS, "sailor", "fisher"),
    ("bear", LIVES, "in the forest", "in the mountains"),
    ("oven", WORKS, "baker", "cook"),
    ("crab", LIVES, "on the beach", "on the shore"),
    ("guitar", WORKS, "musician", "singer"),
    ("giraffe", LIVES, "in the savannah", "in Africa"),
    ("truck", WORKS, "driver", "truck driver"),
)


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    records: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    for index in range(count):
        turn = stable_hash("aokvqa", index // len(FACTS))
        fact = FACTS[(index + turn) % len(FACTS)]
        split = SPLITS[index % 4 == 3]
        (color,) = pick(("red", "blue", "green", "purple", "orange", "brown"), 1, "aokvqa", index)
        picture = canvas("aokvqa", index)
        icon(picture, fact[0], jitter_box(FRAME.part(0.02, 0.02, 0.98, 0.98), index, by=0.3), color)
        write_image(root / f"{split}2017" / f"{index + 1:012d}.jpg", picture)
        records[split].append(record(index, split, *fact))
    for split, split_records in records.items():
        write_json(root / f"aokvqa_v1p0_{split}.json", split_records)


def record(
    index: int, split: str, thing: str, question: str, right: str, other: str
) -> dict[str, Any]:
    """Write what the release says of one question."""
    wrong = [fact[2] for fact in FACTS if fact[1] == question and fact[2] != right]
    choices = shuffled([right, *pick(wrong, 3, "aokvqa", index)], "aokvqa", index, "order")
    return {
        "split": split,
        "image_id": index + 1,
        "question_id": f"specimen{index:06d}",
        "question": question,
        "choices": choices,
        "correct_choice_idx": choices.index(right),
        "direct_answers": [right] * 6 + [other] * 4,
        "difficult_direct_answer": index % 8 == 5,
        "rationales": [
            f"There is one {thing} in the picture.",
            *(reason.format(right) for reason in REASONS[question]),
        ],
    }
