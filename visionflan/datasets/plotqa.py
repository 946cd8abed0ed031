"""PlotQA: millions of questions, made by template, on plots drawn from real data.

Witnesses of the layout: the owners' repository (NiteshMethani/PlotQA, `PlotQA_Dataset.md`: a
folder `png` with `0.png`, `1.png`, ... and a file of questions for each split, with `image_index`,
`question_string`, `answer`, `answer_bbox`, `template` and `type`) and two builders for Hugging Face
that read the same downloads: the questions are the list `qa_pairs` of one object, and each has a
`question_id` too. A bare list, as the owners' page describes it, is read as well. The owners give
out an archive a split without naming a folder for it: here each goes to its own.

The questions come in two versions, of 8.2 and of 28.9 million. Where a split has both, the smaller
is read, which holds more than any recipe draws. It is a file of gigabytes and read one question at
a time. All three splits have answers.

Mended and counted: the blank that the templates put before question marks, and calculated values
with many decimals, of which two are kept (four digits of a value below one). Numbers that are whole
are written without decimals.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from visionflan.dataset import BrokenRow, Dataset, Example
from visionflan.drawing import canvas
from visionflan.drawing.charts import CHARTS, chart
from visionflan.errors import ReleaseError
from visionflan.hashing import pick, stable_hash
from visionflan.layouts import open_text, require
from visionflan.layouts.fields import identifier, integer, number, read_records, text, value
from visionflan.layouts.json_stream import json_field_values, json_values
from visionflan.layouts.official_splits import split_of
from visionflan.specimens import write_image, write_json

SPLITS = ("train", "val", "validation", "test")
QUESTIONS = ("qa_pairs_V1.json", "qa_pairs_v1.json", "qa_pairs_V2.json", "qa_pairs_v2.json")


class Row(NamedTuple):
    key: str
    image: Path
    question: str
    answer: str | float

    @property
    def split(self) -> str:
        """Return the official split, with which the key begins."""
        return split_of(self.key)


dataset = Dataset[Row](
    title="PlotQA",
    homepage="https://github.com/NiteshMethani/PlotQA",
    license="CC-BY-4.0",
    citation="N. Methani, P. Ganguly, M. M. Khapra and P. Kumar (2020), PlotQA: Reasoning over "
    "Scientific Plots, WACV",
    obtain="""
        Download the images and the question-answer pairs (version 1 or 2) of each split through the
        links on the page PlotQA_Dataset.md of the repository, and put those of a split into a
        directory of its name.
    """,
    tree="""
        plotqa/
            train/
                png/0.png, 1.png ...
                qa_pairs_V1.json
            val/...
            test/...
    """,
    split_field="split",
    no_group="each plot is one image",
)


@dataset.reader
def read(root: Path) -> Iterator[Row | BrokenRow]:
    splits = [root / name for name in SPLITS if (root / name).is_dir()]
    if not splits:
        raise ReleaseError(f"{root} contains none of the folders train, val and test of PlotQA")
    for split in splits:
        path = require(*(split / name for name in (*QUESTIONS, "qa_pairs.json")))
        numbered = enumerate(enumerate(records(path)))
        yield from read_records(path, numbered, partial(to_row, split))


def records(path: Path) -> Iterator[Any]:
    """Read the questions of a file one by one."""
    with open_text(path) as stream:
        bare = stream.read(80).lstrip().startswith("[")
    return json_values(path) if bare else json_field_values(path, "qa_pairs")


def to_row(split: Path, numbered: tuple[int, dict[str, Any]]) -> Row:
    """Parse one question; one without an identifier is named by its index in the file."""
    index, record = numbered
    plot, name = integer(record, "image_index"), f"record-{index}"
    if "question_id" in record:
        name = identifier(record, "question_id")
    answer = value(record, "answer")
    return Row(
        key=f"{split.name}/{plot}/{name}",
        image=split / "png" / f"{plot}.png",
        question=text(record, "question_string"),
        answer=(text if isinstance(answer, str) else number)(record, "answer"),
    )


@dataset.task(
    """
    This plot shows data as bars, dots or lines. Answer the question below by reading values off it,
    and calculate if necessary. Give one number in digits without its unit, a label as it is written
    in the plot, or Yes or No.
    """,
    title="PlotQA VQA over scientific plots",
    official_name="PlotQA+visual_question_answering",
    category="OCR",
    metric="relaxed_accuracy",
)
def visual_question_answering(row: Row) -> Example:
    question = re.sub(r" +(?=[?.,])", "", " ".join(row.question.split()))
    answer = written(row.answer)
    mended = {
        "blanks": question != row.question,
        "rounded": not isinstance(row.answer, str) and float(answer) != row.answer,
    }
    return Example(
        image=row.image,
        text=question,
        target=answer,
        repaired=tuple(name for name, happened in mended.items() if happened),
    )


def written(answer: str | float) -> str:
    """Write an answer as a person would: whole numbers whole, others with two decimals."""
    if isinstance(answer, str):
        return " ".join(answer.split())
    if abs(answer) < 1:
        return f"{answer:.4g}"
    return f"{answer:.2f}".rstrip("0").removesuffix(".")


NAMES = ("A", "B", "C", "D")
SHADES = ("red", "blue", "green", "purple", "brown", "black")


@dataset.specimen
def specimen(root: Path, count: int) -> None:
    data: list[dict[str, object]] = []
    for index in range(count):
        kind = list(CHARTS)[index % len(CHARTS)]
        names = NAMES[: 3 + stable_hash("number", index) % 2]
        heights = pick(range(1, 11), len(names), index, "heights")
        image = canvas("plot", index)
        values = list(zip(names, heights, strict=True))
        chart(image, kind, values, SHADES[stable_hash("shade", index) % len(SHADES)])
        write_image(root / "train" / "png" / f"{index}.png", image)
        data += [
            {
                "image_index": index,
                "qid": "S1",
                "question_id": len(data) + place,
                "question_string": question,
                "answer": answer,
                "answer_bbox": {},
                "template": template,
                "type": kind,
            }
            for place, (template, question, answer) in enumerate(ask(index, values))
        ]
    write_json(root / "train" / "qa_pairs_V1.json", {"qa_pairs": data})


def ask(index: int, values: list[tuple[str, int]]) -> list[tuple[str, str, str | float]]:
    """Return questions on the structure of a plot, on a value of it, and on reasoning."""
    (one, first), (other, second) = pick(values, 2, index, "asked")
    mean = sum(value for _, value in values) / len(values)
    return [
        ("structural", "How many data points are there ?", len(values)),
        ("data", f"What is the value of {one} ?", float(first)),
        ("reasoning", "Which label has the highest value ?", max(values, key=lambda v: v[1])[0]),
        (
            "reasoning",
            f"Is the value of {one} less than that of {other} ?",
            "Yes" if first < second else "No",
        ),
        ("reasoning", "What is the average of the values ?", mean),
    ]
